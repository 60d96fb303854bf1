"""What a partner holds against what it received: an endpoint's events to pull, and the ledger. Read only."""

from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import fields, validate

from api import render
from api.auth import actor, requires
from api.context import runtime
from api.fields import Answer, Day, QueryNumber, QuerySequence, Schema, Uuid, choice
from api.smorest import Blueprint
from psms.domain.access import Permission
from psms.domain.pages import DEFAULT_LIMIT, MAX_LIMIT
from psms.domain.webhooks import DeliveryState
from workflows import webhook_ledgers


class PulledEventSchema(Answer):
    """An event of the endpoint."""

    sequence = fields.Integer()
    event_id = Uuid(metadata={"description": "The webhook-id."})
    event_type = fields.String()
    ticket_id = Uuid(allow_none=True)
    occurred_at = fields.DateTime()
    state = choice(DeliveryState)
    body = fields.String(
        allow_none=True,
        metadata={"description": "The event as text; as UTF-8 it is byte for byte what is signed and sent."},
    )


class PulledEventsSchema(Answer):
    """The next events of the endpoint, in their order. Go on after the last one, until there are none."""

    items = fields.List(fields.Nested(PulledEventSchema))
    first_sequence = fields.Integer(allow_none=True, metadata={"description": "The first that is kept."})
    last_sequence = fields.Integer(metadata={"description": "The last that was given out, kept or not."})


class PullQuery(Schema):
    """Where to go on."""

    after_sequence = QuerySequence(
        load_default=0,
        validate=validate.Range(min=0),
        metadata={"description": "The sequence of the last event that you have; left out: from the beginning."},
    )
    limit = QueryNumber(
        load_default=DEFAULT_LIMIT,
        validate=validate.Range(min=1, max=MAX_LIMIT),
        metadata={"description": "How many events at most; fewer, where they are long."},
    )


class LedgerCountsSchema(Answer):
    """So many were committed; the others add up to it."""

    committed = fields.Integer()
    delivered = fields.Integer()
    pending = fields.Integer(metadata={"description": "Those that are being sent, too."})
    held = fields.Integer()
    dead = fields.Integer()
    cancelled = fields.Integer()


class LedgerDaySchema(Answer):
    """One day, in UTC, on which events were committed."""

    day = fields.Date()
    first_sequence = fields.Integer()
    last_sequence = fields.Integer()
    counts = fields.Nested(LedgerCountsSchema)


class LedgerSchema(Answer):
    """What became of the endpoint's events, day by day."""

    endpoint_id = Uuid()
    since = fields.Date()
    until = fields.Date()
    days = fields.List(fields.Nested(LedgerDaySchema))
    total = fields.Nested(LedgerCountsSchema)
    last_sequence = fields.Integer(metadata={"description": "How many sequence numbers the endpoint has given out."})
    accounted = fields.Integer(metadata={"description": "Of how many there is a delivery, or a count of removed ones."})
    gapless = fields.Boolean(metadata={"description": "Whether these two are the same."})
    unrelayed = fields.Integer(metadata={"description": "Events of the organization that wait for their deliveries."})


class LedgerQuery(Schema):
    """Which days, both counted, at most 31 of them; left out: a week up to today."""

    since = Day(metadata={"description": "The first day, in UTC; left out: six days before until."})
    until = Day(metadata={"description": "The last day, in UTC; left out: today."})


blp = Blueprint(
    "webhook-ledgers", "/v1/webhook-endpoints/<uuid:endpoint_id>", "What an endpoint should have got, to prove it."
)


@blp.route("/events", methods=["GET"])
@requires(Permission.WEBHOOK_MANAGE)
@blp.arguments(PullQuery, location="query")
@blp.shows(PulledEventsSchema)
def pull_events(query: dict[str, Any], endpoint_id: UUID) -> Response:
    """Pull the endpoint's events in the order of their sequence, whatever became of their deliveries."""
    return render.shown(webhook_ledgers.pull_events(runtime(), actor(), endpoint_id, **query))


@blp.route("/ledger", methods=["GET"])
@requires(Permission.WEBHOOK_MANAGE)
@blp.arguments(LedgerQuery, location="query")
@blp.shows(LedgerSchema)
def get_ledger(query: dict[str, Any], endpoint_id: UUID) -> Response:
    """Read how many events of each day were committed for the endpoint, and what became of them."""
    days = query.get("since"), query.get("until")
    return render.shown(webhook_ledgers.ledger_of(runtime(), actor(), endpoint_id, *days))
