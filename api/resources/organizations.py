"""Organizations: one's own, and founding another."""

from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import fields, validate

from api import render
from api.auth import actor, requires
from api.context import runtime
from api.fields import MAX_NAME, Answer, Schema, Uuid, choice, text
from api.idempotency import once_key
from api.pagination import PageQuery, page_request
from api.preconditions import wanted_version
from api.smorest import Blueprint
from psms.domain.access import Permission
from psms.domain.accounts import Edit
from psms.domain.tickets import Priority
from workflows import organizations

_MINUTE_S = 60
_YEAR_S = 365 * 86_400


class UrgencyRowSchema(Schema):
    """The priority for each urgency, at one impact."""

    high = choice(Priority, required=True)
    medium = choice(Priority, required=True)
    low = choice(Priority, required=True)


class PriorityMatrixSchema(Schema):
    """The priority by impact, then by urgency; it never falls where one of the two rises."""

    high = fields.Nested(UrgencyRowSchema, required=True)
    medium = fields.Nested(UrgencyRowSchema, required=True)
    low = fields.Nested(UrgencyRowSchema, required=True)


class OrganizationSchema(Answer):
    """A tenant: everything else belongs to one."""

    id = Uuid()
    name = fields.String()
    default_service_id = Uuid(allow_none=True)
    priority_matrix = fields.Nested(PriorityMatrixSchema)
    auto_close_after_seconds = fields.Integer(allow_none=True)
    version = fields.Integer()
    created_at = fields.DateTime()
    updated_at = fields.DateTime()


class FoundedOrganizationSchema(OrganizationSchema):
    """A new organization with the credentials of its first client; the secret is shown this once."""

    client_id = fields.String()
    client_secret = fields.String(allow_none=True, metadata={"description": "null in a repeated answer"})


class FoundOrganizationSchema(Schema):
    """A new organization."""

    name = text(MAX_NAME, required=True)


class EditOrganizationSchema(Schema):
    """The fields to change; those left out stay as they are."""

    name = text(MAX_NAME)
    default_service_id = Uuid(allow_none=True)
    priority_matrix = fields.Nested(
        PriorityMatrixSchema, allow_none=True, metadata={"description": "null: the usual one."}
    )
    auto_close_after_seconds = fields.Integer(
        strict=True,
        allow_none=True,
        validate=validate.Range(min=_MINUTE_S, max=_YEAR_S),
        metadata={"description": "After so long a resolved ticket closes by itself; null: never."},
    )


blp = Blueprint("organizations", "/v1/organizations", "Tenants; each sees its own only.")


@blp.route("", methods=["POST"])
@requires(Permission.ORGANIZATION_CREATE)
@blp.arguments(FoundOrganizationSchema)
@blp.creates(FoundedOrganizationSchema)
def found_organization(values: dict[str, str]) -> Response:
    """Found an organization."""
    return render.created(organizations.found_organization(runtime(), actor(), values["name"], once_key()))


@blp.route("", methods=["GET"])
@requires(Permission.ORGANIZATION_READ)
@blp.arguments(PageQuery, location="query")
@blp.lists(OrganizationSchema)
def list_organizations(query: dict[str, Any]) -> Response:
    """List the organizations that you see: your own."""
    return render.listed(organizations.list_organizations(runtime(), actor(), page_request(query)))


@blp.route("/<uuid:organization_id>", methods=["GET"])
@requires(Permission.ORGANIZATION_READ)
@blp.reads(OrganizationSchema)
def get_organization(organization_id: UUID) -> Response:
    """Read your organization."""
    return render.current_unless_known(organizations.get_organization(runtime(), actor(), organization_id))


@blp.route("/<uuid:organization_id>", methods=["PATCH"])
@requires(Permission.ORGANIZATION_UPDATE)
@blp.arguments(EditOrganizationSchema, example={"name": "Acme"})
@blp.edits(OrganizationSchema)
def edit_organization(values: dict[str, Any], organization_id: UUID) -> Response:
    """Change your organization."""
    if_version = wanted_version(lambda: organizations.get_organization(runtime(), actor(), organization_id).version)
    command = Edit(fields=values, if_version=if_version)
    return render.current(organizations.edit_organization(runtime(), actor(), organization_id, command))
