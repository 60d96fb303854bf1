"""Looking back at deliveries: filters, pages of bounded cost, and each attempt with its request and response."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import sql
from sqlalchemy.dialects import postgresql

from psms.db.queries import delivery_views
from psms.domain.deliveries import AttemptRequest, DeliveryFilter
from psms.domain.pages import PageRequest
from psms.domain.webhooks import DeliveryState
from psms.errors import CursorInvalid
from psms.runtime import Runtime
from tests.support.answers import HOOK
from tests.support.backlogs import lay_deliveries
from tests.support.databases import MigratedDatabase
from tests.support.receiver import Answer, Receiver
from tests.support.tenants import Tenant, add_endpoint, file_ticket
from workflows.deliveries import deliver_due
from workflows.delivery_history import get_delivery, list_deliveries, resend
from workflows.relay import relay_outbox

COUNT = 12_000


def listed(rt: Runtime, tenant: Tenant, endpoint_id: UUID, wanted: DeliveryFilter) -> list[int]:
    """Return the sequences of all deliveries that are wanted, page by page, short ones too."""
    found: list[int] = []
    page = PageRequest(limit=100)
    while True:
        answer = list_deliveries(rt, tenant.actor, endpoint_id, page, wanted)
        found += [delivery.sequence for delivery in answer.items]
        if answer.next_after is None:
            return found
        page = PageRequest(limit=100, after=answer.next_after)


@pytest.fixture
def endpoint_id(rt: Runtime, acme: Tenant, database: MigratedDatabase) -> UUID:
    """An endpoint with a long history, of which a few deliveries are like no other."""
    made, _ = add_endpoint(rt, acme.actor, HOOK)
    lay_deliveries(database, acme.organization_id, made, COUNT, state="delivered")
    database.run(sql.SQL("UPDATE webhook_deliveries SET last_status = 204"))
    odd = """UPDATE webhook_deliveries SET state = 'dead', event_type = 'ticket.created', last_status = 503
        WHERE sequence IN (5, 6000, 11999)"""
    database.run(sql.SQL(odd))
    database.run(sql.SQL("ANALYZE webhook_deliveries"))
    return made


def test_deliveries_are_found_by_state_type_status_and_time(
    rt: Runtime, acme: Tenant, database: MigratedDatabase, endpoint_id: UUID
) -> None:
    odd = [11999, 6000, 5]
    ((at,),) = database.rows("SELECT occurred_at FROM webhook_deliveries WHERE sequence = 6000")
    assert isinstance(at, datetime)
    second = timedelta(seconds=1)

    assert listed(rt, acme, endpoint_id, DeliveryFilter(state=DeliveryState.DEAD)) == odd
    assert listed(rt, acme, endpoint_id, DeliveryFilter(event_type="ticket.created")) == odd
    assert listed(rt, acme, endpoint_id, DeliveryFilter(status_class=5)) == odd
    assert listed(rt, acme, endpoint_id, DeliveryFilter(status_class=4)) == []
    assert listed(rt, acme, endpoint_id, DeliveryFilter(state=DeliveryState.HELD)) == []
    assert listed(rt, acme, endpoint_id, DeliveryFilter(since=at, until=at + 3 * second)) == [6002, 6001, 6000]
    assert listed(rt, acme, endpoint_id, DeliveryFilter(until=at + second, status_class=5)) == [6000, 5]
    assert len(listed(rt, acme, endpoint_id, DeliveryFilter(since=at))) == COUNT - 5999


@pytest.mark.parametrize(
    "wanted",
    [
        DeliveryFilter(),
        DeliveryFilter(event_type="none"),
        DeliveryFilter(state=DeliveryState.DEAD),
        DeliveryFilter(since=datetime(2026, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_page_reads_a_stretch_of_an_index_however_few_fit(
    acme: Tenant, database: MigratedDatabase, endpoint_id: UUID, wanted: DeliveryFilter
) -> None:
    window = delivery_views.window_of(endpoint_id, None, wanted, wanted.state).limit(delivery_views.LOOKED_AT)
    compiled = window.compile(dialect=postgresql.psycopg.dialect())
    with psycopg.connect(database.app_url) as connection:
        connection.execute(f"SELECT set_config('psms.organization_id', '{acme.organization_id}', true)".encode())
        row = connection.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {compiled}".encode(), compiled.params).fetchone()
    assert row is not None
    plan: dict[str, Any] = row[0][0]["Plan"]

    assert plan["Node Type"] == "Limit"
    assert plan["Plans"][-1]["Node Type"] == "Index Scan", row
    assert plan["Actual Rows"] <= delivery_views.LOOKED_AT


def test_an_attempt_tells_what_was_asked_and_what_was_answered(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    with Receiver() as partner:
        partner.answer("/hook", Answer(status=503, headers={"X-Reason": "busy"}, body=b"zu viel los"))
        endpoint_id, _ = add_endpoint(rt, acme.actor, partner.url("/hook"))
        file_ticket(rt, acme.actor)
        relay_outbox(rt)
        deliver_due(rt)
        asked = partner.received[0]
    headers = sql.Literal('{"webhook-id": "1"}')
    noted = sql.SQL("UPDATE webhook_attempts SET url = {}, request_headers = {}")
    database.run(noted.format(sql.Literal(partner.url("/hook")), headers))
    (delivery,) = list_deliveries(rt, acme.actor, endpoint_id, PageRequest()).items

    found = get_delivery(rt, acme.actor, endpoint_id, delivery.id)

    (attempt,) = found.attempts
    assert found.body is not None
    assert found.body.encode() == asked.body
    assert attempt.request == AttemptRequest(method="POST", url=partner.url("/hook"), headers={"webhook-id": "1"})
    assert attempt.response is not None
    assert (attempt.response.status, attempt.response.body, attempt.response.truncated) == (503, "zu viel los", False)
    assert {name.lower(): value for name, value in attempt.response.headers.items()}["x-reason"] == "busy"


def test_a_delivery_that_is_resent_goes_out_of_its_order_save_the_one_for_which_others_wait(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    endpoint_id, _ = add_endpoint(rt, acme.actor, HOOK)
    lay_deliveries(database, acme.organization_id, endpoint_id, 3)
    database.run(sql.SQL("UPDATE webhook_deliveries SET order_key = endpoint_id, behind = sequence > 1"))
    database.run(sql.SQL("UPDATE webhook_deliveries SET state = 'pending', finished_at = NULL WHERE sequence < 3"))

    for (delivery_id,) in database.rows("SELECT id FROM webhook_deliveries ORDER BY sequence"):
        resend(rt, acme.actor, endpoint_id, UUID(str(delivery_id)))

    rows = database.rows("SELECT order_key IS NULL, behind, trigger FROM webhook_deliveries ORDER BY sequence")
    assert rows == [(False, False, "manual"), (True, False, "manual"), (True, False, "manual")]


@pytest.mark.parametrize("wanted", [DeliveryFilter(), DeliveryFilter(since=datetime(2026, 1, 1, tzinfo=UTC))])
def test_a_list_whose_place_was_removed_meanwhile_says_so_and_does_not_end_early(
    rt: Runtime, acme: Tenant, database: MigratedDatabase, wanted: DeliveryFilter
) -> None:
    made, _ = add_endpoint(rt, acme.actor, HOOK)
    lay_deliveries(database, acme.organization_id, made, 10)
    first = list_deliveries(rt, acme.actor, made, PageRequest(limit=3), wanted)
    assert first.next_after is not None
    # Retention goes by when they were over, so older ones may still be there.
    database.run(sql.SQL("DELETE FROM webhook_deliveries WHERE sequence = 8"))

    with pytest.raises(CursorInvalid):
        list_deliveries(rt, acme.actor, made, PageRequest(limit=3, after=first.next_after), wanted)
