"""Deliveries under concurrency: many relays, many claims, late results, a poison row, a slow partner."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier

import psycopg
import pytest
from psycopg import sql

from psms.adapters.slots import Slots
from psms.domain.accounts import Edit
from psms.domain.attempts import WebhookRequest
from psms.domain.deliveries import DeliveryFilter
from psms.domain.pages import PageRequest
from psms.domain.retry import SCHEDULE
from psms.domain.webhooks import DeliveryState, EndpointState
from psms.guard import TransactionOpenError
from psms.runtime import Runtime
from tests.support.answers import ACCEPTED, HOOK, REFUSED
from tests.support.databases import LEASE_OVER, MigratedDatabase
from tests.support.receiver import Answer, Receiver
from tests.support.tenants import Tenant, add_endpoint, claim, file_ticket, known_to_answer
from tests.support.waiting import eventually
from workflows.deliveries import deliver_due, reap_leases
from workflows.delivery_claims import claim_due
from workflows.delivery_history import list_deliveries
from workflows.delivery_jobs import Finished
from workflows.delivery_results import record
from workflows.endpoints import edit_endpoint
from workflows.relay import relay_outbox


def states(database: MigratedDatabase) -> list[tuple[object, ...]]:
    """Return state, counted failures and lost leases of each delivery, in the order of their sequence."""
    return database.rows("SELECT state, failures, leases_lost FROM webhook_deliveries ORDER BY sequence")


def outcomes(database: MigratedDatabase) -> list[tuple[object, ...]]:
    """Return outcome and lateness of each attempt, oldest first."""
    return database.rows("SELECT outcome, late FROM webhook_attempts ORDER BY id")


def test_many_relays_at_once_fan_out_each_event_once(rt: Runtime, acme: Tenant, database: MigratedDatabase) -> None:
    with Receiver() as partner:
        add_endpoint(rt, acme.actor, partner.url("/hook"))
        for _ in range(40):
            file_ticket(rt, acme.actor)
        with ThreadPoolExecutor(6) as pool:
            relayed = list(pool.map(lambda _: relay_outbox(rt), range(6)))

    sequences = database.rows("SELECT sequence FROM webhook_deliveries ORDER BY sequence")
    assert sum(relayed) == 40
    assert sequences == [(n,) for n in range(1, 41)]
    assert database.count("outbox") == 0


def test_many_deliverers_at_once_send_each_delivery_once(rt: Runtime, acme: Tenant, database: MigratedDatabase) -> None:
    workers = [replace(rt, slots=Slots(4), worker=f"w{n}") for n in range(6)]
    with Receiver() as partner:
        for path in ("/a", "/b", "/c"):
            add_endpoint(rt, acme.actor, partner.url(path))
        for _ in range(30):
            file_ticket(rt, acme.actor)
        relay_outbox(rt)
        barrier = Barrier(len(workers))

        def work(worker: Runtime) -> int:
            barrier.wait()
            return deliver_due(worker)

        with ThreadPoolExecutor(len(workers)) as pool:
            sent = list(pool.map(work, workers))

        assert sum(sent) == len(partner.received) == 90
        assert {(r.path, r.headers["webhook-id"]) for r in partner.received} == {
            (path, request.headers["webhook-id"]) for path in ("/a", "/b", "/c") for request in partner.received
        }
    assert states(database) == [("delivered", 0, 0)] * 90
    assert outcomes(database) == [("success", False)] * 90
    for worker in workers:
        worker.slots.close(5)  # type: ignore[attr-defined]


def test_a_late_result_changes_nothing_for_whoever_holds_the_delivery_now(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    add_endpoint(rt, acme.actor, HOOK)
    file_ticket(rt, acme.actor)
    relay_outbox(rt)
    (frozen,) = claim(rt)
    database.move_clock(LEASE_OVER)
    assert reap_leases(rt) == 1
    (holder,) = claim(rt)
    held = database.rows("SELECT state, lease_token, failures FROM webhook_deliveries")

    record(rt, [Finished(job=frozen, result=REFUSED)])

    assert database.rows("SELECT state, lease_token, failures FROM webhook_deliveries") == held
    assert held == [("in_flight", holder.token, 0)]
    record(rt, [Finished(job=holder, result=ACCEPTED)])
    assert states(database) == [("delivered", 0, 0)]
    assert outcomes(database) == [("http_error", True), ("success", False)]


def test_a_late_success_counts_where_nobody_holds_the_delivery(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    add_endpoint(rt, acme.actor, HOOK)
    file_ticket(rt, acme.actor)
    relay_outbox(rt)
    (frozen,) = claim(rt)
    database.move_clock(LEASE_OVER)
    reap_leases(rt)

    record(rt, [Finished(job=frozen, result=ACCEPTED)])

    assert states(database) == [("delivered", 0, 0)]
    assert outcomes(database) == [("success", True)]
    assert deliver_due(rt) == 0


def test_a_row_that_lost_two_leases_is_tried_with_nothing_beside_it(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    add_endpoint(rt, acme.actor, HOOK)
    file_ticket(rt, acme.actor)
    relay_outbox(rt)
    for lost in (1, 2):
        assert len(claim(rt)) == 1
        database.move_clock(lost * LEASE_OVER)
        reap_leases(rt)
    for _ in range(3):
        file_ticket(rt, acme.actor)
    relay_outbox(rt)

    beside_others = claim_due(rt, suspects=True, alone=False).jobs
    alone = claim(rt)
    afterwards = claim(rt)

    assert beside_others == []
    assert [job.sequence for job in alone] == [1]
    assert sorted(job.sequence for job in afterwards) == [2, 3, 4]


def test_a_recorded_result_forgives_lost_leases(rt: Runtime, acme: Tenant, database: MigratedDatabase) -> None:
    add_endpoint(rt, acme.actor, HOOK)
    file_ticket(rt, acme.actor)
    relay_outbox(rt)
    claim(rt)
    database.move_clock(LEASE_OVER)
    reap_leases(rt)
    (job,) = claim(rt)

    record(rt, [Finished(job=job, result=REFUSED)])

    assert states(database) == [("pending", 1, 0)]


def test_no_more_is_claimed_than_there_are_slots_and_room_in_the_lane(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    add_endpoint(rt, acme.actor, HOOK)
    for _ in range(40):
        file_ticket(rt, acme.actor)
    relay_outbox(rt)
    known_to_answer(database)
    narrow = replace(rt, slots=Slots(5))

    assert len(claim(narrow)) == 5
    assert len(claim(rt)) == 11
    assert claim(rt) == []
    assert [state for (state, *_) in states(database)].count("in_flight") == 16


def test_a_lane_with_a_long_backlog_does_not_starve_the_others(rt: Runtime, acme: Tenant) -> None:
    with Receiver() as partner:
        add_endpoint(rt, acme.actor, partner.url("/busy"))
        for _ in range(60):
            file_ticket(rt, acme.actor)
        quiet_id, _ = add_endpoint(rt, acme.actor, partner.url("/quiet"))
        file_ticket(rt, acme.actor)
        relay_outbox(rt)
        narrow = replace(rt, slots=Slots(4))

        claimed = claim(narrow) + claim(narrow)

    assert quiet_id in {job.endpoint_id for job in claimed}


def test_no_transaction_is_open_while_a_partner_is_called(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    busy = sql.SQL(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND xact_start IS NOT NULL"
    )
    with Receiver() as partner, ThreadPoolExecutor(1) as pool:
        partner.answer("/hook", Answer(delay_s=0.7))
        add_endpoint(rt, acme.actor, partner.url("/hook"))
        file_ticket(rt, acme.actor)
        relay_outbox(rt)
        sending = pool.submit(deliver_due, rt)
        eventually(lambda: partner.received, what="the request")
        with psycopg.connect(database.superuser_url, autocommit=True) as connection:
            eventually(lambda: connection.execute(busy).fetchone() == (1,), within=0.6)
        assert sending.result() == 1


def test_the_sender_refuses_to_run_inside_a_transaction(rt: Runtime, acme: Tenant) -> None:
    request = WebhookRequest(url=HOOK, body=b"{}", headers={}, timeout_s=1)
    with rt.db.begin(acme.organization_id), pytest.raises(TransactionOpenError):
        rt.sender.send(request)


def test_retry_after_holds_back_the_whole_endpoint(rt: Runtime, acme: Tenant, database: MigratedDatabase) -> None:
    with Receiver() as partner:
        partner.answer("/hook", Answer(status=429, headers={"Retry-After": "120"}), Answer())
        add_endpoint(rt, acme.actor, partner.url("/hook"))
        file_ticket(rt, acme.actor)
        relay_outbox(rt)
        deliver_due(rt)
        file_ticket(rt, acme.actor)
        relay_outbox(rt)

        assert deliver_due(rt) == 0
        database.move_clock(timedelta(seconds=115))
        assert deliver_due(rt) == 0
        database.move_clock(timedelta(seconds=125))
        assert deliver_due(rt) == 2
        assert len(partner.received) == 3
    assert states(database) == [("delivered", 1, 0), ("delivered", 0, 0)]


def test_w06_the_whole_schedule_each_delay_in_its_bounds_then_dead(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    waits = []
    with Receiver() as partner:
        partner.answer("/hook", *[Answer(status=500)] * 20)
        add_endpoint(rt, acme.actor, partner.url("/hook"))
        file_ticket(rt, acme.actor)
        relay_outbox(rt)
        while deliver_due(rt):
            ((wait,),) = database.rows(
                "SELECT EXTRACT(epoch FROM next_attempt_at - clock_timestamp()) FROM webhook_deliveries"
            )
            waits.append(float(str(wait)))
            database.move_clock(timedelta(seconds=max(0.0, waits[-1])))
        assert len(partner.received) == 14
        assert len({request.headers["webhook-id"] for request in partner.received}) == 1

    ((state, reason, attempts),) = database.rows("SELECT state, dead_reason, failures FROM webhook_deliveries")
    planned = timedelta(hours=71, minutes=42, seconds=35).total_seconds()
    assert (state, reason, attempts) == ("dead", "exhausted", 14)
    assert planned <= waits[-2] <= 1.2 * planned + 14
    # The clock stood at the former instant each time.
    delays = [now - was for was, now in zip([0.0, *waits], waits[:-1], strict=False)]
    bounds = [(delay.total_seconds(), max(1.0, 0.2 * delay.total_seconds())) for delay in SCHEDULE]
    assert [low - 1 <= delay <= low + spread + 1 for (low, spread), delay in zip(bounds, delays, strict=True)] == [
        True
    ] * 13
    assert database.rows("SELECT count(*) FROM logs WHERE action = 'delivery.dead'") == [(1,)]


def test_a_result_that_comes_after_the_endpoint_was_paused_is_held_not_retried(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    endpoint_id, _ = add_endpoint(rt, acme.actor, HOOK)
    file_ticket(rt, acme.actor)
    relay_outbox(rt)
    (job,) = claim(rt)
    edit_endpoint(rt, acme.actor, endpoint_id, Edit(fields={"state": EndpointState.PAUSED}))

    record(rt, [Finished(job=job, result=REFUSED)])

    page = list_deliveries(rt, acme.actor, endpoint_id, PageRequest(), DeliveryFilter(state=DeliveryState.HELD))
    assert [(delivery.state, delivery.attempts) for delivery in page.items] == [(DeliveryState.HELD, 1)]
    database.move_clock(timedelta(minutes=1))
    assert claim(rt) == []
    edit_endpoint(rt, acme.actor, endpoint_id, Edit(fields={"state": EndpointState.ACTIVE}))
    assert len(claim(rt)) == 1


def test_a_drain_that_is_told_to_stop_claims_nothing_new(rt: Runtime, acme: Tenant) -> None:
    with Receiver() as partner:
        add_endpoint(rt, acme.actor, partner.url("/hook"))
        file_ticket(rt, acme.actor)
        relay_outbox(rt)
        rt.stopping.set()

        assert deliver_due(rt) == 0
        assert partner.received == []
