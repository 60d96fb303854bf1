"""Deleted tickets: delete, list, restore and purge. Whoever reads tickets does not meet them."""

from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import fields

from api import render
from api.auth import actor, requires
from api.context import runtime
from api.fields import Answer, Uuid, choice
from api.pagination import PageQuery, page_request
from api.preconditions import wanted_version
from api.smorest import Blueprint
from api.ticket_fields import TicketSchema
from api.ticket_versions import wanted_ticket_version
from psms.domain.access import Permission
from psms.domain.tickets import Status, TicketType
from workflows import deletions


class DeletedTicketSchema(Answer):
    """A deleted ticket, as far as it takes to know it again."""

    id = Uuid()
    number = fields.Integer()
    type = choice(TicketType)
    subject = fields.String()
    status = choice(Status)
    requester_id = Uuid()
    version = fields.Integer()
    deleted_at = fields.DateTime()
    purge_at = fields.DateTime(metadata={"description": "From then on it may be gone for good."})


blp = Blueprint("deleted_tickets", "", "Tickets that are hidden, until they are restored or purged.")


@blp.route("/v1/deleted-tickets", methods=["GET"])
@requires(Permission.TICKET_DELETE)
@blp.arguments(PageQuery, location="query")
@blp.lists(DeletedTicketSchema)
def list_deleted_tickets(query: dict[str, Any]) -> Response:
    """List the deleted tickets, newest first."""
    return render.listed(deletions.list_deleted(runtime(), actor(), page_request(query)))


@blp.route("/v1/tickets/<uuid:ticket_id>", methods=["DELETE"])
@requires(Permission.TICKET_DELETE)
@blp.removes_version
@blp.may_conflict
def delete_ticket(ticket_id: UUID) -> Response:
    """Hide a ticket from everybody and hold its clocks, until it is restored or purged."""
    deletions.delete_ticket(runtime(), actor(), ticket_id, wanted_ticket_version(ticket_id))
    return render.removed()


@blp.route("/v1/tickets/<uuid:ticket_id>/restore", methods=["POST"])
@requires(Permission.TICKET_DELETE)
@blp.takes_no_fields
@blp.edits(TicketSchema)
def restore_ticket(ticket_id: UUID) -> Response:
    """Let a deleted ticket be there again; its clocks go on as after a hold."""
    if_version = wanted_version(lambda: deletions.version_of_deleted(runtime(), actor(), ticket_id))
    return render.current(deletions.restore_ticket(runtime(), actor(), ticket_id, if_version))


@blp.route("/v1/tickets/<uuid:ticket_id>/purge", methods=["POST"])
@requires(Permission.TICKET_PURGE)
@blp.takes_no_fields
@blp.removes
@blp.may_conflict
def purge_ticket(ticket_id: UUID) -> Response:
    """Remove a deleted ticket for good, with its comments, clocks, links and watchers."""
    deletions.purge_ticket(runtime(), actor(), ticket_id)
    return render.removed()
