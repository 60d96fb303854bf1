"""Assignments: which user or team answers for which service."""

from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import ValidationError, fields, post_load, validates_schema

from api import render
from api.auth import actor, requires
from api.context import runtime
from api.fields import Answer, Schema, Uuid
from api.idempotency import once_key
from api.pagination import PageQuery, page_request
from api.smorest import Blueprint
from psms.domain.access import Permission
from psms.domain.accounts import NewAssignment
from workflows import catalogue


class AssignmentSchema(Answer):
    """One user or one team answers for a service."""

    id = Uuid()
    service_id = Uuid()
    user_id = Uuid(allow_none=True)
    team_id = Uuid(allow_none=True)
    created_at = fields.DateTime()


class NewAssignmentSchema(Schema):
    """A new assignment: of a user or of a team, not of both."""

    service_id = Uuid(required=True)
    user_id = Uuid(allow_none=True)
    team_id = Uuid(allow_none=True)

    @validates_schema
    def one_of_the_two(self, values: dict[str, Any], **_: object) -> None:
        """Refuse neither and both."""
        if (values.get("user_id") is None) == (values.get("team_id") is None):
            raise ValidationError("Give either user_id or team_id.", "user_id")

    @post_load
    def to_command(self, values: dict[str, Any], **_: object) -> NewAssignment:
        """Make the command."""
        return NewAssignment(**values)


class AssignmentQuery(PageQuery):
    """The one filter."""

    service_id = Uuid()


blp = Blueprint("assignments", "/v1/assignments", "Who answers for which service.")


@blp.route("", methods=["POST"])
@requires(Permission.ASSIGNMENT_MANAGE)
@blp.arguments(NewAssignmentSchema)
@blp.creates(AssignmentSchema)
def add_assignment(command: NewAssignment) -> Response:
    """Make a user or a team answer for a service."""
    return render.created(catalogue.add_assignment(runtime(), actor(), command, once_key()))


@blp.route("", methods=["GET"])
@requires(Permission.ASSIGNMENT_READ)
@blp.arguments(AssignmentQuery, location="query")
@blp.lists(AssignmentSchema)
def list_assignments(query: dict[str, Any]) -> Response:
    """List assignments, oldest first."""
    page = page_request(query)
    return render.listed(catalogue.list_assignments(runtime(), actor(), page, query.get("service_id")))


@blp.route("/<uuid:assignment_id>", methods=["GET"])
@requires(Permission.ASSIGNMENT_READ)
@blp.shows(AssignmentSchema)
def get_assignment(assignment_id: UUID) -> Response:
    """Read an assignment."""
    return render.shown(catalogue.get_assignment(runtime(), actor(), assignment_id))


@blp.route("/<uuid:assignment_id>", methods=["DELETE"])
@requires(Permission.ASSIGNMENT_MANAGE)
@blp.removes
def remove_assignment(assignment_id: UUID) -> Response:
    """End an assignment."""
    catalogue.remove_assignment(runtime(), actor(), assignment_id)
    return render.removed()
