"""Parents and children of tickets, and problems that are resolved with their incidents."""

from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import fields

from api import render
from api.auth import actor, requires
from api.context import runtime
from api.fields import Answer, Schema, Uuid, choice
from api.pagination import PageQuery, page_request
from api.smorest import Blueprint
from api.ticket_fields import LinkedTicketSchema, TicketForRequesterSchema, TicketSchema
from api.ticket_versions import wanted_ticket_version
from psms.domain.access import Permission
from psms.domain.problem_resolutions import LeftReason
from workflows import problem_resolutions, ticket_families


class ParentSchema(Schema):
    """The ticket that another one is to be a part of."""

    parent_id = Uuid(required=True)


class LeftIncidentSchema(Answer):
    """An incident that was not resolved."""

    ticket = fields.Nested(LinkedTicketSchema)
    reason = choice(LeftReason)


class ResolvedProblemSchema(Answer):
    """A resolved problem, and what became of its incidents."""

    ticket = fields.Nested(TicketSchema)
    resolved = fields.List(fields.Nested(LinkedTicketSchema))
    left = fields.List(fields.Nested(LeftIncidentSchema))
    version = fields.Integer(metadata={"description": "That of the problem; the ETag."})


blp = Blueprint("ticket_families", "/v1/tickets/<uuid:ticket_id>", "Tickets that are parts of others.")


@blp.route("/parent", methods=["PUT"])
@requires(Permission.TICKET_LINK)
@blp.arguments(ParentSchema, example={"parent_id": "0192f0c1-0000-7000-8000-000000000001"})
@blp.edits(TicketSchema)
def set_parent(values: dict[str, UUID], ticket_id: UUID) -> Response:
    """Make a ticket part of another one, which cannot be resolved or closed before it; it leaves a former parent."""
    if_version = wanted_ticket_version(ticket_id)
    return render.current(ticket_families.set_parent(runtime(), actor(), ticket_id, values["parent_id"], if_version))


@blp.route("/parent", methods=["DELETE"])
@requires(Permission.TICKET_LINK)
@blp.edits(TicketSchema)
def remove_parent(ticket_id: UUID) -> Response:
    """Make a ticket stand by itself."""
    if_version = wanted_ticket_version(ticket_id)
    return render.current(ticket_families.remove_parent(runtime(), actor(), ticket_id, if_version))


@blp.route("/children", methods=["GET"])
@requires(Permission.TICKET_READ)
@blp.arguments(PageQuery, location="query")
@blp.lists(TicketSchema, TicketForRequesterSchema)
def list_children(query: dict[str, Any], ticket_id: UUID) -> Response:
    """List the tickets that are parts of this one and that you see, newest first."""
    return render.listed(ticket_families.list_children(runtime(), actor(), ticket_id, page_request(query)))


@blp.route("/resolve-with-incidents", methods=["POST"])
@requires(Permission.TICKET_LINK)
@blp.takes_no_fields
@blp.edits(ResolvedProblemSchema)
def resolve_with_incidents(ticket_id: UUID) -> Response:
    """Resolve a problem together with those of its incidents that you see and that can be.

    All or nothing; 100 at most.
    """
    if_version = wanted_ticket_version(ticket_id)
    return render.current(problem_resolutions.resolve_with_incidents(runtime(), actor(), ticket_id, if_version))
