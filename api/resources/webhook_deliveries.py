"""Deliveries: what was sent to an endpoint, each request made for it, and sending it again. Replays: their own file."""

from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import fields, validate

from api import render
from api.auth import actor, requires
from api.context import runtime
from api.fields import Answer, Instant, QueryNumber, Uuid, choice
from api.idempotency import once_key
from api.pagination import PageQuery, page_request
from api.smorest import Blueprint
from psms.domain.access import Permission
from psms.domain.deliveries import DeliveryFilter
from psms.domain.events import EventType
from psms.domain.webhooks import DeliveryState
from workflows import delivery_history


class DeliverySchema(Answer):
    """One event for one endpoint."""

    id = Uuid()
    event_id = Uuid(metadata={"description": "The webhook-id of every request made for it."})
    event_type = fields.String()
    endpoint_id = Uuid()
    ticket_id = Uuid(allow_none=True)
    sequence = fields.Integer(metadata={"description": "Numbers the endpoint's deliveries without a gap."})
    state = choice(DeliveryState)
    attempts = fields.Integer()
    next_attempt_at = fields.DateTime(allow_none=True)
    last_status = fields.Integer(allow_none=True)
    last_error = fields.String(allow_none=True)
    dead_reason = fields.String(allow_none=True)
    occurred_at = fields.DateTime(metadata={"description": "When the event was committed."})
    created_at = fields.DateTime()
    first_attempt_at = fields.DateTime(allow_none=True)
    finished_at = fields.DateTime(allow_none=True)


class AttemptRequestSchema(Answer):
    """What was asked of you; what is secret in the headers is masked. Its body is the delivery's."""

    method = fields.String()
    url = fields.String()
    headers = fields.Dict(keys=fields.String(), values=fields.String())


class AttemptResponseSchema(Answer):
    """What you answered, at most 8 KiB of its body; truncated where there was more."""

    status = fields.Integer()
    headers = fields.Dict(keys=fields.String(), values=fields.String())
    body = fields.String()
    truncated = fields.Boolean()


class AttemptSchema(Answer):
    """One request of a delivery; without a response where none came."""

    id = Uuid()
    delivery_id = Uuid()
    number = fields.Integer()
    trigger = fields.String()
    outcome = fields.String()
    status = fields.Integer(allow_none=True)
    error = fields.String(allow_none=True)
    duration_ms = fields.Integer(allow_none=True)
    started_at = fields.DateTime()
    finished_at = fields.DateTime(allow_none=True)
    request = fields.Nested(AttemptRequestSchema, allow_none=True)
    response = fields.Nested(AttemptResponseSchema, allow_none=True)


class DeliveryWithAttemptsSchema(Answer):
    """A delivery and every request made for it, oldest first."""

    delivery = fields.Nested(DeliverySchema)
    body = fields.String(
        allow_none=True, metadata={"description": "The event as text; as UTF-8 it is byte for byte what is signed."}
    )
    attempts = fields.List(fields.Nested(AttemptSchema))


class DeliveryQuery(PageQuery):
    """Which deliveries are wanted. A page may be short, or empty, and have a next one: go on while it has a cursor."""

    state = choice(DeliveryState)
    event_type = choice(EventType)
    since = Instant(metadata={"description": "What was committed at this instant or later."})
    until = Instant(metadata={"description": "What was committed before this instant."})
    status_class = QueryNumber(
        validate=validate.Range(min=1, max=5),
        metadata={"description": "The first digit of the status that you answered last: 5 for 500 to 599."},
    )


blp = Blueprint(
    "webhook-deliveries",
    "/v1/webhook-endpoints/<uuid:endpoint_id>/deliveries",
    "What was sent to an endpoint.",
)


@blp.route("", methods=["GET"])
@requires(Permission.WEBHOOK_MANAGE)
@blp.arguments(DeliveryQuery, location="query")
@blp.lists(DeliverySchema)
def list_deliveries(query: dict[str, Any], endpoint_id: UUID) -> Response:
    """List an endpoint's deliveries, newest first."""
    page = page_request(query)
    wanted = DeliveryFilter(**{**query, "event_type": getattr(query.get("event_type"), "value", None)})
    return render.listed(delivery_history.list_deliveries(runtime(), actor(), endpoint_id, page, wanted))


@blp.route("/<uuid:delivery_id>", methods=["GET"])
@requires(Permission.WEBHOOK_MANAGE)
@blp.shows(DeliveryWithAttemptsSchema)
def get_delivery(endpoint_id: UUID, delivery_id: UUID) -> Response:
    """Read a delivery with its attempts."""
    return render.shown(delivery_history.get_delivery(runtime(), actor(), endpoint_id, delivery_id))


@blp.route("/<uuid:delivery_id>/resend", methods=["POST"])
@requires(Permission.WEBHOOK_MANAGE)
@blp.takes_no_fields
@blp.does_once(DeliverySchema)
def resend(endpoint_id: UUID, delivery_id: UUID) -> Response:
    """Send a delivery again, with the same webhook-id and body."""
    return render.done(delivery_history.resend(runtime(), actor(), endpoint_id, delivery_id, once_key()))
