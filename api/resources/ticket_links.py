"""Links between tickets: add, list, read and remove. Parents and merges have resources of their own."""

from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import fields, post_load

from api import render
from api.auth import actor, requires
from api.context import runtime
from api.fields import Answer, Schema, Uuid, choice
from api.idempotency import once_key
from api.pagination import PageQuery, page_request
from api.smorest import Blueprint
from api.ticket_fields import LinkedTicketSchema
from psms.domain.access import Permission
from psms.domain.ticket_links import LinkKind, NewLink
from workflows import ticket_links


class TicketLinkSchema(Answer):
    """A link, seen from the ticket that was asked for."""

    id = Uuid()
    kind = choice(LinkKind)
    ticket = fields.Nested(LinkedTicketSchema, metadata={"description": "The other one."})
    created_by = Uuid(allow_none=True)
    created_at = fields.DateTime()


class NewLinkSchema(Schema):
    """A new link. Only problems cause, and only incidents are caused."""

    kind = choice(LinkKind, required=True)
    ticket_id = Uuid(required=True, metadata={"description": "The other one, which you must see."})

    @post_load
    def to_command(self, values: dict[str, Any], **_: object) -> NewLink:
        """Make the command."""
        return NewLink(**values)


blp = Blueprint("ticket_links", "/v1/tickets/<uuid:ticket_id>/links", "What tickets have to do with one another.")


@blp.route("", methods=["POST"])
@requires(Permission.TICKET_LINK)
@blp.arguments(NewLinkSchema, example={"kind": "blocked_by", "ticket_id": "0192f0c1-0000-7000-8000-000000000001"})
@blp.creates(TicketLinkSchema)
def add_link(command: NewLink, ticket_id: UUID) -> Response:
    """Link a ticket to another one; both show it, each from its side."""
    return render.created(ticket_links.add_link(runtime(), actor(), ticket_id, command, once_key()))


@blp.route("", methods=["GET"])
@requires(Permission.TICKET_READ)
@blp.arguments(PageQuery, location="query")
@blp.lists(TicketLinkSchema)
def list_links(query: dict[str, Any], ticket_id: UUID) -> Response:
    """List a ticket's links to tickets that you see, oldest first."""
    return render.listed(ticket_links.list_links(runtime(), actor(), ticket_id, page_request(query)))


@blp.route("/<uuid:link_id>", methods=["GET"])
@requires(Permission.TICKET_READ)
@blp.shows(TicketLinkSchema)
def get_link(ticket_id: UUID, link_id: UUID) -> Response:
    """Read a link."""
    return render.shown(ticket_links.get_link(runtime(), actor(), ticket_id, link_id))


@blp.route("/<uuid:link_id>", methods=["DELETE"])
@requires(Permission.TICKET_LINK)
@blp.removes
def remove_link(ticket_id: UUID, link_id: UUID) -> Response:
    """Remove a link, from either side."""
    ticket_links.remove_link(runtime(), actor(), ticket_id, link_id)
    return render.removed()
