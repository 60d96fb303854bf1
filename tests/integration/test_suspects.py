"""Deliveries that may have killed their workers: tried alone, and within what their endpoint bears as all others."""

from datetime import timedelta
from uuid import UUID

import pytest
from psycopg import sql

from psms.runtime import Runtime
from tests.support.answers import ACCEPTED, HOOK, REFUSED
from tests.support.databases import MigratedDatabase
from tests.support.lanes import answered, lane_of, pile_up, set_lane
from tests.support.tenants import Tenant, add_endpoint, claim, file_ticket, known_to_answer
from workflows.delivery_claims import claim_due
from workflows.relay import relay_outbox

SUSPECTED = sql.SQL("UPDATE webhook_deliveries SET leases_lost = 2 WHERE sequence <= 3")


@pytest.fixture
def endpoint_id(rt: Runtime, acme: Tenant, database: MigratedDatabase) -> UUID:
    """An endpoint that is known to answer, with six deliveries that are due, the first three of them suspects."""
    endpoint_id, _ = add_endpoint(rt, acme.actor, HOOK)
    file_ticket(rt, acme.actor)
    relay_outbox(rt)
    pile_up(database, [endpoint_id], 5)
    known_to_answer(database)
    database.run(SUSPECTED)
    return endpoint_id


def test_a_suspect_is_the_one_probe_of_an_open_circuit(
    rt: Runtime, database: MigratedDatabase, endpoint_id: UUID
) -> None:
    set_lane(database, endpoint_id, circuit="open", opens=1)

    (probe,) = claim(rt)

    assert (probe.sequence <= 3, claim(rt)) == (True, [])
    assert lane_of(database, endpoint_id)[0] == "half_open"
    answered(rt, [probe], REFUSED)
    assert lane_of(database, endpoint_id)[:3] == ("open", None, 2)
    assert claim(rt) == []
    database.move_clock(timedelta(seconds=30))
    (probe,) = claim(rt)
    answered(rt, [probe], ACCEPTED)
    assert lane_of(database, endpoint_id)[:2] == ("closed", 1)


def test_a_suspect_waits_where_as_many_are_out_as_the_endpoint_bears_and_holds_nobody_up(
    rt: Runtime, acme: Tenant, database: MigratedDatabase, endpoint_id: UUID
) -> None:
    set_lane(database, endpoint_id, max_in_flight=1)
    other_id, _ = add_endpoint(rt, acme.actor, HOOK)
    (out,) = claim(rt)
    assert out.sequence <= 3
    file_ticket(rt, acme.actor)
    relay_outbox(rt)

    beside_it = claim_due(rt, suspects=True, alone=False)

    assert [job.endpoint_id for job in beside_it.jobs] == [other_id]
    assert claim(rt) == []
    answered(rt, [out], ACCEPTED)
    assert [job.sequence <= 3 for job in claim(rt)] == [True]


def test_suspects_keep_to_the_rate(rt: Runtime, database: MigratedDatabase, endpoint_id: UUID) -> None:
    set_lane(database, endpoint_id, rate_per_minute=6)
    made = []
    for second in range(0, 30, 5):
        database.move_clock(timedelta(seconds=second, milliseconds=second))
        jobs = claim(rt)
        answered(rt, jobs, ACCEPTED)
        made.append([job.sequence <= 3 for job in jobs])
    assert made == [[True], [], [True], [], [True], []]
