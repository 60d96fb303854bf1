"""Who looks at a ticket and who is writing: a hint to colleagues, and no promise."""

from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import fields

from api import render
from api.auth import actor, requires
from api.context import runtime
from api.fields import Answer, Schema, Uuid, choice
from api.smorest import Blueprint
from psms.domain.access import Permission
from psms.domain.presence import Activity
from workflows import presence


class OnlookerSchema(Answer):
    """A user who is there."""

    user_id = Uuid()
    activity = choice(Activity)
    seconds_ago = fields.Integer(metadata={"description": "When they were heard of last."})


class PresenceSchema(Answer):
    """Who is there. Where that is not available, nobody is known to be; all else works."""

    available = fields.Boolean()
    items = fields.List(fields.Nested(OnlookerSchema))


class ActivitySchema(Schema):
    """What you do with the ticket now."""

    activity = choice(Activity, required=True)


blp = Blueprint("presence", "/v1/tickets/<uuid:ticket_id>/presence", "Who looks at a ticket, and who is writing.")


@blp.route("", methods=["PUT"])
@requires(Permission.COMMENT_INTERNAL_READ)
@blp.arguments(ActivitySchema, example={"activity": "writing"})
@blp.shows(PresenceSchema)
def show_oneself(values: dict[str, Any], ticket_id: UUID) -> Response:
    """Let colleagues know what you do with a ticket. It ends by itself after 30 seconds: say it again every 10."""
    return render.shown(presence.show_oneself(runtime(), actor(), ticket_id, values["activity"]))


@blp.route("", methods=["GET"])
@requires(Permission.COMMENT_INTERNAL_READ)
@blp.shows(PresenceSchema)
def who_is_there(ticket_id: UUID) -> Response:
    """Read who looks at a ticket, those who write first."""
    return render.shown(presence.who_is_there(runtime(), actor(), ticket_id))
