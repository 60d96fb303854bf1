"""The checks of what must be true at rest notice when it is not: each is shown one breach of its own."""

import pytest
from psycopg import sql

from tests.support.ledger import Ledger
from tests.support.tenants import add_endpoint, file_ticket, make_tenant
from workflows.relay import relay_outbox

TOUCH_ALL = "UPDATE tickets SET sequence = sequence + 1"
LOST = "DELETE FROM events"
TOLD_TWICE = """INSERT INTO events (organization_id, id, type, schema_version, ticket_id, sequence, occurred_at, body)
    SELECT organization_id, overlay(id::text PLACING '0000' FROM 33)::uuid, type, 1, ticket_id, 2, occurred_at, ''
    FROM events"""
UNLOGGED = "DELETE FROM logs WHERE action = 'ticket.created'"
GAP = "UPDATE webhook_deliveries SET sequence = sequence + 1"
OVER = "UPDATE webhook_deliveries SET state = 'delivered', finished_at = psms_now()"


@pytest.fixture
def ledger(rt, database):
    """A ledger after a ticket was filed and its event relayed to one endpoint, and nothing was sent."""
    acme = make_tenant(rt)
    add_endpoint(rt, acme.actor, "http://127.0.0.1:4999/")
    file_ticket(rt, acme.actor)
    relay_outbox(rt)
    return Ledger(database.superuser_url)


@pytest.mark.parametrize(
    ("harm", "noticed"),
    [
        ("UPDATE webhook_lanes SET last_sequence = 1", {"a delivery is neither over nor held"}),
        (OVER, {"a delivered event has no successful attempt"}),
        (
            TOUCH_ALL,
            {
                "a delivery is neither over nor held",
                "a ticket's sequence is not the number of its events, 1 to the last",
            },
        ),
        (
            UNLOGGED,
            {"a delivery is neither over nor held", "a ticket has not exactly one ticket.created entry in the log"},
        ),
        (GAP, {"a delivery is neither over nor held", "an endpoint's deliveries are not numbered 1 to the last"}),
        (
            LOST,
            {
                "a delivery is neither over nor held",
                "a ticket has not exactly one ticket.created event",
                "a ticket's sequence is not the number of its events, 1 to the last",
            },
        ),
        (
            TOLD_TWICE,
            {
                "a delivery is neither over nor held",
                "a ticket has not exactly one ticket.created event",
                "a ticket's sequence is not the number of its events, 1 to the last",
            },
        ),
    ],
)
def test_a_breach_is_noticed(ledger, database, harm, noticed):
    database.run(sql.SQL("SET session_replication_role = replica; ") + sql.SQL(harm))

    assert set(ledger.breaches()) == noticed
