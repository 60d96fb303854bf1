"""Services: what tickets are about. Who answers for them is in `assignments`, what they ask in `service_forms`."""

from typing import Any
from uuid import UUID

from flask import Response

from api import render
from api.auth import actor, requires
from api.context import runtime
from api.fields import MAX_NAME, text
from api.idempotency import once_key
from api.pagination import PageQuery, page_request
from api.preconditions import wanted_version
from api.service_fields import (
    EditServiceSchema,
    NewServiceSchema,
    ServiceForRequesterSchema,
    ServiceSchema,
    TellIncidentSchema,
)
from api.smorest import Blueprint
from psms.domain.access import Permission
from psms.domain.accounts import Edit
from psms.domain.services import NewService, TellIncident
from workflows import catalogue, incidents


class ServiceQuery(PageQuery):
    """Which services to list."""

    name = text(MAX_NAME, metadata={"description": "How their names begin, whatever the case."})


blp = Blueprint("services", "/v1/services", "What tickets are about.")


@blp.route("", methods=["POST"])
@requires(Permission.SERVICE_MANAGE)
@blp.arguments(NewServiceSchema, example={"name": "Laptops", "category": "Hardware"})
@blp.creates(ServiceSchema)
def add_service(command: NewService) -> Response:
    """Add a service."""
    return render.created(catalogue.add_service(runtime(), actor(), command, once_key()))


@blp.route("", methods=["GET"])
@requires(Permission.SERVICE_READ)
@blp.arguments(ServiceQuery, location="query")
@blp.lists(ServiceSchema, ServiceForRequesterSchema)
def list_services(query: dict[str, Any]) -> Response:
    """List the services that you see, oldest first."""
    page = page_request(query)
    return render.listed(catalogue.list_services(runtime(), actor(), page, query.get("name")))


@blp.route("/<uuid:service_id>", methods=["GET"])
@requires(Permission.SERVICE_READ)
@blp.reads(ServiceSchema, ServiceForRequesterSchema)
def get_service(service_id: UUID) -> Response:
    """Read a service."""
    return render.current_unless_known(catalogue.get_service(runtime(), actor(), service_id))


@blp.route("/<uuid:service_id>", methods=["PATCH"])
@requires(Permission.SERVICE_MANAGE)
@blp.arguments(EditServiceSchema)
@blp.edits(ServiceSchema)
def edit_service(values: dict[str, Any], service_id: UUID) -> Response:
    """Change a service; what it says of tickets holds for those that are filed from now on."""
    command = Edit(fields=values, if_version=_wanted_version(service_id))
    return render.current(catalogue.edit_service(runtime(), actor(), service_id, command))


@blp.route("/<uuid:service_id>/incident", methods=["PUT"])
@requires(Permission.SERVICE_ANNOUNCE)
@blp.arguments(TellIncidentSchema, example={"text": "Mail is late. We are working on it."})
@blp.edits(ServiceSchema)
def tell_incident(values: dict[str, Any], service_id: UUID) -> Response:
    """Tell everybody who sees a service that something is wrong with it."""
    command = TellIncident(if_version=_wanted_version(service_id), **values)
    return render.current(incidents.tell_incident(runtime(), actor(), service_id, command))


@blp.route("/<uuid:service_id>/incident", methods=["DELETE"])
@requires(Permission.SERVICE_ANNOUNCE)
@blp.removes_version
def end_incident(service_id: UUID) -> Response:
    """Tell of the incident no more."""
    incidents.end_incident(runtime(), actor(), service_id, _wanted_version(service_id))
    return render.removed()


def _wanted_version(service_id: UUID) -> int | None:
    return wanted_version(lambda: catalogue.get_service(runtime(), actor(), service_id).version)
