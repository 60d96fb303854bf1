"""Absences: who is away when, and gets no tickets meanwhile."""

from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import fields, post_load

from api import render
from api.auth import actor, requires
from api.context import runtime
from api.fields import Answer, Instant, Schema, Uuid, text
from api.idempotency import once_key
from api.pagination import PageQuery, page_request
from api.smorest import Blueprint
from psms.domain.access import Permission
from psms.domain.routing.people import NewAbsence
from workflows import absences

_MAX_REASON = 500
EXAMPLE = {"from": "2026-12-24T00:00:00Z", "to": "2027-01-02T00:00:00Z", "reason": "Holidays"}


class AbsenceSchema(Answer):
    """A user is away from an instant until before another."""

    id = Uuid()
    user_id = Uuid()
    since = fields.DateTime(metadata={"description": "From this instant: what was given as from."})
    until = fields.DateTime(metadata={"description": "Until before this instant: what was given as to."})
    reason = fields.String(allow_none=True, metadata={"description": "Shown to themselves and to managers."})
    created_at = fields.DateTime()


class NewAbsenceSchema(Schema):
    """A new absence."""

    user_id = Uuid(metadata={"description": "Left out: the caller. Agents enter their own only."})
    since = Instant(data_key="from", required=True, metadata={"description": "From this instant."})
    until = Instant(data_key="to", required=True, metadata={"description": "Until before this instant."})
    reason = text(_MAX_REASON)

    @post_load
    def to_command(self, values: dict[str, Any], **_: object) -> NewAbsence:
        """Make the command."""
        return NewAbsence(**values)


class AbsenceQuery(PageQuery):
    """The filters."""

    user_id = Uuid()


blp = Blueprint("absences", "/v1/absences", "Who is away when.")


@blp.route("", methods=["POST"])
@requires(Permission.ABSENCE_MANAGE)
@blp.arguments(NewAbsenceSchema, example=EXAMPLE)
@blp.creates(AbsenceSchema)
def add_absence(command: NewAbsence) -> Response:
    """Enter that somebody is away: oneself, or, as a manager, anybody."""
    return render.created(absences.add_absence(runtime(), actor(), command, once_key()))


@blp.route("", methods=["GET"])
@requires(Permission.TEAM_READ)
@blp.arguments(AbsenceQuery, location="query")
@blp.lists(AbsenceSchema)
def list_absences(query: dict[str, Any]) -> Response:
    """List absences, of a user or all, in the order in which they were entered."""
    wanted = absences.AbsenceFilter(user_id=query.get("user_id"))
    return render.listed(absences.list_absences(runtime(), actor(), wanted, page_request(query)))


@blp.route("/<uuid:absence_id>", methods=["GET"])
@requires(Permission.TEAM_READ)
@blp.shows(AbsenceSchema)
def get_absence(absence_id: UUID) -> Response:
    """Read an absence."""
    return render.shown(absences.get_absence(runtime(), actor(), absence_id))


@blp.route("/<uuid:absence_id>", methods=["DELETE"])
@requires(Permission.ABSENCE_MANAGE)
@blp.removes
def remove_absence(absence_id: UUID) -> Response:
    """Take an absence back: they are there."""
    absences.remove_absence(runtime(), actor(), absence_id)
    return render.removed()
