"""Deliveries: what was sent to an endpoint, each request made for it, and sending it again."""

from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import fields

from api import render
from api.auth import actor, requires
from api.context import runtime
from api.fields import Answer, Uuid, choice
from api.pagination import PageQuery, page_request
from api.smorest import Blueprint
from psms.domain.access import Permission
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
    created_at = fields.DateTime()
    first_attempt_at = fields.DateTime(allow_none=True)
    finished_at = fields.DateTime(allow_none=True)


class AttemptSchema(Answer):
    """One request of a delivery."""

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
    response_body = fields.String(allow_none=True)
    response_truncated = fields.Boolean()


class DeliveryWithAttemptsSchema(Answer):
    """A delivery and every request made for it, oldest first."""

    delivery = fields.Nested(DeliverySchema)
    attempts = fields.List(fields.Nested(AttemptSchema))


class DeliveryQuery(PageQuery):
    """The one filter."""

    state = choice(DeliveryState)


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
    return render.listed(delivery_history.list_deliveries(runtime(), actor(), endpoint_id, page, query.get("state")))


@blp.route("/<uuid:delivery_id>", methods=["GET"])
@requires(Permission.WEBHOOK_MANAGE)
@blp.shows(DeliveryWithAttemptsSchema)
def get_delivery(endpoint_id: UUID, delivery_id: UUID) -> Response:
    """Read a delivery with its attempts."""
    return render.shown(delivery_history.get_delivery(runtime(), actor(), endpoint_id, delivery_id))


@blp.route("/<uuid:delivery_id>/resend", methods=["POST"])
@requires(Permission.WEBHOOK_MANAGE)
@blp.may_conflict
@blp.takes_no_fields
@blp.shows(DeliverySchema)
def resend(endpoint_id: UUID, delivery_id: UUID) -> Response:
    """Send a delivery again, with the same webhook-id and body."""
    return render.shown(delivery_history.resend(runtime(), actor(), endpoint_id, delivery_id))
