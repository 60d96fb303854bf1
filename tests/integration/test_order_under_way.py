"""An order that is set while several of a line are out: whatever becomes of these, from then on one goes at a time."""

from datetime import timedelta

import pytest

from psms.db.queries import orders
from psms.domain.endpoint_settings import Ordering
from psms.runtime import Runtime
from tests.support.answers import ACCEPTED, HOOK, REFUSED
from tests.support.databases import MigratedDatabase
from tests.support.lanes import answered
from tests.support.partners import publish
from tests.support.tenants import Tenant, add_endpoint, claim, known_to_answer
from workflows.deliveries import reap_leases
from workflows.delivery_jobs import Job
from workflows.delivery_returns import give_back
from workflows.lane_reconciliation import reconcile_lanes


@pytest.fixture
def out(rt: Runtime, acme: Tenant, database: MigratedDatabase) -> list[Job]:
    """Three requests that were under way when the order of their endpoint was set, and a fourth that waits."""
    endpoint_id, _ = add_endpoint(rt, acme.actor, HOOK)
    known_to_answer(database)
    publish(rt, acme, 3)
    jobs = claim(rt)
    with rt.db.begin(acme.organization_id) as session:
        orders.set_ordering(session, acme.organization_id, endpoint_id, Ordering.ENDPOINT, rt.clock.now(session))
    publish(rt, acme, 1)
    assert claim(rt) == []
    return sorted(jobs, key=lambda job: job.sequence)


def one_by_one(rt: Runtime, database: MigratedDatabase) -> list[int]:
    """Answer what goes out, and return the places of it; never are there two."""
    received: list[int] = []
    for minute in range(1, 12):
        database.move_clock(timedelta(minutes=minute))
        while jobs := claim(rt):
            assert (len(jobs), claim(rt)) == (1, [])
            answered(rt, jobs, ACCEPTED)
            received += [job.sequence for job in jobs]
    assert reconcile_lanes(rt) == 0
    return received


def test_those_that_fail_together_go_one_by_one(rt: Runtime, database: MigratedDatabase, out: list[Job]) -> None:
    answered(rt, out, REFUSED)
    assert one_by_one(rt, database) == [1, 2, 3, 4]


def test_those_that_fail_one_after_the_other_go_one_by_one(
    rt: Runtime, database: MigratedDatabase, out: list[Job]
) -> None:
    for job in out:
        answered(rt, [job], REFUSED)
    # The last that was out goes on; then the others, in their order.
    assert one_by_one(rt, database) == [3, 1, 2, 4]


def test_those_whose_workers_were_lost_go_one_by_one(rt: Runtime, database: MigratedDatabase, out: list[Job]) -> None:
    answered(rt, out[2:], ACCEPTED)
    database.move_clock(timedelta(seconds=50))
    assert reap_leases(rt) == 2
    assert one_by_one(rt, database) == [1, 2, 4]


def test_the_others_go_when_the_last_that_was_out_is_delivered(
    rt: Runtime, database: MigratedDatabase, out: list[Job]
) -> None:
    answered(rt, out[:1], REFUSED)
    answered(rt, out[1:2], REFUSED)
    answered(rt, out[2:], ACCEPTED)
    assert one_by_one(rt, database) == [1, 2, 4]


def test_those_that_a_worker_gives_back_go_one_by_one(rt: Runtime, database: MigratedDatabase, out: list[Job]) -> None:
    give_back(rt, out)
    assert one_by_one(rt, database) == [1, 2, 3, 4]
