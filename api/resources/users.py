"""Users: the people of an organization, and the service users of its clients."""

from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import fields, post_load

from api import render
from api.auth import actor, requires
from api.context import runtime
from api.fields import MAX_NAME, Answer, Flag, Schema, Uuid, choice, email_address, text
from api.idempotency import once_key
from api.pagination import PageQuery, page_request
from api.preconditions import wanted_version
from api.smorest import Blueprint
from psms.domain.access import Permission, Role
from psms.domain.accounts import Edit, NewUser
from workflows import directory


class UserSchema(Answer):
    """A person, or the service user of a client."""

    id = Uuid()
    email = fields.String()
    name = fields.String()
    role = choice(Role)
    is_service = fields.Boolean()
    active = fields.Boolean()
    version = fields.Integer()
    created_at = fields.DateTime()
    updated_at = fields.DateTime()


class NewUserSchema(Schema):
    """A new person."""

    email = email_address(required=True)
    name = text(MAX_NAME, required=True)
    role = choice(Role, required=True)

    @post_load
    def to_command(self, values: dict[str, Any], **_: object) -> NewUser:
        """Make the command."""
        return NewUser(**values)


class EditUserSchema(Schema):
    """The fields to change; those left out stay as they are."""

    name = text(MAX_NAME)
    role = choice(Role)
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
@blp.lists(UserSchema)
def list_users(query: dict[str, Any]) -> Response:
    """List users, oldest first."""
    return render.listed(directory.list_users(runtime(), actor(), page_request(query)))


@blp.route("/<uuid:user_id>", methods=["GET"])
@requires(Permission.USER_READ)
@blp.reads(UserSchema)
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
