"""Clients: the service accounts by which programs call the API. Tokens are in `oauth`."""

from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import fields, post_load

from api import render
from api.auth import actor, requires
from api.context import runtime
from api.fields import MAX_NAME, Answer, Flag, Uuid, choice, several, text
from api.idempotency import once_key
from api.pagination import PageQuery, page_request
from api.preconditions import wanted_version
from api.role_fields import ChosenRoleSchema, RoleFieldsSchema, role_choice
from api.smorest import Blueprint
from psms.domain.access import Permission, Role, Scope
from psms.domain.accounts import Edit, NewClient
from workflows import clients


class ClientSchema(Answer):
    """A service account."""

    id = Uuid()
    client_id = fields.String()
    name = fields.String()
    role = choice(Role, metadata={"description": "One of the six; of a custom role, its base."})
    role_id = Uuid(allow_none=True, metadata={"description": "The custom role, if it is one."})
    scopes = fields.List(choice(Scope))
    user_id = Uuid(metadata={"description": "The service user: the requester of what the client files."})
    active = fields.Boolean()
    version = fields.Integer()
    created_at = fields.DateTime()
    updated_at = fields.DateTime()


class ClientWithSecretSchema(ClientSchema):
    """A new service account; its secret is shown this once."""

    client_secret = fields.String(allow_none=True, metadata={"description": "null in a repeated answer"})


class NewClientSchema(ChosenRoleSchema):
    """A new service account, with one of the six roles or a role of your own; you cannot give it more than you have."""

    name = text(MAX_NAME, required=True)
    scopes = several(choice(Scope), at_most=len(Scope), required=True)

    @post_load
    def to_command(self, values: dict[str, Any], **_: object) -> NewClient:
        """Make the command."""
        return NewClient(name=values["name"], role=role_choice(values), scopes=tuple(values["scopes"]))


class EditClientSchema(RoleFieldsSchema):
    """The fields to change; those left out stay as they are."""

    name = text(MAX_NAME)
    active = Flag()
    scopes = several(choice(Scope), at_most=len(Scope))


blp = Blueprint("clients", "/v1/clients", "Service accounts of programs.")


@blp.route("", methods=["POST"])
@requires(Permission.CLIENT_MANAGE)
@blp.arguments(NewClientSchema)
@blp.creates(ClientWithSecretSchema)
def add_client(command: NewClient) -> Response:
    """Make a client."""
    return render.created(clients.add_client(runtime(), actor(), command, once_key()))


@blp.route("", methods=["GET"])
@requires(Permission.CLIENT_MANAGE)
@blp.arguments(PageQuery, location="query")
@blp.lists(ClientSchema)
def list_clients(query: dict[str, Any]) -> Response:
    """List clients, oldest first."""
    return render.listed(clients.list_clients(runtime(), actor(), page_request(query)))


@blp.route("/<uuid:client_id>", methods=["GET"])
@requires(Permission.CLIENT_MANAGE)
@blp.reads(ClientSchema)
def get_client(client_id: UUID) -> Response:
    """Read a client."""
    return render.current_unless_known(clients.get_client(runtime(), actor(), client_id))


@blp.route("/<uuid:client_id>", methods=["PATCH"])
@requires(Permission.CLIENT_MANAGE)
@blp.arguments(EditClientSchema)
@blp.edits(ClientSchema)
def edit_client(values: dict[str, Any], client_id: UUID) -> Response:
    """Change a client; its tokens lose at once what it loses."""
    if_version = wanted_version(lambda: clients.get_client(runtime(), actor(), client_id).version)
    command = Edit(fields=values, if_version=if_version)
    return render.current(clients.edit_client(runtime(), actor(), client_id, command))
