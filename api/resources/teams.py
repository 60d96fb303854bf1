"""Teams: people who share work."""

from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import fields, post_load

from api import render
from api.auth import actor, requires
from api.context import runtime
from api.fields import MAX_NAME, Answer, Schema, Uuid, several, text
from api.idempotency import once_key
from api.pagination import PageQuery, page_request
from api.preconditions import wanted_version
from api.smorest import Blueprint
from psms.domain.access import Permission
from psms.domain.accounts import Edit, NewTeam
from workflows import directory

_MOST_MEMBERS = 500


class TeamSchema(Answer):
    """People who share work."""

    id = Uuid()
    name = fields.String()
    member_ids = fields.List(Uuid())
    version = fields.Integer()
    created_at = fields.DateTime()
    updated_at = fields.DateTime()


class EditTeamSchema(Schema):
    """The fields to change; those left out stay as they are."""

    name = text(MAX_NAME)
    member_ids = several(Uuid(), at_most=_MOST_MEMBERS)


class NewTeamSchema(EditTeamSchema):
    """A new team."""

    name = text(MAX_NAME, required=True)

    @post_load
    def to_command(self, values: dict[str, Any], **_: object) -> NewTeam:
        """Make the command."""
        return NewTeam(name=values["name"], member_ids=tuple(values.get("member_ids", ())))


blp = Blueprint("teams", "/v1/teams", "People who share work.")


@blp.route("", methods=["POST"])
@requires(Permission.TEAM_MANAGE)
@blp.arguments(NewTeamSchema, example={"name": "Printers"})
@blp.creates(TeamSchema)
def add_team(command: NewTeam) -> Response:
    """Make a team."""
    return render.created(directory.add_team(runtime(), actor(), command, once_key()))


@blp.route("", methods=["GET"])
@requires(Permission.TEAM_READ)
@blp.arguments(PageQuery, location="query")
@blp.lists(TeamSchema)
def list_teams(query: dict[str, Any]) -> Response:
    """List teams, oldest first."""
    return render.listed(directory.list_teams(runtime(), actor(), page_request(query)))


@blp.route("/<uuid:team_id>", methods=["GET"])
@requires(Permission.TEAM_READ)
@blp.reads(TeamSchema)
def get_team(team_id: UUID) -> Response:
    """Read a team."""
    return render.current_unless_known(directory.get_team(runtime(), actor(), team_id))


@blp.route("/<uuid:team_id>", methods=["PATCH"])
@requires(Permission.TEAM_MANAGE)
@blp.arguments(EditTeamSchema, example={"name": "Printers"})
@blp.edits(TeamSchema)
def edit_team(values: dict[str, Any], team_id: UUID) -> Response:
    """Change a team's name or its members."""
    if_version = wanted_version(lambda: directory.get_team(runtime(), actor(), team_id).version)
    command = Edit(fields=values, if_version=if_version)
    return render.current(directory.edit_team(runtime(), actor(), team_id, command))
