"""Time that was spent on a ticket: entries, their sum, and the caller's timer on it."""

from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import fields, post_load, validate

from api import render
from api.auth import actor, requires
from api.context import runtime
from api.fields import MAX_NAME, Answer, Flag, Instant, Schema, Uuid, maybe_empty_text, text
from api.idempotency import once_key
from api.pagination import PageQuery, page_request
from api.preconditions import wanted_version
from api.smorest import Blueprint
from api.timer_fields import TimerSchema
from psms.domain.access import Permission
from psms.domain.accounts import Edit
from psms.domain.time_entries import LONGEST_SECONDS, NewTimeEntry, NewTimer
from workflows import time_entries, timers

MAX_NOTE = 4000


class TimeEntrySchema(Answer):
    """Somebody worked on a ticket."""

    id = Uuid()
    ticket_id = Uuid()
    user_id = Uuid()
    seconds = fields.Integer()
    worked_at = fields.DateTime(metadata={"description": "Reports count it at this instant."})
    note = fields.String()
    activity = fields.String(allow_none=True)
    billable = fields.Boolean()
    version = fields.Integer()
    created_at = fields.DateTime()
    updated_at = fields.DateTime()


class TimeTotalsSchema(Answer):
    """How much was worked on a ticket."""

    ticket_id = Uuid()
    entries = fields.Integer()
    seconds = fields.Integer()
    billable_seconds = fields.Integer()


def _seconds(**options: Any) -> fields.Integer:
    return fields.Integer(strict=True, validate=validate.Range(min=1, max=LONGEST_SECONDS), **options)


class SaidOfWorkSchema(Schema):
    """What is said of work."""

    note = maybe_empty_text(MAX_NOTE, metadata={"description": "For the desk; partners are not told."})
    activity = text(MAX_NAME, allow_none=True, metadata={"description": "Such as travel; reports add up by it."})
    billable = Flag()


class NewTimerSchema(SaidOfWorkSchema):
    """What the entry will say; the body may be left out."""

    body_optional = True

    @post_load
    def to_command(self, values: dict[str, Any], **_: object) -> NewTimer:
        """Make the command."""
        return NewTimer(**values)


class EditTimeEntrySchema(SaidOfWorkSchema):
    """The fields to change; those left out stay as they are."""

    seconds = _seconds()
    worked_at = Instant()


class NewTimeEntrySchema(SaidOfWorkSchema):
    """Time of your own."""

    seconds = _seconds(required=True, metadata={"description": "31 days at most."})
    worked_at = Instant(metadata={"description": "Not in the future; left out: now."})

    @post_load
    def to_command(self, values: dict[str, Any], **_: object) -> NewTimeEntry:
        """Make the command."""
        return NewTimeEntry(**values)


blp = Blueprint("time_entries", "/v1/tickets/<uuid:ticket_id>", "Time that was spent on tickets.")


@blp.route("/time-entries", methods=["POST"])
@requires(Permission.TIME_CREATE)
@blp.arguments(NewTimeEntrySchema, example={"seconds": 900, "note": "Changed the drum", "billable": True})
@blp.creates(TimeEntrySchema)
def add_time_entry(command: NewTimeEntry, ticket_id: UUID) -> Response:
    """Note time that you spent on a ticket."""
    return render.created(time_entries.add_entry(runtime(), actor(), ticket_id, command, once_key()))


@blp.route("/time-entries", methods=["GET"])
@requires(Permission.TIME_READ)
@blp.arguments(PageQuery, location="query")
@blp.lists(TimeEntrySchema)
def list_time_entries(query: dict[str, Any], ticket_id: UUID) -> Response:
    """List what was worked on a ticket, in the order in which it was noted."""
    return render.listed(time_entries.list_entries(runtime(), actor(), ticket_id, page_request(query)))


@blp.route("/time-totals", methods=["GET"])
@requires(Permission.TIME_READ)
@blp.shows(TimeTotalsSchema)
def get_time_totals(ticket_id: UUID) -> Response:
    """Add up what was worked on a ticket."""
    return render.shown(time_entries.totals_of(runtime(), actor(), ticket_id))


@blp.route("/time-entries/<uuid:time_entry_id>", methods=["GET"])
@requires(Permission.TIME_READ)
@blp.reads(TimeEntrySchema)
def get_time_entry(ticket_id: UUID, time_entry_id: UUID) -> Response:
    """Read a time entry."""
    return render.current_unless_known(time_entries.get_entry(runtime(), actor(), ticket_id, time_entry_id))


@blp.route("/time-entries/<uuid:time_entry_id>", methods=["PATCH"])
@requires(Permission.TIME_CREATE)
@blp.arguments(EditTimeEntrySchema)
@blp.edits(TimeEntrySchema)
def edit_time_entry(values: dict[str, Any], ticket_id: UUID, time_entry_id: UUID) -> Response:
    """Correct a time entry of yours, or of anybody if you manage time."""
    command = Edit(fields=values, if_version=wanted_version(lambda: _version(ticket_id, time_entry_id)))
    return render.current(time_entries.edit_entry(runtime(), actor(), ticket_id, time_entry_id, command))


@blp.route("/time-entries/<uuid:time_entry_id>", methods=["DELETE"])
@requires(Permission.TIME_CREATE)
@blp.removes_version
def remove_time_entry(ticket_id: UUID, time_entry_id: UUID) -> Response:
    """Take a time entry of yours back, or anybody's if you manage time."""
    if_version = wanted_version(lambda: _version(ticket_id, time_entry_id))
    time_entries.remove_entry(runtime(), actor(), ticket_id, time_entry_id, if_version)
    return render.removed()


@blp.route("/timer", methods=["PUT"])
@requires(Permission.TIME_CREATE)
@blp.arguments(NewTimerSchema, required=False)
@blp.may_conflict
@blp.shows(TimerSchema)
def start_timer(command: NewTimer, ticket_id: UUID) -> Response:
    """Start to take the time of your work on a ticket; it runs on one ticket at a time."""
    return render.shown(timers.start_timer(runtime(), actor(), ticket_id, command))


@blp.route("/timer/stop", methods=["POST"])
@requires(Permission.TIME_CREATE)
@blp.takes_no_fields
@blp.may_conflict
@blp.shows(TimeEntrySchema)
def stop_timer(ticket_id: UUID) -> Response:
    """Stop your timer on a ticket: what it took becomes a time entry."""
    return render.shown(timers.stop_timer(runtime(), actor(), ticket_id))


def _version(ticket_id: UUID, time_entry_id: UUID) -> int:
    return time_entries.get_entry(runtime(), actor(), ticket_id, time_entry_id).version
