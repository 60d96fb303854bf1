"""Months of events are dropped where an installation says so, none that has yet to be told. Attempts: `test_schema`."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from psms.domain.webhook_ledgers import LedgerCounts
from psms.runtime import Runtime
from tests.support.answers import ACCEPTED, HOOK
from tests.support.databases import MigratedDatabase
from tests.support.lanes import answered
from tests.support.tenants import Tenant, add_endpoint, claim, file_ticket
from workflows.deliveries import deliver_due
from workflows.delivery_history import resend
from workflows.relay import relay_outbox
from workflows.upkeep import keep_house
from workflows.webhook_ledgers import ledger_of, pull_events

LATER = timedelta(days=200)
NEXT_SLOT = timedelta(hours=7)


@pytest.fixture
def sparing(rt: Runtime) -> Runtime:
    """An installation that keeps events for 90 days and deliveries longer."""
    return replace(rt, settings=replace(rt.settings, event_retention_days=90, delivery_retention_days=1000))


def test_events_stay_where_nothing_is_said(rt: Runtime, acme: Tenant, database: MigratedDatabase) -> None:
    file_ticket(rt, acme.actor)
    relay_outbox(rt)
    database.move_clock(LATER)

    keep_house(rt)

    assert database.count("events") == 1


def test_old_events_are_dropped_and_what_was_counted_stays(
    sparing: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    endpoint_id, _ = add_endpoint(sparing, acme.actor, HOOK)
    file_ticket(sparing, acme.actor)
    relay_outbox(sparing)
    (job,) = claim(sparing)
    answered(sparing, [job], ACCEPTED)
    first = datetime.now(UTC).date()
    database.move_clock(LATER)
    keep_house(sparing)
    file_ticket(sparing, acme.actor)
    relay_outbox(sparing)

    (old, young) = pull_events(sparing, acme.actor, endpoint_id, after_sequence=0, limit=10).items
    assert (old.body, young.body is None, database.count("events")) == (None, False, 1)
    day = ledger_of(sparing, acme.actor, endpoint_id, first, first + timedelta(days=1))
    assert (day.total, day.gapless) == (LedgerCounts(committed=1, delivered=1), True)

    resend(sparing, acme.actor, endpoint_id, job.delivery_id)
    deliver_due(sparing)
    found = "SELECT state, dead_reason FROM webhook_deliveries WHERE id = %s"
    assert database.rows(found, job.delivery_id) == [("dead", "event_gone")]


@pytest.mark.parametrize("relayed", [False, True], ids=["in the outbox", "to be delivered"])
def test_what_has_yet_to_be_told_keeps_its_month(
    sparing: Runtime, acme: Tenant, database: MigratedDatabase, *, relayed: bool
) -> None:
    add_endpoint(sparing, acme.actor, HOOK)
    file_ticket(sparing, acme.actor)
    if relayed:
        relay_outbox(sparing)
    database.move_clock(LATER)
    keep_house(sparing)
    assert database.count("events") == 1

    relay_outbox(sparing)
    answered(sparing, claim(sparing), ACCEPTED)
    database.move_clock(LATER + NEXT_SLOT)
    keep_house(sparing)

    assert database.count("events") == 0


def test_young_events_are_not_dropped_whoever_asks(rt: Runtime, database: MigratedDatabase) -> None:
    before = database.rows("SELECT count(*) FROM pg_inherits WHERE inhparent = 'events'::regclass")

    with pytest.raises(Exception, match="at least 90 days"), rt.db.begin_system() as session:
        session.execute(text("SELECT psms_drop_events_before(psms_now() - interval '89 days')"))

    assert database.rows("SELECT count(*) FROM pg_inherits WHERE inhparent = 'events'::regclass") == before
