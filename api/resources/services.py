"""Services: what tickets are about. Who answers for them is in `assignments`."""

from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import fields, post_load

from api import render
from api.auth import actor, requires
from api.context import runtime
from api.fields import MAX_NAME, MAX_TEXT, Answer, Flag, Schema, Uuid, maybe_empty_text, text
from api.idempotency import once_key
from api.pagination import PageQuery, page_request
from api.preconditions import wanted_version
from api.smorest import Blueprint
from psms.domain.access import Permission
from psms.domain.accounts import Edit, NewService
from workflows import catalogue


class ServiceSchema(Answer):
    """Something that tickets are about."""

    id = Uuid()
    name = fields.String()
    description = fields.String()
    active = fields.Boolean()
    version = fields.Integer()
    created_at = fields.DateTime()
    updated_at = fields.DateTime()


class NewServiceSchema(Schema):
    """A new service."""

    name = text(MAX_NAME, required=True)
    description = maybe_empty_text(MAX_TEXT)

    @post_load
    def to_command(self, values: dict[str, Any], **_: object) -> NewService:
        """Make the command."""
        return NewService(**values)


class EditServiceSchema(Schema):
    """The fields to change; those left out stay as they are."""

    name = text(MAX_NAME)
    description = maybe_empty_text(MAX_TEXT)
    active = Flag()


blp = Blueprint("services", "/v1/services", "What tickets are about.")


@blp.route("", methods=["POST"])
@requires(Permission.SERVICE_MANAGE)
@blp.arguments(NewServiceSchema)
@blp.creates(ServiceSchema)
def add_service(command: NewService) -> Response:
    """Add a service."""
    return render.created(catalogue.add_service(runtime(), actor(), command, once_key()))


@blp.route("", methods=["GET"])
@requires(Permission.SERVICE_READ)
@blp.arguments(PageQuery, location="query")
@blp.lists(ServiceSchema)
def list_services(query: dict[str, Any]) -> Response:
    """List services, oldest first."""
    return render.listed(catalogue.list_services(runtime(), actor(), page_request(query)))


@blp.route("/<uuid:service_id>", methods=["GET"])
@requires(Permission.SERVICE_READ)
@blp.reads(ServiceSchema)
def get_service(service_id: UUID) -> Response:
    """Read a service."""
    return render.current_unless_known(catalogue.get_service(runtime(), actor(), service_id))


@blp.route("/<uuid:service_id>", methods=["PATCH"])
@requires(Permission.SERVICE_MANAGE)
@blp.arguments(EditServiceSchema)
@blp.edits(ServiceSchema)
def edit_service(values: dict[str, Any], service_id: UUID) -> Response:
    """Change a service."""
    if_version = wanted_version(lambda: catalogue.get_service(runtime(), actor(), service_id).version)
    command = Edit(fields=values, if_version=if_version)
    return render.current(catalogue.edit_service(runtime(), actor(), service_id, command))
