"""The bytes of an event: the same at every try and as stored, in thin form where they would be too many."""

import hashlib
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

import pytest
from standardwebhooks import Webhook

from psms.domain.events import EventType
from psms.domain.lifecycle import Action
from psms.domain.pages import PageRequest
from psms.domain.replays import ReplayMode
from psms.domain.thin_events import MOST_BODY_BYTES
from psms.domain.tickets import EditTicket, NewComment, OpenTicket
from psms.domain.timeline import TimelineQuestion
from psms.runtime import Runtime
from tests.support.databases import MigratedDatabase
from tests.support.event_schemas import strictly
from tests.support.receiver import Answer, Received, Receiver
from tests.support.replaying import asked, run_out
from tests.support.rules import settle, tag, write_rule
from tests.support.tenants import Tenant, add_endpoint
from workflows import delivery_history, tickets
from workflows.comments import add_comment
from workflows.deliveries import deliver_due
from workflows.relay import relay_outbox
from workflows.timeline import timeline_of

# As many characters as a text may have, of four bytes each.
LONG = "\N{FIRE}" * 65_536
TRIGGERS = """SELECT a.trigger, count(*) FROM webhook_attempts a JOIN webhook_deliveries d ON d.id = a.delivery_id
    WHERE d.event_id = %s GROUP BY 1 ORDER BY 1"""
STORED = "SELECT id, body FROM events ORDER BY id"


def stored(database: MigratedDatabase) -> list[tuple[str, bytes]]:
    """Return the id and the body of every event, oldest first."""
    return [(str(event_id), bytes(cast("bytes", body))) for event_id, body in database.rows(STORED)]


@pytest.fixture
def partner() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


def opened(rt: Runtime, acme: Tenant, **fields: Any) -> UUID:
    """File a ticket and return its id."""
    command = OpenTicket(**{"subject": "Printer on fire", **fields})
    return UUID(json.loads(tickets.open_ticket(rt, acme.actor, command, None).body)["id"])


def delivered(rt: Runtime, partner: Receiver) -> list[Received]:
    """Relay and deliver what waits, and return all that the partner got, by their sequence."""
    relay_outbox(rt)
    deliver_due(rt)
    return sorted(partner.received, key=lambda one: int(one.headers["webhook-sequence"]))


def test_w16_a_body_is_the_same_to_the_byte_at_every_try_and_when_it_is_sent_again_or_replayed_and_as_it_is_stored(
    rt: Runtime, acme: Tenant, database: MigratedDatabase, partner: Receiver
) -> None:
    partner.answer("/hook", Answer(status=503), Answer(status=500), Answer(status=200))
    endpoint_id, secret = add_endpoint(rt, acme.actor, partner.url("/hook"))
    ticket_id = opened(rt, acme, subject="Café", custom_fields={"z": 1.0, "a": "é", "m": 10**15})
    for minutes in (0, 1, 2):
        database.move_clock(timedelta(minutes=minutes))
        delivered(rt, partner)
    # What the body tells of changes meanwhile; what it told then does not.
    tickets.edit_ticket(rt, acme.actor, ticket_id, EditTicket(fields={"subject": "Bar"}))
    page = delivery_history.list_deliveries(rt, acme.actor, endpoint_id, PageRequest(), None)
    delivery_history.resend(rt, acme.actor, endpoint_id, page.items[-1].id)
    delivered(rt, partner)
    run_out(rt, acme, endpoint_id, asked(rt, acme, endpoint_id, ReplayMode.ALL))

    event_id, kept = stored(database)[0]
    created = [one for one in partner.received if one.headers["webhook-id"] == event_id]
    bodies = [one.body for one in created]
    assert database.rows(TRIGGERS, event_id) == [("auto", 3), ("manual", 1), ("replay", 1)]
    assert [hashlib.sha256(body).hexdigest() for body in bodies] == [hashlib.sha256(kept).hexdigest()] * 5
    assert '"custom_fields":{"z":1.0,"a":"é","m":1000000000000000}'.encode() in bodies[0]
    for one in created:
        assert Webhook(secret).verify(one.body, dict(one.headers))["data"]["ticket"]["subject"] == "Café"


def test_an_event_that_would_be_too_long_is_sent_in_its_thin_form(
    rt: Runtime, acme: Tenant, database: MigratedDatabase, partner: Receiver
) -> None:
    _, secret = add_endpoint(rt, acme.actor, partner.url("/hook"))
    ticket_id = opened(rt, acme, description=LONG)
    tickets.edit_ticket(rt, acme.actor, ticket_id, EditTicket(fields={"description": "", "impact": "low"}))
    add_comment(rt, acme.actor, ticket_id, NewComment(body=LONG), None)

    received = delivered(rt, partner)

    assert [body for _, body in stored(database)] == [one.body for one in received]
    assert max(len(one.body) for one in received) <= MOST_BODY_BYTES
    created, edited, commented = (Webhook(secret).verify(one.body, dict(one.headers)) for one in received)
    for event in (created, edited, commented):
        strictly(EventType(event["type"])).validate(event)
        assert (event["truncated"], event["data"]["ticket"]["id"]) == (True, str(ticket_id))
        assert event["data_url"] == f"{rt.settings.public_url}/v1/tickets/{ticket_id}"
    assert (created["data"]["ticket"]["number"], created["data"]["ticket"]["version"]) == (1, 1)
    assert "description" not in created["data"]["ticket"]
    assert edited["data"]["ticket"]["description"] == ""
    assert edited["data"]["changes"]["description"] == {"before": None, "after": None, "truncated": True}
    assert edited["data"]["changes"]["impact"] == {"before": "medium", "after": "low"}
    assert "body" not in commented["data"]["comment"]


def test_an_event_in_thin_form_still_has_its_place_in_the_timeline_and_is_judged_by_rules(
    rt: Runtime, acme: Tenant
) -> None:
    write_rule(rt, acme, "ticket.created", tag("new"), by=["requester"])
    ticket_id = opened(rt, acme, description=LONG)
    add_comment(rt, acme.actor, ticket_id, NewComment(body=LONG), None)
    settle(rt)
    tickets.transition(rt, acme.actor, ticket_id, Action.RESOLVE, None)

    entries = timeline_of(rt, acme.actor, ticket_id, TimelineQuestion(), PageRequest()).items

    assert tickets.get_ticket(rt, acme.actor, ticket_id).tags == ["new"]
    assert [one.type for one in entries][::-1][:2] == ["ticket.created", "ticket.commented"]
    assert entries[-2].data["comment"]["body"] == LONG


def test_a_body_of_exactly_the_most_bytes_is_sent_whole(rt: Runtime, acme: Tenant, database: MigratedDatabase) -> None:
    opened(rt, acme, description="x")
    ((_, short),) = stored(database)
    room = MOST_BODY_BYTES - len(short) + 1

    for length in (room, room + 1):
        opened(rt, acme, description="\N{FIRE}" * (length // 4) + "x" * (length % 4))

    bodies = [body for _, body in stored(database)][1:]
    assert len(bodies[0]) == MOST_BODY_BYTES
    assert len(bodies[1]) < MOST_BODY_BYTES
    assert b'"truncated":true' in bodies[1]
    assert b"truncated" not in bodies[0]
