"""How many events a replay counts for an endpoint with a filter. What replays send is in `test_replays`."""

import json
from uuid import UUID

import pytest

from psms.domain.replays import ReplayMode, ReplayState
from psms.domain.tickets import OpenTicket, Priority
from psms.domain.webhooks import NewEndpoint
from psms.runtime import Runtime
from tests.support.answers import HOOK
from tests.support.databases import MigratedDatabase
from tests.support.replaying import asked
from tests.support.tenants import Tenant
from workflows import endpoints, tickets
from workflows.relay import relay_outbox
from workflows.replay_drain import replay_webhooks
from workflows.replays import get_replay

CRITICAL = {"path": "data.ticket.priority", "op": "eq", "value": "critical"}


def watching_critical(rt: Runtime, tenant: Tenant) -> UUID:
    """Register an endpoint that wants critical tickets alone."""
    command = NewEndpoint(url=HOOK, event_filter=CRITICAL)
    return UUID(json.loads(endpoints.add_endpoint(rt, tenant.actor, command, None).body)["id"])


def counted(rt: Runtime, tenant: Tenant, endpoint_id: UUID, mode: ReplayMode) -> int | None:
    """Return how many events a dry run counts."""
    replay_id = asked(rt, tenant, endpoint_id, mode, dry_run=True)
    replay_webhooks(rt, patience_s=0)
    replay = get_replay(rt, tenant.actor, endpoint_id, replay_id)
    assert replay.state is ReplayState.DONE
    return replay.matched


@pytest.mark.parametrize(("mode", "expected"), [(ReplayMode.MISSING, (0, 1)), (ReplayMode.ALL, (1, 1))])
def test_what_a_filter_refuses_is_not_counted_as_missing(
    rt: Runtime, acme: Tenant, database: MigratedDatabase, mode: ReplayMode, expected: tuple[int, int]
) -> None:
    there = watching_critical(rt, acme)
    for priority in (Priority.CRITICAL, Priority.MEDIUM, Priority.LOW):
        tickets.open_ticket(rt, acme.actor, OpenTicket(subject="Fire", priority=priority, priority_reason="So."), None)
    relay_outbox(rt)
    came_later = watching_critical(rt, acme)

    assert database.count("webhook_deliveries") == 1
    assert (counted(rt, acme, there, mode), counted(rt, acme, came_later, mode)) == expected
