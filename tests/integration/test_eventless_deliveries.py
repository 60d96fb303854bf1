"""Deliveries whose event is gone, as after its month was detached: given up, told of, and in nobody's way."""

from uuid import UUID

import pytest
from prometheus_client import REGISTRY
from psycopg import sql

from psms.runtime import Runtime
from tests.support.answers import HOOK
from tests.support.databases import MigratedDatabase
from tests.support.lanes import pile_up, set_lane
from tests.support.tenants import Tenant, add_endpoint, claim, file_ticket, known_to_answer
from workflows.relay import relay_outbox

GONE = sql.SQL("UPDATE webhook_deliveries SET event_id = gen_random_uuid() WHERE sequence <= 3")
LAST = sql.SQL("UPDATE webhook_deliveries SET next_attempt_at = psms_now() WHERE sequence = 4")
STATES = "SELECT state, dead_reason FROM webhook_deliveries ORDER BY sequence"
LOGGED = "SELECT after ->> 'reason' FROM logs WHERE action = 'delivery.dead'"


@pytest.fixture
def endpoint_id(rt: Runtime, acme: Tenant, database: MigratedDatabase) -> UUID:
    """An endpoint that is asked for one at a time, with four deliveries, of which the first three have no event."""
    endpoint_id, _ = add_endpoint(rt, acme.actor, HOOK)
    file_ticket(rt, acme.actor)
    relay_outbox(rt)
    pile_up(database, [endpoint_id], 3)
    known_to_answer(database)
    set_lane(database, endpoint_id, max_in_flight=1)
    database.run(GONE)
    database.run(LAST)
    return endpoint_id


def dead() -> float:
    """Return how many were counted as given up since their event is gone."""
    return REGISTRY.get_sample_value("psms_webhook_dead_total", {"reason": "event_gone"}) or 0.0


def test_deliveries_without_events_are_counted_logged_and_hold_up_nobody(
    rt: Runtime, database: MigratedDatabase, endpoint_id: UUID
) -> None:
    before = dead()

    # Each claim takes one, and nobody waits for a lease to end.
    claimed = [[job.endpoint_id for job in claim(rt)] for _ in range(4)]

    assert claimed == [[], [], [], [endpoint_id]]
    assert database.rows(STATES) == [("dead", "event_gone")] * 3 + [("in_flight", None)]
    assert dead() == before + 3
    assert database.rows(LOGGED) == [("event_gone",)] * 3
