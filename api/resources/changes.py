"""Changes: what one is planned with, and the calendar of all. How one moves is in `tickets`."""

from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import fields

from api import render
from api.auth import actor, requires
from api.context import runtime
from api.fields import MAX_TEXT, Answer, Instant, Schema, Uuid, choice, text
from api.preconditions import wanted_version
from api.smorest import Blueprint
from psms.domain.access import Permission
from psms.domain.changes import Outcome
from psms.domain.tickets import Level, Stage
from workflows import changes


class CollisionSchema(Answer):
    """Another scheduled change of the same service at the same time."""

    ticket_id = Uuid()
    number = fields.Integer()
    planned_start = fields.DateTime()
    planned_end = fields.DateTime()


class ChangeSchema(Answer):
    """What a change is planned with."""

    ticket_id = Uuid()
    planned_start = fields.DateTime(allow_none=True)
    planned_end = fields.DateTime(allow_none=True)
    plan = fields.String(allow_none=True)
    backout_plan = fields.String(allow_none=True)
    risk = choice(Level, allow_none=True)
    outcome = choice(Outcome, allow_none=True)
    version = fields.Integer(metadata={"description": "Counts the edits of the plan; 0: nothing is written down yet."})
    collisions = fields.List(fields.Nested(CollisionSchema), metadata={"description": "They warn, and forbid nothing."})


class EditChangeSchema(Schema):
    """The fields to change; those left out stay as they are."""

    planned_start = Instant(allow_none=True)
    planned_end = Instant(allow_none=True)
    plan = text(MAX_TEXT, allow_none=True, metadata={"description": "What is done, and how."})
    backout_plan = text(MAX_TEXT, allow_none=True, metadata={"description": "How it is taken back."})
    risk = choice(Level, allow_none=True)
    outcome = choice(Outcome, allow_none=True)


class ChangeEntrySchema(Answer):
    """A change that is scheduled or under way."""

    ticket_id = Uuid()
    number = fields.Integer()
    subject = fields.String()
    service_id = Uuid()
    stage = choice(Stage, allow_none=True)
    risk = choice(Level, allow_none=True)
    planned_start = fields.DateTime()
    planned_end = fields.DateTime()
    collides = fields.Boolean(metadata={"description": "Another of the same service is planned for the same time."})


class ChangeCalendarSchema(Answer):
    """The changes of a span, by their starts."""

    changes = fields.List(fields.Nested(ChangeEntrySchema))
    complete = fields.Boolean(metadata={"description": "False: there are more; ask for a shorter span."})


class CalendarQuery(Schema):
    """The span."""

    since = Instant(data_key="from", required=True, metadata={"description": "From this instant."})
    until = Instant(data_key="to", required=True, metadata={"description": "Until before this instant."})


blp = Blueprint("changes", "/v1", "What is planned, and when.")


@blp.route("/tickets/<uuid:ticket_id>/change", methods=["GET"])
@requires(Permission.TICKET_READ)
@blp.reads(ChangeSchema)
def get_change(ticket_id: UUID) -> Response:
    """Read what a change is planned with, and what else is planned for the same time."""
    return render.current(changes.get_change(runtime(), actor(), ticket_id))


@blp.route("/tickets/<uuid:ticket_id>/change", methods=["PATCH"])
@requires(Permission.CHANGE_PLAN)
@blp.arguments(EditChangeSchema, example={"plan": "Swap the disks.", "backout_plan": "Swap them back.", "risk": "low"})
@blp.edits(ChangeSchema)
def edit_change(values: dict[str, Any], ticket_id: UUID) -> Response:
    """Change what a change is planned with. What was put to the approvers stays as it is."""
    if_version = wanted_version(lambda: changes.get_change(runtime(), actor(), ticket_id).version)
    return render.current(changes.edit_change(runtime(), actor(), ticket_id, values, if_version))


@blp.route("/change-calendar", methods=["GET"])
@requires(Permission.TICKET_READ)
@blp.arguments(CalendarQuery, location="query")
@blp.shows(ChangeCalendarSchema)
def change_calendar(query: dict[str, Any]) -> Response:
    """Read which changes are scheduled or under way in a span of at most 366 days."""
    return render.shown(changes.calendar(runtime(), actor(), query["since"], query["until"]))
