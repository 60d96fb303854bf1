"""The rota: who is on duty when, for a team or for the organization."""

from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import fields, post_load

from api import render
from api.auth import actor, requires
from api.context import runtime
from api.fields import Answer, Instant, Schema, Uuid
from api.idempotency import once_key
from api.pagination import PageQuery, page_request
from api.smorest import Blueprint
from psms.domain.access import Permission
from psms.domain.duties import NewDuty
from workflows import duties

EXAMPLE = {
    "user_id": "01890000-0000-7000-8000-000000000000",
    "from": "2026-12-24T08:00:00Z",
    "to": "2026-12-25T08:00:00Z",
}


class DutySchema(Answer):
    """A user is on duty from an instant until before another."""

    id = Uuid()
    team_id = Uuid(allow_none=True, metadata={"description": "Null: for the organization."})
    user_id = Uuid()
    since = fields.DateTime(metadata={"description": "From this instant: what was given as from."})
    until = fields.DateTime(metadata={"description": "Until before this instant: what was given as to."})
    created_at = fields.DateTime()


class NewDutySchema(Schema):
    """A new duty."""

    team_id = Uuid(allow_none=True, metadata={"description": "Left out or null: for the organization."})
    user_id = Uuid(required=True)
    since = Instant(data_key="from", required=True, metadata={"description": "From this instant."})
    until = Instant(data_key="to", required=True, metadata={"description": "Until before this instant."})

    @post_load
    def to_command(self, values: dict[str, Any], **_: object) -> NewDuty:
        """Make the command."""
        return NewDuty(**values)


class DutyQuery(PageQuery):
    """The filters."""

    team_id = Uuid()
    user_id = Uuid()


blp = Blueprint("duties", "/v1/duties", "Who is on duty when.")


@blp.route("", methods=["POST"])
@requires(Permission.TEAM_MANAGE)
@blp.arguments(NewDutySchema, example=EXAMPLE)
@blp.creates(DutySchema)
def add_duty(command: NewDuty) -> Response:
    """Put a person on duty, for a team or for the organization; at most one at a time."""
    return render.created(duties.add_duty(runtime(), actor(), command, once_key()))


@blp.route("", methods=["GET"])
@requires(Permission.TEAM_READ)
@blp.arguments(DutyQuery, location="query")
@blp.lists(DutySchema)
def list_duties(query: dict[str, Any]) -> Response:
    """List duties, of a team or a user or all, in the order in which they were added."""
    wanted = duties.DutyFilter(team_id=query.get("team_id"), user_id=query.get("user_id"))
    return render.listed(duties.list_duties(runtime(), actor(), wanted, page_request(query)))


@blp.route("/<uuid:duty_id>", methods=["GET"])
@requires(Permission.TEAM_READ)
@blp.shows(DutySchema)
def get_duty(duty_id: UUID) -> Response:
    """Read a duty."""
    return render.shown(duties.get_duty(runtime(), actor(), duty_id))


@blp.route("/<uuid:duty_id>", methods=["DELETE"])
@requires(Permission.TEAM_MANAGE)
@blp.removes
def remove_duty(duty_id: UUID) -> Response:
    """Take a duty out of the rota."""
    duties.remove_duty(runtime(), actor(), duty_id)
    return render.removed()
