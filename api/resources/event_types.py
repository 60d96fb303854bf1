"""The catalogue of events: which there are, what their bodies look like. Who is sent them: `webhook_endpoints`."""

from flask import Response
from marshmallow import fields

from api import render
from api.auth import actor, requires
from api.fields import Answer, choice
from api.smorest import Blueprint
from psms.domain.access import Permission
from psms.domain.events import EventType
from workflows import event_types


class EventTypeSchema(Answer):
    """A type of event."""

    type = choice(EventType)
    group = fields.String(metadata={"description": "What comes before the dot; `group.*` chooses all of it."})
    description = fields.String()
    schema_version = fields.Integer(metadata={"description": "Rises with every change of shape but an addition."})
    subscribable = fields.Boolean(metadata={"description": "false: sent only when asked for."})


class EventTypeInFullSchema(EventTypeSchema):
    """A type of event with what its body looks like."""

    schema = fields.Dict(keys=fields.String(), metadata={"description": "JSON Schema 2020-12 of the whole body."})
    example = fields.Dict(keys=fields.String(), metadata={"description": "A body."})


class EventTypesSchema(Answer):
    """The whole catalogue; next_cursor is always null."""

    items = fields.List(fields.Nested(EventTypeSchema))
    next_cursor = fields.String(allow_none=True)
    schema_versions = fields.List(
        fields.Integer(), metadata={"description": "What an endpoint may give as its `schema_version`."}
    )


blp = Blueprint("event-types", "/v1/event-types", "Which events there are, and what their bodies look like.")


@blp.route("", methods=["GET"])
@requires(Permission.WEBHOOK_MANAGE)
@blp.shows(EventTypesSchema)
def list_event_types() -> Response:
    """List all types of events."""
    return render.shown(event_types.list_event_types(actor()))


@blp.route("/<string:event_type>", methods=["GET"])
@requires(Permission.WEBHOOK_MANAGE)
@blp.shows(EventTypeInFullSchema)
def get_event_type(event_type: str) -> Response:
    """Read what the events of a type look like."""
    return render.shown(event_types.get_event_type(actor(), event_type))
