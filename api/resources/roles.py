"""Roles that an organization makes of the six. What each may do is in the permission matrix."""

from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import fields, post_load

from api import render
from api.auth import actor, requires
from api.context import runtime
from api.fields import MAX_NAME, Answer, Schema, Uuid, choice, several, text
from api.idempotency import once_key
from api.pagination import PageQuery, page_request
from api.preconditions import wanted_version
from api.smorest import Blueprint
from psms.domain.access import Permission, Role
from psms.domain.access.roles import NewRole
from psms.domain.accounts import Edit
from workflows import roles


class RoleSchema(Answer):
    """A narrower form of one of the six roles."""

    id = Uuid()
    name = fields.String()
    base_role = choice(Role)
    permissions = fields.List(choice(Permission), metadata={"description": "What it keeps of the base role's."})
    version = fields.Integer()
    created_at = fields.DateTime()
    updated_at = fields.DateTime()


class NewRoleSchema(Schema):
    """A new role; you cannot put into it what you may not do yourself."""

    name = text(MAX_NAME, required=True)
    base_role = choice(Role, required=True)
    permissions = several(choice(Permission), at_most=len(Permission), required=True)

    @post_load
    def to_command(self, values: dict[str, Any], **_: object) -> NewRole:
        """Make the command."""
        return NewRole(
            name=values["name"],
            base_role=values["base_role"],
            permissions=tuple(permission.value for permission in values["permissions"]),
        )


class EditRoleSchema(Schema):
    """The fields to change; those left out stay as they are."""

    name = text(MAX_NAME)
    permissions = several(choice(Permission), at_most=len(Permission))

    @post_load
    def to_values(self, values: dict[str, Any], **_: object) -> dict[str, Any]:
        """Name the permissions as they are stored."""
        if "permissions" in values:
            values["permissions"] = [permission.value for permission in values["permissions"]]
        return values


blp = Blueprint("roles", "/v1/roles", "Roles of your own, each a narrower form of one of the six.")


@blp.route("", methods=["POST"])
@requires(Permission.ROLE_MANAGE)
@blp.arguments(NewRoleSchema, example={"name": "Reader", "base_role": "agent", "permissions": ["ticket.read"]})
@blp.creates(RoleSchema)
def add_role(command: NewRole) -> Response:
    """Make a role."""
    return render.created(roles.add_role(runtime(), actor(), command, once_key()))


@blp.route("", methods=["GET"])
@requires(Permission.ROLE_READ)
@blp.arguments(PageQuery, location="query")
@blp.lists(RoleSchema)
def list_roles(query: dict[str, Any]) -> Response:
    """List your own roles, oldest first."""
    return render.listed(roles.list_roles(runtime(), actor(), page_request(query)))


@blp.route("/<uuid:role_id>", methods=["GET"])
@requires(Permission.ROLE_READ)
@blp.reads(RoleSchema)
def get_role(role_id: UUID) -> Response:
    """Read a role."""
    return render.current_unless_known(roles.get_role(runtime(), actor(), role_id))


@blp.route("/<uuid:role_id>", methods=["PATCH"])
@requires(Permission.ROLE_MANAGE)
@blp.arguments(EditRoleSchema, example={"name": "Reader"})
@blp.edits(RoleSchema)
def edit_role(values: dict[str, Any], role_id: UUID) -> Response:
    """Change a role; whoever has it gains or loses that with their next request."""
    command = Edit(fields=values, if_version=_wanted_version(role_id))
    return render.current(roles.edit_role(runtime(), actor(), role_id, command))


@blp.route("/<uuid:role_id>", methods=["DELETE"])
@requires(Permission.ROLE_MANAGE)
@blp.may_conflict
@blp.removes_version
def remove_role(role_id: UUID) -> Response:
    """Remove a role that nobody has."""
    roles.remove_role(runtime(), actor(), role_id, _wanted_version(role_id))
    return render.removed()


def _wanted_version(role_id: UUID) -> int | None:
    return wanted_version(lambda: roles.get_role(runtime(), actor(), role_id).version)
