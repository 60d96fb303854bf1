"""Merging tickets, taking that back, and splitting one."""

from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import post_load

from api import render
from api.auth import actor, requires
from api.context import runtime
from api.fields import MAX_TEXT, Schema, Uuid, choice, maybe_empty_text, several, text
from api.idempotency import once_key
from api.smorest import Blueprint
from api.ticket_fields import MAX_SUBJECT, TicketSchema
from api.ticket_versions import wanted_ticket_version
from psms.domain.access import Permission
from psms.domain.ticket_splits import MOST_COMMENTS, SplitTicket
from psms.domain.tickets import Level, TicketType
from workflows import merges, splits


class MergeSchema(Schema):
    """The ticket that goes on."""

    into = Uuid(required=True)


class SplitSchema(Schema):
    """What the new ticket is made of; what is left out is as with the first one."""

    comment_ids = several(Uuid(), at_least=1, at_most=MOST_COMMENTS, required=True)
    subject = text(MAX_SUBJECT, required=True)
    description = maybe_empty_text(MAX_TEXT)
    type = choice(TicketType)
    impact = choice(Level)
    urgency = choice(Level)
    service_id = Uuid()
    requester_id = Uuid()

    @post_load
    def to_command(self, values: dict[str, Any], **_: object) -> SplitTicket:
        """Make the command."""
        return SplitTicket(**{**values, "comment_ids": tuple(values["comment_ids"])})


blp = Blueprint("ticket_merges", "/v1/tickets/<uuid:ticket_id>", "Tickets that are one, and that are two.")


@blp.route("/merge", methods=["POST"])
@requires(Permission.TICKET_MERGE)
@blp.arguments(MergeSchema, example={"into": "0192f0c1-0000-7000-8000-000000000001"})
@blp.edits(TicketSchema)
def merge_ticket(values: dict[str, UUID], ticket_id: UUID) -> Response:
    """Let a ticket go on as part of another one.

    It is closed and its clocks stop. The other one shows what was said on both, also what is said later on this one,
    and whoever asked for this one or follows it follows the other.
    """
    if_version = wanted_ticket_version(ticket_id)
    return render.current(merges.merge_ticket(runtime(), actor(), ticket_id, values["into"], if_version))


@blp.route("/unmerge", methods=["POST"])
@requires(Permission.TICKET_MERGE)
@blp.takes_no_fields
@blp.edits(TicketSchema)
def unmerge_ticket(ticket_id: UUID) -> Response:
    """Take a merge back: the ticket has its former status and what was said through it; its clocks go on."""
    return render.current(merges.unmerge_ticket(runtime(), actor(), ticket_id, wanted_ticket_version(ticket_id)))


@blp.route("/split", methods=["POST"])
@requires(Permission.TICKET_MERGE)
@blp.arguments(
    SplitSchema, example={"subject": "The other matter", "comment_ids": ["0192f0c1-0000-7000-8000-000000000001"]}
)
@blp.creates(TicketSchema)
def split_ticket(command: SplitTicket, ticket_id: UUID) -> Response:
    """Make a new ticket of some of a ticket's comments, which move to it with their authors and instants."""
    return render.created(splits.split_ticket(runtime(), actor(), ticket_id, command, once_key()))
