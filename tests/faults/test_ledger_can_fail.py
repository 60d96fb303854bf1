"""The checks of what must be true at rest notice when it is not: each is shown breaches of its own."""

from datetime import timedelta

import pytest
from psycopg import sql

from psms.domain.sla_policies import NewSlaPolicy
from tests.support.answers import ACCEPTED, HOOK
from tests.support.ledger import CHECKS, Ledger
from tests.support.tenants import add_endpoint, claim, file_ticket, make_tenant
from workflows.delivery_jobs import Finished
from workflows.delivery_results import record
from workflows.relay import relay_outbox
from workflows.sla_policies import add_policy
from workflows.sla_sweep import fire_due_timers

IN_OUTBOX = "an event is still in the outbox"
NOT_OVER = "a delivery is neither over nor held"
OPEN = "an attempt is still open"
CREATED = "a ticket has not exactly one ticket.created event"
LOGGED = "a ticket has not exactly one ticket.created entry in the log"
SEQUENCE = "a ticket's sequence is not the number of its events, 1 to the last"
STRAY = "an event is of no ticket"
UNTOLD = "an endpoint was never told of an event that it subscribes to"
TOLD_TWICE = "an event has two deliveries for one endpoint"
NUMBERS = "an endpoint's deliveries are not numbered 1 to the last"
UNPROVEN = "a delivered event has no successful attempt"
NOTIFIED = "a breach has not exactly one event, notification and instant"
BREACHED = "breaches and their events differ in number"
STANDS = "a clock's ledger does not end where the clock stands"
COUNTED = "a run's steps are not those that it counted"
SAME_NUMBER = "two tickets have one number"

ANOTHER_ID = "overlay({}id::text PLACING 'ffff' FROM 33)::uuid"
ANOTHER_EVENT = f"""INSERT INTO events
        (organization_id, id, type, schema_version, ticket_id, sequence, occurred_at, body)
    SELECT organization_id, {ANOTHER_ID.format("")}, {{type}}, 1, {{ticket}}, {{sequence}}, {{at}}, ''
    FROM events WHERE sequence = 1 LIMIT 1"""
HARMS = [
    (
        """INSERT INTO outbox (organization_id, event_id, event_type, occurred_at)
           SELECT organization_id, id, type, occurred_at FROM events LIMIT 1""",
        {IN_OUTBOX},
    ),
    ("UPDATE webhook_deliveries SET state = 'pending' WHERE sequence = 1", {NOT_OVER}),
    ("UPDATE webhook_deliveries SET state = 'in_flight' WHERE sequence = 1", {NOT_OVER}),
    (
        f"""INSERT INTO webhook_attempts (organization_id, id, delivery_id, endpoint_id, number, trigger, worker,
                lease_token, started_at)
            SELECT organization_id, {ANOTHER_ID.format("")}, delivery_id, endpoint_id, 2, trigger, worker, lease_token,
                started_at FROM webhook_attempts LIMIT 1""",
        {OPEN},
    ),
    ("DELETE FROM events WHERE type = 'ticket.created'", {CREATED, SEQUENCE}),
    (
        ANOTHER_EVENT.format(type="type", ticket="ticket_id", sequence="5", at="occurred_at"),
        {CREATED, SEQUENCE, UNTOLD},
    ),
    ("DELETE FROM logs WHERE action = 'ticket.created'", {LOGGED}),
    (
        f"""INSERT INTO logs (organization_id, id, at, action, outcome, target_type, target_id)
            SELECT organization_id, {ANOTHER_ID.format("")}, at, action, outcome, target_type, target_id
            FROM logs WHERE action = 'ticket.created' LIMIT 1""",
        {LOGGED},
    ),
    ("UPDATE tickets SET sequence = sequence + 1", {SEQUENCE}),
    ("UPDATE events SET sequence = 9 WHERE type = 'sla.breached'", {SEQUENCE}),
    (ANOTHER_EVENT.format(type="type", ticket=ANOTHER_ID.format("ticket_"), sequence="1", at="'2000-01-01'"), {STRAY}),
    (ANOTHER_EVENT.format(type="'service.added'", ticket="NULL", sequence="NULL", at="occurred_at"), {UNTOLD}),
    ("DELETE FROM webhook_deliveries WHERE sequence = 1", {NUMBERS, UNTOLD}),
    ("DELETE FROM webhook_deliveries", {NUMBERS, UNTOLD}),
    (
        """DROP INDEX uq_webhook_deliveries_event;
           UPDATE webhook_deliveries SET event_id = (SELECT event_id FROM webhook_deliveries WHERE sequence = 1)
           WHERE sequence = 2""",
        {TOLD_TWICE, UNTOLD},
    ),
    ("UPDATE webhook_deliveries SET sequence = sequence + 10", {NUMBERS}),
    ("UPDATE webhook_lanes SET last_sequence = last_sequence + 1", {NUMBERS}),
    ("UPDATE webhook_attempts SET outcome = 'http_error' WHERE number = 1", {UNPROVEN}),
    ("DELETE FROM notifications", {NOTIFIED}),
    (
        f"""INSERT INTO notifications (organization_id, id, ticket_id, clock_id, kind, created_at)
            SELECT organization_id, {ANOTHER_ID.format("")}, ticket_id, clock_id, kind, created_at FROM notifications
            LIMIT 1""",
        {NOTIFIED},
    ),
    ("UPDATE sla_clocks SET breached_at = NULL", {BREACHED}),
    ("UPDATE events SET type = 'sla.breached' WHERE type = 'sla.at_risk'", {BREACHED}),
    ("UPDATE sla_clocks SET since = since - interval '1 s'", {STANDS}),
    ("UPDATE sla_segments SET ended_at = began_at", {STANDS}),
    ("DELETE FROM sla_segments WHERE number = 1", {STANDS}),
    (
        """INSERT INTO workflow_runs (organization_id, id, kind, version, business_key, step, listens, steps_done,
               created_at, updated_at)
           SELECT organization_id, id, 'errand', 1, '', 'ask', false, 1, created_at, created_at FROM tickets LIMIT 1""",
        {COUNTED},
    ),
    ("DROP INDEX uq_tickets_number; UPDATE tickets SET number = 1", {SAME_NUMBER}),
]


@pytest.fixture
def ledger(rt, database):
    """A ledger at rest: two tickets, each with a breach that was escalated, and everything told to one endpoint."""
    acme = make_tenant(rt)
    add_endpoint(rt, acme.actor, HOOK)
    add_policy(rt, acme.actor, NewSlaPolicy(name="A minute", first_response_seconds=60), None)
    database.move_clock(timedelta(seconds=2))
    for _ in range(2):
        file_ticket(rt, acme.actor)
    database.move_clock(timedelta(seconds=63))
    fire_due_timers(rt)
    relay_outbox(rt)
    record(rt, [Finished(job=job, result=ACCEPTED) for job in claim(rt)])
    ledger = Ledger(database.superuser_url)
    assert ledger.breaches() == {}
    return ledger


@pytest.mark.parametrize(("harm", "noticed"), HARMS)
def test_a_breach_is_noticed(ledger, database, harm, noticed):
    database.run(sql.SQL("SET session_replication_role = replica; ") + sql.SQL(harm))

    assert set(ledger.breaches()) == noticed


def test_every_check_is_shown_a_breach():
    assert set(CHECKS) == set().union(*(noticed for _, noticed in HARMS))
