"""How many events a replay counts for an endpoint with a filter. What replays send is in `test_replays`."""

import json
from datetime import timedelta
from uuid import UUID

import pytest
from psycopg import sql

from psms.domain.replays import ReplayMode, ReplayState
from psms.domain.tickets import OpenTicket, Priority
from psms.domain.webhooks import NewEndpoint
from psms.runtime import Runtime
from tests.support.answers import HOOK
from tests.support.backlogs import lay_events
from tests.support.databases import MigratedDatabase
from tests.support.replaying import asked
from tests.support.statements import heard
from tests.support.tenants import Tenant, add_endpoint, file_ticket
from workflows import endpoints, tickets
from workflows.relay import relay_outbox
from workflows.replay_drain import replay_webhooks
from workflows.replays import get_replay

_CRITICAL_BODY = """
    ALTER TABLE events DISABLE TRIGGER USER;
    UPDATE events SET body = '{"data":{"ticket":{"priority":"critical"}}}'
    WHERE id IN (SELECT id FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM events) e
        WHERE n IN (5, 6, 60, 119));
    UPDATE events SET body = '{"data":{"ticket":{"priority":"low"}}}' WHERE position('critical'::bytea IN body) = 0
"""
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
    database.run(sql.SQL("UPDATE webhook_deliveries SET state = 'delivered', finished_at = now()"))
    came_later = watching_critical(rt, acme)

    assert database.count("webhook_deliveries") == 1
    assert (counted(rt, acme, there, mode), counted(rt, acme, came_later, mode)) == expected


def test_what_a_filter_refuses_is_passed_over_many_at_a_time(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    lay_events(database, acme.organization_id, 120)
    database.run(sql.SQL(_CRITICAL_BODY))
    came_later = watching_critical(rt, acme)
    replay_id = asked(rt, acme, came_later, ReplayMode.MISSING)
    looks = 0

    def note(statement: str, _: object) -> None:
        nonlocal looks
        looks += "looked_at AS MATERIALIZED" in statement

    with heard(lambda statement: statement, note):
        released = [replay_webhooks(rt, patience_s=0)]
        database.run(sql.SQL("UPDATE webhook_deliveries SET state = 'delivered', finished_at = now()"))
        database.move_clock(timedelta(seconds=1))
        released.append(replay_webhooks(rt, patience_s=0))

    # Three of them make up the share of the lane; the other one's place is found where the first three ended.
    rows = database.rows("SELECT event_id FROM webhook_deliveries ORDER BY sequence")
    expected = database.rows("SELECT id FROM events WHERE position('critical'::bytea IN body) > 0 ORDER BY id")
    assert (released, rows) == ([3, 1], expected)
    assert get_replay(rt, acme.actor, came_later, replay_id).state is ReplayState.DONE
    assert looks < 12


@pytest.mark.parametrize(
    ("event_types", "expected"),
    [(("ticket.*",), 2), (("sla.*",), 0), (("sla.*", "ticket.created"), 2), (("ticket.created",), 2)],
)
def test_a_replay_takes_groups_of_events(
    rt: Runtime, acme: Tenant, database: MigratedDatabase, event_types: tuple[str, ...], expected: int
) -> None:
    endpoint_id, _ = add_endpoint(rt, acme.actor, HOOK)
    for _ in range(2):
        file_ticket(rt, acme.actor)
    relay_outbox(rt)
    database.run(sql.SQL("UPDATE webhook_deliveries SET state = 'dead', finished_at = psms_now()"))
    replay_id = asked(rt, acme, endpoint_id, ReplayMode.FAILED, *event_types, dry_run=True)

    replay_webhooks(rt, patience_s=0)

    replay = get_replay(rt, acme.actor, endpoint_id, replay_id)
    assert (replay.matched, replay.event_types) == (expected, sorted(event_types))
