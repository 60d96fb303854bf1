"""Endpoints paused, activated, deleted and re-registered, with deliveries under way and a backlog behind them."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest
from psycopg import sql

from psms.adapters.slots import Slots
from psms.domain.accounts import Edit
from psms.domain.answers import OnceKey
from psms.domain.deliveries import DeliveryFilter
from psms.domain.pages import PageRequest
from psms.domain.webhooks import DeliveryState, EndpointState, NewEndpoint
from psms.errors import NotFound, TooManyEndpoints, WebhookUrlRefused
from psms.runtime import Runtime
from tests.support.answers import ACCEPTED, GONE, HOOK, REFUSED
from tests.support.databases import LEASE_OVER, MigratedDatabase
from tests.support.lanes import answered, lane_of, set_lane
from tests.support.receiver import Answer, Receiver
from tests.support.tenants import Tenant, add_endpoint, claim, file_ticket
from tests.support.waiting import eventually
from workflows import delivery_history, endpoints
from workflows.deliveries import deliver_due, reap_leases
from workflows.delivery_jobs import Finished
from workflows.delivery_results import record
from workflows.relay import relay_outbox
from workflows.upkeep import keep_house
from workflows.work import retry_work


def states(database: MigratedDatabase) -> list[tuple[object, ...]]:
    """Return the state of each delivery and why it is dead, oldest first."""
    return database.rows("SELECT state, dead_reason FROM webhook_deliveries ORDER BY created_at, sequence")


@contextmanager
def locked(database: MigratedDatabase, statement: str, *parameters: object) -> Iterator[None]:
    """Hold the rows that *statement* locks, from a connection of its own."""
    with psycopg.connect(database.superuser_url) as connection:
        connection.execute(statement.encode(), parameters)
        yield


@pytest.mark.parametrize("lost", [False, True])
def test_what_was_in_flight_when_its_endpoint_was_deleted_is_cancelled(
    rt: Runtime, acme: Tenant, database: MigratedDatabase, *, lost: bool
) -> None:
    endpoint_id, _ = add_endpoint(rt, acme.actor, HOOK)
    file_ticket(rt, acme.actor)
    relay_outbox(rt)
    (job,) = claim(rt)
    endpoints.remove_endpoint(rt, acme.actor, endpoint_id)
    if lost:
        database.move_clock(LEASE_OVER)
        assert reap_leases(rt) == 1
    else:
        record(rt, [Finished(job=job, result=REFUSED)])

    assert states(database) == [("cancelled", None)]


def test_upkeep_cancels_what_waited_for_a_deleted_endpoint(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    endpoint_id, _ = add_endpoint(rt, acme.actor, HOOK)
    kept_id, _ = add_endpoint(rt, acme.actor, HOOK)
    for _ in range(3):
        file_ticket(rt, acme.actor)
    relay_outbox(rt)
    endpoints.remove_endpoint(rt, acme.actor, endpoint_id)

    assert [job for job in claim(rt) if job.endpoint_id != kept_id] == []
    assert keep_house(rt) == 3
    cancelled = database.rows("SELECT state FROM webhook_deliveries WHERE endpoint_id = %s", endpoint_id)
    assert cancelled == [("cancelled",)] * 3
    with pytest.raises(NotFound):
        delivery_history.list_deliveries(rt, acme.actor, endpoint_id, PageRequest(), None)


def test_an_endpoint_deleted_during_the_fan_out_gets_nothing(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    endpoint_id, _ = add_endpoint(rt, acme.actor, HOOK)
    file_ticket(rt, acme.actor)
    lane = "SELECT * FROM webhook_lanes WHERE endpoint_id = %s FOR UPDATE"
    with ThreadPoolExecutor(1) as pool, psycopg.connect(database.superuser_url) as deleting:
        deleting.execute(lane.encode(), (endpoint_id,))
        relaying = pool.submit(relay_outbox, rt)
        waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        eventually(lambda: database.rows(waits) == [(1,)], what="the relay to wait for the lane")
        # As `remove_endpoint` does it.
        deleting.execute(b"UPDATE webhook_endpoints SET state = 'deleted' WHERE id = %s", (endpoint_id,))
        deleting.execute(
            b"UPDATE webhook_lanes SET open = false, removed = true WHERE endpoint_id = %s", (endpoint_id,)
        )
        deleting.commit()
        assert relaying.result(timeout=10) == 1

    assert database.count("webhook_deliveries") == 0


def test_pausing_holds_and_activating_releases_however_long_the_backlog(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    endpoint_id, _ = add_endpoint(rt, acme.actor, HOOK)
    file_ticket(rt, acme.actor)
    relay_outbox(rt)
    before = database.rows("SELECT ctid, xmin::text FROM webhook_deliveries")

    for state in (EndpointState.PAUSED, EndpointState.ACTIVE, EndpointState.PAUSED):
        endpoints.edit_endpoint(rt, acme.actor, endpoint_id, Edit(fields={"state": state}))

    # Not one row of the backlog was written.
    assert database.rows("SELECT ctid, xmin::text FROM webhook_deliveries") == before
    held = delivery_history.list_deliveries(
        rt, acme.actor, endpoint_id, PageRequest(), DeliveryFilter(state=DeliveryState.HELD)
    )
    assert [delivery.state for delivery in held.items] == [DeliveryState.HELD]
    pending = delivery_history.list_deliveries(
        rt, acme.actor, endpoint_id, PageRequest(), DeliveryFilter(state=DeliveryState.PENDING)
    )
    assert pending.items == []


def test_time_spent_held_does_not_use_up_the_seven_days(rt: Runtime, acme: Tenant, database: MigratedDatabase) -> None:
    endpoint_id, _ = add_endpoint(rt, acme.actor, HOOK)
    file_ticket(rt, acme.actor)
    relay_outbox(rt)
    endpoints.edit_endpoint(rt, acme.actor, endpoint_id, Edit(fields={"state": EndpointState.PAUSED}))
    database.move_clock(timedelta(days=8))
    endpoints.edit_endpoint(rt, acme.actor, endpoint_id, Edit(fields={"state": EndpointState.ACTIVE}))
    (job,) = claim(rt)

    record(rt, [Finished(job=job, result=REFUSED)])

    assert states(database) == [("pending", None)]


def test_a_late_refusal_neither_disables_nor_is_noted(rt: Runtime, acme: Tenant, database: MigratedDatabase) -> None:
    add_endpoint(rt, acme.actor, HOOK)
    file_ticket(rt, acme.actor)
    relay_outbox(rt)
    (late,) = claim(rt)
    database.move_clock(LEASE_OVER)
    reap_leases(rt)
    (holder,) = claim(rt)
    record(rt, [Finished(job=holder, result=ACCEPTED)])

    record(rt, [Finished(job=late, result=GONE)])

    assert states(database) == [("delivered", None)]
    assert database.rows("SELECT state, failing_since FROM webhook_endpoints") == [("active", None)]
    assert database.rows("SELECT count(*) FROM logs WHERE action LIKE '%%disabled'") == [(0,)]


def test_dead_work_of_a_deleted_endpoint_does_not_hide_what_can_be_retried(
    rt: Runtime, acme: Tenant, stranger: Tenant, database: MigratedDatabase
) -> None:
    for tenant in (acme, stranger):
        endpoint_id, _ = add_endpoint(rt, tenant.actor, HOOK)
        for _ in range(2):
            file_ticket(rt, tenant.actor)
        relay_outbox(rt)
        if tenant is acme:
            endpoints.remove_endpoint(rt, tenant.actor, endpoint_id)
    database.run(sql.SQL("UPDATE webhook_deliveries SET state = 'dead', finished_at = now()"))

    assert retry_work(rt, None) == 2
    assert sorted(states(database)) == [("dead", None)] * 2 + [("pending", None)] * 2


def test_an_organization_has_at_most_a_hundred_endpoints(rt: Runtime, acme: Tenant, database: MigratedDatabase) -> None:
    for _ in range(98):
        add_endpoint(rt, acme.actor, HOOK)

    with ThreadPoolExecutor(6) as pool:
        asked = [pool.submit(add_endpoint, rt, acme.actor, HOOK) for _ in range(6)]

    refused = [type(one.exception()) for one in asked if one.exception() is not None]
    assert refused == [TooManyEndpoints] * 4
    assert database.count("webhook_endpoints") == 100


def test_a_repeated_registration_is_answered_before_its_address_is_judged_again(rt: Runtime, acme: Tenant) -> None:
    class Refusing:
        def check_url(self, url: str, /) -> None:
            raise WebhookUrlRefused(f"{url} is refused now")

    once = OnceKey(key="key", fingerprint=b"print")
    first = endpoints.add_endpoint(rt, acme.actor, NewEndpoint(url=HOOK), once)
    again = endpoints.add_endpoint(replace(rt, url_guard=Refusing()), acme.actor, NewEndpoint(url=HOOK), once)

    assert again.replayed
    assert json.loads(again.body) == {**json.loads(first.body), "secret": None}


def test_a_resend_goes_out_at_once_whatever_retry_after_said(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    with Receiver() as partner:
        partner.answer("/hook", Answer(status=503, headers={"Retry-After": "3000"}), Answer())
        endpoint_id, _ = add_endpoint(rt, acme.actor, partner.url("/hook"))
        file_ticket(rt, acme.actor)
        relay_outbox(rt)
        deliver_due(rt)
        ((delivery_id,),) = database.rows("SELECT id FROM webhook_deliveries")
        assert isinstance(delivery_id, UUID)
        assert deliver_due(rt) == 0

        delivery_history.resend(rt, acme.actor, endpoint_id, delivery_id)

        assert deliver_due(rt) == 1
    assert states(database) == [("delivered", None)]


def test_slots_that_are_taken_are_not_claimed_for(rt: Runtime, acme: Tenant) -> None:
    with Receiver() as partner:
        partner.answer("/hook", Answer(delay_s=0.2))
        add_endpoint(rt, acme.actor, partner.url("/hook"))
        for _ in range(9):
            file_ticket(rt, acme.actor)
        relay_outbox(rt)
        slots = Slots(3)

        assert deliver_due(replace(rt, slots=slots)) == 9
        slots.close(2)


def test_an_endpoint_that_somebody_activates_is_not_left_alone_for_what_it_did_before(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    endpoint_id, _ = add_endpoint(rt, acme.actor, HOOK)
    bad = {"opens": 6, "failures_in_a_row": 40, "recent_failures": 1048575, "recent_results": 20}
    set_lane(database, endpoint_id, circuit="open", probe_at=datetime.now(UTC) + timedelta(minutes=9), **bad)
    for state in (EndpointState.PAUSED, EndpointState.ACTIVE):
        endpoints.edit_endpoint(rt, acme.actor, endpoint_id, Edit(fields={"state": state}))
    file_ticket(rt, acme.actor)
    relay_outbox(rt)

    answered(rt, claim(rt), REFUSED)

    assert lane_of(database, endpoint_id)[:3] == ("open", 1, 1)
    waits = "SELECT probe_at - psms_now() < interval '13 seconds' FROM webhook_lanes"
    assert database.rows(waits) == [(True,)]
