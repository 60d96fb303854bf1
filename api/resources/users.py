"""Users: the people of an organization, and the service users of its clients."""

from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import fields, post_load

from api import render
from api.auth import actor, requires
from api.context import runtime
from api.fields import MAX_NAME, Answer, Flag, Uuid, choice, email_address, text
from api.idempotency import once_key
from api.pagination import PageQuery, page_request
from api.preconditions import wanted_version
from api.role_fields import ChosenRoleSchema, RoleFieldsSchema, role_choice
from api.smorest import Blueprint
from psms.domain.access import Permission, Role
from psms.domain.accounts import Edit, NewUser
from workflows import directory


class UserSchema(Answer):
    """A person, or the service user of a client."""

    id = Uuid()
    email = fields.String()
    name = fields.String()
    role = choice(Role, metadata={"description": "One of the six; of a custom role, its base."})
    role_id = Uuid(allow_none=True, metadata={"description": "The custom role, if it is one."})
    is_service = fields.Boolean()
    active = fields.Boolean()
    version = fields.Integer()
    created_at = fields.DateTime()
    updated_at = fields.DateTime()


class UserForAgentSchema(Answer):
    """A user as an agent finds them in the directory."""

    id = Uuid()
    email = fields.String()
    name = fields.String()
    is_service = fields.Boolean()
    active = fields.Boolean()
    version = fields.Integer()


class NewUserSchema(ChosenRoleSchema):
    """A new person, with one of the six roles or a role of your own."""

    email = email_address(required=True)
    name = text(MAX_NAME, required=True)

    @post_load
    def to_command(self, values: dict[str, Any], **_: object) -> NewUser:
        """Make the command."""
        return NewUser(email=values["email"], name=values["name"], role=role_choice(values))


class EditUserSchema(RoleFieldsSchema):
    """The fields to change; those left out stay as they are."""

    name = text(MAX_NAME)
    active = Flag()


blp = Blueprint("users", "/v1/users", "People.")


@blp.route("", methods=["POST"])
@requires(Permission.USER_MANAGE)
@blp.arguments(NewUserSchema)
@blp.creates(UserSchema)
def add_user(command: NewUser) -> Response:
    """Add a person."""
    return render.created(directory.add_user(runtime(), actor(), command, once_key()))


@blp.route("", methods=["GET"])
@requires(Permission.USER_READ)
@blp.arguments(PageQuery, location="query")
@blp.lists(UserSchema, UserForAgentSchema)
def list_users(query: dict[str, Any]) -> Response:
    """List users, oldest first."""
    return render.listed(directory.list_users(runtime(), actor(), page_request(query)))


@blp.route("/<uuid:user_id>", methods=["GET"])
@requires(Permission.USER_READ)
@blp.reads(UserSchema, UserForAgentSchema)
def get_user(user_id: UUID) -> Response:
    """Read a user."""
    return render.current_unless_known(directory.get_user(runtime(), actor(), user_id))


@blp.route("/<uuid:user_id>", methods=["PATCH"])
@requires(Permission.USER_MANAGE)
@blp.arguments(EditUserSchema)
@blp.edits(UserSchema)
def edit_user(values: dict[str, Any], user_id: UUID) -> Response:
    """Change a user."""
    if_version = wanted_version(lambda: directory.get_user(runtime(), actor(), user_id).version)
    command = Edit(fields=values, if_version=if_version)
    return render.current(directory.edit_user(runtime(), actor(), user_id, command))
