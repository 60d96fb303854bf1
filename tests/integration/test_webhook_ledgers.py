"""What a partner can prove: the same events by pull as by push, byte for byte, and counts that outlive deliveries."""

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import sql

from psms.db.queries import webhook_ledgers as queries
from psms.domain.deliveries import PulledEvent
from psms.domain.webhook_ledgers import Ledger, LedgerCounts
from psms.errors import FieldError
from psms.runtime import Runtime
from tests.support.answers import HOOK
from tests.support.backlogs import lay_deliveries
from tests.support.databases import MigratedDatabase
from tests.support.receiver import Answer, Receiver
from tests.support.tenants import Tenant, add_endpoint, file_ticket
from workflows.deliveries import deliver_due
from workflows.relay import relay_outbox
from workflows.upkeep import keep_house
from workflows.webhook_ledgers import ledger_of, pull_events

LONG = 20_000


def pulled(rt: Runtime, tenant: Tenant, endpoint_id: UUID, limit: int = 2) -> list[PulledEvent]:
    """Pull all events of an endpoint, as a partner would."""
    found: list[PulledEvent] = []
    while True:
        after = found[-1].sequence if found else 0
        page = pull_events(rt, tenant.actor, endpoint_id, after_sequence=after, limit=limit)
        found += page.items
        if not page.items or found[-1].sequence == page.last_sequence:
            return found


def week(rt: Runtime, tenant: Tenant, endpoint_id: UUID) -> Ledger:
    """Return the ledger of the last week."""
    return ledger_of(rt, tenant.actor, endpoint_id, None, None)


def test_w29_what_is_pulled_what_was_received_and_the_ledger_are_the_same_events_byte_for_byte(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    with Receiver() as partner:
        partner.answer("/hook", Answer(status=500), Answer())
        endpoint_id, _ = add_endpoint(rt, acme.actor, partner.url("/hook"))
        for number in range(9):
            file_ticket(rt, acme.actor, f"Drucker kaputt, {number} Stück: “ä\u2028€”")
            relay_outbox(rt)
            deliver_due(rt)
        database.move_clock(timedelta(seconds=10))
        deliver_due(rt)
        received = list(partner.received)

    events = pulled(rt, acme, endpoint_id)
    # As it goes over the wire and back.
    bodies = [json.loads(json.dumps(event.body)).encode() for event in events]
    by_sequence = {int(one.headers["webhook-sequence"]): one for one in received}
    ledger = week(rt, acme, endpoint_id)

    assert [event.sequence for event in events] == list(range(1, 10)) == sorted(by_sequence)
    assert bodies == [by_sequence[event.sequence].body for event in events]
    assert [str(event.event_id) for event in events] == [
        by_sequence[event.sequence].headers["webhook-id"] for event in events
    ]
    assert Counter(event.state for event in events) == {"delivered": 9}
    assert ledger.total == LedgerCounts(committed=9, delivered=9)
    assert (ledger.gapless, ledger.accounted, ledger.last_sequence, ledger.unrelayed) == (True, 9, 9, 0)
    assert [(day.first_sequence, day.last_sequence, day.counts) for day in ledger.days] == [(1, 9, ledger.total)]


def test_the_ledger_tells_what_waits_is_held_dead_or_cancelled_and_what_no_delivery_was_made_of_yet(
    rt: Runtime, acme: Tenant, stranger: Tenant, database: MigratedDatabase
) -> None:
    endpoint_id, _ = add_endpoint(rt, acme.actor, HOOK)
    lay_deliveries(database, acme.organization_id, endpoint_id, 6)
    file_ticket(rt, stranger.actor)
    file_ticket(rt, acme.actor)
    for state, sequence in (("pending", 1), ("in_flight", 2), ("cancelled", 3), ("delivered", 4)):
        change = "UPDATE webhook_deliveries SET state = {} WHERE sequence = {}"
        database.run(sql.SQL(change).format(sql.Literal(state), sql.Literal(sequence)))
    active = week(rt, acme, endpoint_id)
    database.run(sql.SQL("UPDATE webhook_endpoints SET state = 'paused'"))
    paused = week(rt, acme, endpoint_id)

    expected = LedgerCounts(committed=6, delivered=1, pending=2, dead=2, cancelled=1)
    assert (active.total, active.unrelayed, active.gapless) == (expected, 1, True)
    assert paused.total == replace(expected, pending=1, held=1)


def test_a_delivery_that_is_gone_shows_as_a_gap(rt: Runtime, acme: Tenant, database: MigratedDatabase) -> None:
    endpoint_id, _ = add_endpoint(rt, acme.actor, HOOK)
    lay_deliveries(database, acme.organization_id, endpoint_id, 6)
    database.run(sql.SQL("DELETE FROM webhook_deliveries WHERE sequence = 3"))

    ledger = week(rt, acme, endpoint_id)

    assert (ledger.gapless, ledger.accounted, ledger.last_sequence) == (False, 5, 6)


def test_w30_counts_are_kept_when_attempts_and_deliveries_are_removed_at_retention(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    with Receiver() as partner:
        endpoint_id, _ = add_endpoint(rt, acme.actor, partner.url("/hook"))
        for _ in range(6):
            file_ticket(rt, acme.actor)
        relay_outbox(rt)
        deliver_due(rt)
    database.run(sql.SQL("UPDATE webhook_deliveries SET state = 'dead' WHERE sequence IN (2, 3)"))
    database.run(sql.SQL("UPDATE webhook_deliveries SET state = 'cancelled' WHERE sequence = 4"))
    # It waits, however old it is.
    waiting = "UPDATE webhook_deliveries SET state = 'pending', finished_at = NULL WHERE sequence = 5"
    database.run(sql.SQL(waiting))
    today = datetime.now(UTC).date()
    before = ledger_of(rt, acme.actor, endpoint_id, today, today)
    bodies = [(event.event_id, event.body) for event in pulled(rt, acme, endpoint_id)]

    database.move_clock(timedelta(days=200))
    keep_house(rt)
    after = ledger_of(rt, acme.actor, endpoint_id, today, today)

    assert before.total == LedgerCounts(committed=6, delivered=2, pending=1, dead=2, cancelled=1)
    assert (after.days, after.total, after.gapless) == (before.days, before.total, True)
    assert (database.count("webhook_deliveries"), database.count("webhook_attempts")) == (1, 0)
    left = pull_events(rt, acme.actor, endpoint_id, after_sequence=0, limit=10)
    assert [(event.sequence, event.body) for event in left.items] == [(5, bodies[4][1])]
    assert (left.first_sequence, left.last_sequence) == (5, 6)
    # What is removed in another batch is added to it.
    database.run(sql.SQL("UPDATE webhook_deliveries SET state = 'delivered', finished_at = psms_now()"))
    database.move_clock(timedelta(days=400))
    keep_house(rt)
    last = ledger_of(rt, acme.actor, endpoint_id, today, today)
    assert last.total == LedgerCounts(committed=6, delivered=3, dead=2, cancelled=1)
    assert (last.gapless, database.count("webhook_deliveries")) == (True, 0)


def test_a_page_of_a_long_backlog_looks_at_no_more_rows_than_it_shows(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    endpoint_id, _ = add_endpoint(rt, acme.actor, HOOK)
    lay_deliveries(database, acme.organization_id, endpoint_id, LONG)
    database.run(sql.SQL("ANALYZE webhook_deliveries, events"))
    statement = str(queries.PULL).replace(":organization_id", "%(organization_id)s").replace(":endpoint_id", "%(id)s")
    statement = statement.replace(":after", "%(after)s").replace(":limit", "%(limit)s")
    values = {"organization_id": acme.organization_id, "id": endpoint_id, "after": LONG // 2, "limit": 50}
    with psycopg.connect(database.app_url) as connection:
        connection.execute(f"SELECT set_config('psms.organization_id', '{acme.organization_id}', true)".encode())
        row = connection.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}".encode(), values).fetchone()
    assert row is not None
    looked_at = [node for node in nodes(row[0][0]["Plan"]) if "Relation Name" in node and node["Actual Loops"]]

    assert {node["Node Type"] for node in looked_at} == {"Index Scan"}
    assert sum(node["Actual Rows"] * node["Actual Loops"] for node in looked_at) <= 100, json.dumps(row[0], indent=1)


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the nodes of a plan."""
    return [plan, *(one for child in plan.get("Plans", ()) for one in nodes(child))]


def test_a_page_of_long_events_is_short_and_the_next_one_goes_on(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    endpoint_id, _ = add_endpoint(rt, acme.actor, HOOK)
    lay_deliveries(database, acme.organization_id, endpoint_id, 10)
    database.run(sql.SQL("ALTER TABLE events DISABLE TRIGGER USER"))
    long = "UPDATE events SET body = convert_to(repeat('x', 1024 * 1024), 'UTF8')"
    database.run(sql.SQL(f"{long} WHERE id <> (SELECT max(id::text)::uuid FROM events)"))

    # Of the sixth there is no body any more: it must not be shown before the fifth.
    database.run(sql.SQL("DELETE FROM events WHERE id = (SELECT id FROM events ORDER BY id OFFSET 5 LIMIT 1)"))

    pages = [pull_events(rt, acme.actor, endpoint_id, after_sequence=after, limit=100) for after in (0, 4, 9, 10)]

    assert [[event.sequence for event in page.items] for page in pages] == [[1, 2, 3, 4], [5, 6, 7, 8, 9], [10], []]
    assert {page.last_sequence for page in pages} == {10}


@pytest.mark.parametrize(
    ("since", "until", "field"),
    [(date(2026, 3, 2), date(2026, 3, 1), "until"), (date(2026, 3, 1), date(2026, 4, 1), "since")],
)
def test_days_in_the_wrong_order_or_too_many_are_refused(
    rt: Runtime, acme: Tenant, since: date, until: date, field: str
) -> None:
    endpoint_id, _ = add_endpoint(rt, acme.actor, HOOK)

    with pytest.raises(FieldError, match=f"^{field}:"):
        ledger_of(rt, acme.actor, endpoint_id, since, until)
