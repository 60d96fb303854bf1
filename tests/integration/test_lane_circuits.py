"""What a lane does with what it learned: circuits, probes, windows, rates and leases, claimed and recorded for real."""

from dataclasses import replace
from datetime import timedelta
from operator import attrgetter
from uuid import UUID

import pytest
from prometheus_client import REGISTRY
from psycopg import sql

from psms.domain.attempts import Outcome
from psms.runtime import Runtime
from tests.support.answers import ACCEPTED, HOOK, REFUSED
from tests.support.besiegers import Answering
from tests.support.databases import LEASE_OVER, MigratedDatabase
from tests.support.lanes import answered, lane_of, pile_up, set_lane
from tests.support.partners import publish
from tests.support.tenants import Tenant, add_endpoint, claim, file_ticket, known_to_answer
from workflows.deliveries import deliver_due, reap_leases
from workflows.delivery_history import resend
from workflows.relay import relay_outbox

TIMED_OUT = replace(REFUSED, outcome=Outcome.TIMEOUT, status=None, duration_ms=15_000)
FIRST = "psms_webhook_commit_to_first_attempt_seconds"
DELIVERED = "psms_webhook_commit_to_delivered_seconds"
TRIED = "SELECT count(*), COALESCE(sum(tries), 0), COALESCE(sum(failures), 0) FROM webhook_deliveries WHERE tries > 0"


@pytest.fixture
def endpoint_id(rt: Runtime, acme: Tenant, database: MigratedDatabase) -> UUID:
    """An endpoint that is known to answer, with one delivery that is due."""
    endpoint_id, _ = add_endpoint(rt, acme.actor, HOOK)
    file_ticket(rt, acme.actor)
    relay_outbox(rt)
    known_to_answer(database)
    return endpoint_id


def count_of(metric: str, **labels: str) -> float:
    """Return what a metric of this process has counted."""
    return REGISTRY.get_sample_value(metric, labels) or 0.0


def test_w21_an_open_circuit_lets_only_probes_through_however_much_is_new_and_uses_up_no_attempts(
    rt: Runtime, acme: Tenant, database: MigratedDatabase, endpoint_id: UUID
) -> None:
    set_lane(database, endpoint_id, max_in_flight=5)
    pile_up(database, [endpoint_id], 4)
    opened = count_of("psms_webhook_circuits_opened_total")
    answered(rt, claim(rt), REFUSED)
    assert lane_of(database, endpoint_id) == ("open", None, 1, 5, True)
    assert count_of("psms_webhook_circuits_opened_total") == opened + 1
    publish(rt, acme, 500)

    ahead, probed = 0.0, []
    for wait in (12, 24, 48, 96):
        file_ticket(rt, acme.actor)
        relay_outbox(rt)
        # Nor is the lane looked at meanwhile.
        assert database.rows("SELECT next_due_at = probe_at FROM webhook_lanes") == [(True,)]
        assert claim(rt) == []
        ahead += wait
        database.move_clock(timedelta(seconds=ahead))
        (probe,) = claim(rt)
        assert claim(rt) == []
        answered(rt, [probe], REFUSED)
        probed.append((probe.number, probe.sequence))

    assert lane_of(database, endpoint_id) == ("open", None, 5, 5, True)
    # Those never tried go first, the oldest of them; then what failed first.
    assert probed == [(1, 6), (1, 7), (1, 8), (1, 9)]
    assert database.rows(TRIED) == [(9, 9, 9)]
    assert database.count("webhook_deliveries") == 5 + 500 + 4


def test_w21_an_endpoint_that_recovers_is_asked_slowly_one_more_after_each_ten_oldest_first(
    rt: Runtime, database: MigratedDatabase, endpoint_id: UUID
) -> None:
    set_lane(database, endpoint_id, max_in_flight=5, circuit="open", opens=3)
    pile_up(database, [endpoint_id], 60)
    answered(rt, claim(rt), ACCEPTED)
    assert lane_of(database, endpoint_id) == ("closed", 1, 3, 0, False)
    windows, order = [], []
    for _ in range(22):
        jobs = sorted(claim(rt), key=attrgetter("sequence"))
        windows.append(len(jobs))
        order += [job.sequence for job in jobs]
        answered(rt, jobs, ACCEPTED)
    assert windows == [1] * 10 + [2] * 5 + [3] * 4 + [4] * 2 + [5]
    assert order == list(range(3, 3 + sum(windows)))
    assert lane_of(database, endpoint_id) == ("closed", None, 0, 0, False)


def test_results_that_come_together_open_the_circuit_once(
    rt: Runtime, database: MigratedDatabase, endpoint_id: UUID
) -> None:
    pile_up(database, [endpoint_id], 20)
    jobs = claim(rt)
    assert len(jobs) == 16

    answered(rt, jobs, REFUSED)

    assert lane_of(database, endpoint_id) == ("open", None, 1, 5, True)


def test_who_asks_for_a_delivery_has_the_endpoint_tried_at_once_with_one_request(
    rt: Runtime, acme: Tenant, database: MigratedDatabase, endpoint_id: UUID
) -> None:
    pile_up(database, [endpoint_id], 20)
    jobs = claim(rt)
    answered(rt, jobs, REFUSED)
    assert claim(rt) == []

    resend(rt, acme.actor, endpoint_id, jobs[0].delivery_id)

    assert lane_of(database, endpoint_id)[0] == "half_open"
    assert len(claim(rt)) == 1
    assert claim(rt) == []


def test_a_probe_whose_worker_is_lost_is_made_again(rt: Runtime, database: MigratedDatabase, endpoint_id: UUID) -> None:
    pile_up(database, [endpoint_id], 5)
    set_lane(database, endpoint_id, circuit="open", opens=1)
    (lost,) = claim(rt)
    database.move_clock(LEASE_OVER)

    assert reap_leases(rt) == 1

    assert lane_of(database, endpoint_id)[0] == "half_open"
    (again,) = claim(rt)
    answered(rt, [again], ACCEPTED)
    assert lane_of(database, endpoint_id)[:3] == ("closed", 1, 1)
    assert lost.delivery_id != again.delivery_id


def test_an_endpoint_that_is_overwhelmed_gets_half_as_many_at_once_down_to_one(
    rt: Runtime, database: MigratedDatabase, endpoint_id: UUID
) -> None:
    pile_up(database, [endpoint_id], 60)
    sizes = []
    for _ in range(5):
        jobs = claim(rt)
        sizes.append(len(jobs))
        answered(rt, jobs[1:], ACCEPTED)
        answered(rt, jobs[:1], TIMED_OUT)
        known_to_answer(database)
    assert sizes == [16, 8, 4, 2, 1]


def test_a_slow_lane_holds_no_more_than_a_quarter_of_the_slots(
    rt: Runtime, database: MigratedDatabase, endpoint_id: UUID
) -> None:
    pile_up(database, [endpoint_id], 60)
    set_lane(database, endpoint_id, latency_ms=2001)
    # One each time, and here nobody counts what is under way.
    assert [len(claim(rt)) for _ in range(4)] == [1, 1, 1, 1]


def test_a_rate_is_kept_and_asks_for_no_more_looks_than_it_allows_requests(
    rt: Runtime, database: MigratedDatabase, endpoint_id: UUID
) -> None:
    pile_up(database, [endpoint_id], 60)
    set_lane(database, endpoint_id, rate_per_minute=6)
    late = "SELECT next_due_at - psms_now() > interval '9 seconds' FROM webhook_lanes"
    made = []
    for second in range(0, 60, 5):
        database.move_clock(timedelta(seconds=second, milliseconds=second))
        jobs = claim(rt)
        answered(rt, jobs, ACCEPTED)
        made.append(len(jobs))
        if jobs:
            assert database.rows(late) == [(True,)]
    assert made == [1, 0] * 6


def test_a_rate_of_many_a_second_comes_in_seconds_worths(
    rt: Runtime, database: MigratedDatabase, endpoint_id: UUID
) -> None:
    pile_up(database, [endpoint_id], 60)
    set_lane(database, endpoint_id, rate_per_minute=300)
    first = claim(rt)
    database.move_clock(timedelta(seconds=1, milliseconds=100))
    second = claim(rt)
    assert (len(first), len(second)) == (5, 5)


def test_an_endpoint_that_may_take_longer_has_a_longer_lease(
    rt: Runtime, acme: Tenant, database: MigratedDatabase, endpoint_id: UUID
) -> None:
    usual = replace(rt, settings=replace(rt.settings, lease_seconds=30))
    add_endpoint(rt, acme.actor, HOOK)
    file_ticket(rt, acme.actor)
    relay_outbox(rt)
    patient = sql.SQL("UPDATE webhook_endpoints SET timeout_seconds = 30 WHERE id = {}")
    database.run(patient.format(sql.Literal(endpoint_id)))

    jobs = claim(usual)

    held = "SELECT DISTINCT endpoint_id = %s, lease_expires_at - first_attempt_at FROM webhook_deliveries ORDER BY 1"
    assert database.rows(held, endpoint_id) == [(False, timedelta(seconds=30)), (True, timedelta(seconds=45))]
    assert {(job.endpoint_id == endpoint_id, job.timeout_s) for job in jobs} == {(False, 15.0), (True, 30.0)}


def test_w04_a_result_that_comes_after_another_took_over_is_counted_as_late_and_teaches_nothing(
    rt: Runtime, database: MigratedDatabase, endpoint_id: UUID
) -> None:
    (frozen,) = claim(rt)
    database.move_clock(LEASE_OVER)
    assert reap_leases(rt) == 1
    (holder,) = claim(rt)
    late, before = count_of("psms_webhook_late_results_total"), lane_of(database, endpoint_id)

    answered(rt, [frozen], REFUSED)

    held = database.rows("SELECT state, lease_token, failures FROM webhook_deliveries")
    assert held == [("in_flight", holder.token, 0)]
    assert count_of("psms_webhook_late_results_total") == late + 1
    assert lane_of(database, endpoint_id) == before


def test_delays_are_measured_by_how_the_endpoint_fares(
    rt: Runtime, database: MigratedDatabase, endpoint_id: UUID
) -> None:
    def measured() -> list[list[float]]:
        kinds = ("healthy", "slow", "failing")
        return [[count_of(f"{name}_count", endpoint=kind) for kind in kinds] for name in (FIRST, DELIVERED)]

    before = measured()
    set_lane(database, endpoint_id, circuit="half_open", opens=1)
    answered(rt, claim(rt), REFUSED)
    database.move_clock(timedelta(seconds=40))
    answered(rt, claim(rt), ACCEPTED)

    grown = [[now - was for now, was in zip(*rows, strict=True)] for rows in zip(measured(), before, strict=True)]
    # The first request is measured where it is sent, by the pump, and these were not sent.
    assert grown == [[0, 0, 0], [0, 0, 1]]


def test_only_the_first_request_of_a_delivery_is_measured_as_such(
    rt: Runtime, database: MigratedDatabase, endpoint_id: UUID
) -> None:
    failing, before = Answering(REFUSED, ACCEPTED), count_of(f"{FIRST}_count", endpoint="healthy")
    worker = replace(rt, sender=failing)

    assert deliver_due(worker) == 1
    database.move_clock(timedelta(seconds=7))
    assert deliver_due(worker) == 1

    assert database.rows("SELECT state, tries FROM webhook_deliveries") == [("delivered", 2)]
    assert count_of(f"{FIRST}_count", endpoint="healthy") == before + 1
