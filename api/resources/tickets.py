"""Tickets: open, list, read, edit and move along the lifecycle. Their comments are in `comments`."""

from typing import Any, ClassVar
from uuid import UUID

from flask import Response, request
from marshmallow import fields, post_load, validate

from api import render
from api.auth import actor, requires
from api.context import runtime
from api.fields import MAX_TEXT, Instant, Schema, Uuid, choice, json_object, maybe_empty_text, several, text
from api.form_fields import FieldFilterField
from api.idempotency import once_key
from api.pagination import PageQuery, page_request
from api.smorest import Blueprint
from api.ticket_fields import MAX_SUBJECT, TicketForRequesterSchema, TicketSchema
from api.ticket_versions import wanted_ticket_version
from psms.domain.access import Permission
from psms.domain.changes import Outcome
from psms.domain.lifecycle import Action
from psms.domain.tickets import EditTicket, Level, OpenTicket, Priority, Status, TicketFilter, TicketType
from psms.errors import FieldError
from workflows import tickets

_MAX_REASON = 500
_MAX_VERSION = 999_999_999
_MAX_TAG = 64
_MOST_TAGS = 50
_MOST_FILTERS = 5


def _base_version() -> fields.Integer:
    return fields.Integer(
        strict=True,
        validate=validate.Range(min=1, max=_MAX_VERSION),
        metadata={"description": "The version that you saw: only edits of the same fields since then conflict."},
    )


class EditTicketForRequesterSchema(Schema):
    """What a requester may change of their own ticket, while it is new."""

    subject = text(MAX_SUBJECT)
    description = maybe_empty_text(MAX_TEXT)
    base_version = _base_version()


class OpenTicketForRequesterSchema(Schema):
    """A new ticket of a requester."""

    subject = text(MAX_SUBJECT, required=True)
    description = maybe_empty_text(MAX_TEXT)
    type = choice(TicketType)
    impact = choice(Level)
    urgency = choice(Level)
    service_id = Uuid()
    requester_id = Uuid()
    custom_fields = json_object()

    @post_load
    def to_command(self, values: dict[str, Any], **_: object) -> OpenTicket:
        """Make the command."""
        return OpenTicket(**values)


class _TicketFieldsSchema(Schema):
    """What can be said of a ticket when it is opened, and later."""

    subject = text(MAX_SUBJECT)
    description = maybe_empty_text(MAX_TEXT)
    impact = choice(Level)
    urgency = choice(Level)
    priority = choice(Priority, metadata={"description": "Left out, it follows from impact and urgency."})
    priority_reason = text(_MAX_REASON, allow_none=True, metadata={"description": "Why this priority was chosen."})
    service_id = Uuid()
    assignee_id = Uuid(allow_none=True)
    team_id = Uuid(allow_none=True)
    tags = several(text(_MAX_TAG), at_most=_MOST_TAGS)
    custom_fields = json_object()


class EditTicketSchema(_TicketFieldsSchema):
    """The fields to change; those left out stay as they are. A requester may name subject and description only."""

    for_requester: ClassVar[Schema] = EditTicketForRequesterSchema()

    priority = choice(
        Priority,
        allow_none=True,
        metadata={"description": "Stays until another is chosen; null: it follows from impact and urgency again."},
    )
    state_id = Uuid(allow_none=True, metadata={"description": "A state of the status that the ticket has."})
    base_version = _base_version()


class OpenTicketSchema(_TicketFieldsSchema):
    """A new ticket; only the subject is required.

    A requester may not name priority, assignee_id, team_id and tags, and of custom_fields those of the service's form
    that are theirs.
    """

    for_requester: ClassVar[Schema] = OpenTicketForRequesterSchema()

    subject = text(MAX_SUBJECT, required=True)
    type = choice(TicketType, metadata={"default": TicketType.INCIDENT.value})
    requester_id = Uuid(metadata={"description": "Who needs this; left out: the caller."})

    @post_load
    def to_command(self, values: dict[str, Any], **_: object) -> OpenTicket:
        """Make the command."""
        return OpenTicket(**{**values, "tags": tuple(values.get("tags", ()))})


class TransitionForRequesterSchema(Schema):
    """What a requester may do with the status of their own ticket."""

    action = choice(Action, required=True)


class TransitionSchema(Schema):
    """What to do with a ticket's status, and which of the organization's states it is then in; without one, in none.

    A requester names the action alone.
    """

    for_requester: ClassVar[Schema] = TransitionForRequesterSchema()

    action = choice(Action, required=True)
    state_id = Uuid(metadata={"description": "A state of the status that the action leads to."})
    planned_start = Instant(metadata={"description": "To schedule a change, where its plan does not say it already."})
    planned_end = Instant(metadata={"description": "As planned_start."})
    outcome = choice(Outcome, metadata={"description": "To resolve a change that is in review."})


class TicketForRequesterQuery(PageQuery):
    """Filters over what a requester reads: one over a hidden field would tell of it."""

    status = choice(Status)
    type = choice(TicketType)
    priority = choice(Priority)
    requester_id = Uuid()
    service_id = Uuid()
    field = several(
        FieldFilterField(),
        at_most=_MOST_FILTERS,
        metadata={"description": "A custom field as key:value, such as site:north or seats:3..10; may be repeated."},
    )


class TicketQuery(TicketForRequesterQuery):
    """Filters: a ticket is listed when it matches all that are given."""

    for_requester: ClassVar[Schema] = TicketForRequesterQuery()

    assignee_id = Uuid()
    team_id = Uuid()
    tag = text(_MAX_TAG)


blp = Blueprint("tickets", "/v1/tickets", "What people and programs have asked for.")


@blp.route("", methods=["POST"])
@requires(Permission.TICKET_CREATE)
@blp.arguments(OpenTicketSchema, example={"subject": "Printer on fire", "urgency": "high"})
@blp.creates(TicketSchema, TicketForRequesterSchema)
def open_ticket(command: OpenTicket) -> Response:
    """Open a ticket.

    The type defaults to incident, impact and urgency to medium, the requester to the caller and the service
    to the organization's default.
    """
    return render.created(tickets.open_ticket(runtime(), actor(), command, once_key()))


@blp.route("", methods=["GET"])
@requires(Permission.TICKET_READ)
@blp.arguments(TicketQuery, location="query")
@blp.lists(TicketSchema, TicketForRequesterSchema)
def list_tickets(query: dict[str, Any]) -> Response:
    """List tickets, newest first."""
    page = page_request(query)
    wanted = TicketFilter(fields=tuple(query.pop("field", ())), **query)
    return render.listed(tickets.list_tickets(runtime(), actor(), wanted, page))


@blp.route("/<uuid:ticket_id>", methods=["GET"])
@requires(Permission.TICKET_READ)
@blp.reads(TicketSchema, TicketForRequesterSchema)
def get_ticket(ticket_id: UUID) -> Response:
    """Read a ticket."""
    return render.current_unless_known(tickets.get_ticket(runtime(), actor(), ticket_id))


@blp.route("/<uuid:ticket_id>", methods=["PATCH"])
@requires(Permission.TICKET_UPDATE)
@blp.arguments(EditTicketSchema, example={"urgency": "low", "tags": ["printer"]})
@blp.edits(TicketSchema, TicketForRequesterSchema)
def edit_ticket(values: dict[str, Any], ticket_id: UUID) -> Response:
    """Change fields of a ticket.

    With `base_version` in place of If-Match the edit is merged by field: it is refused only where a field that it
    changes has been changed since that version, and then shows both values.
    """
    base_version = values.pop("base_version", None)
    if base_version is not None and "If-Match" in request.headers:
        raise FieldError("base_version", "goes without If-Match, which asks that nothing at all has changed")
    command = EditTicket(fields=values, if_version=wanted_ticket_version(ticket_id), base_version=base_version)
    return render.current(tickets.edit_ticket(runtime(), actor(), ticket_id, command))


@blp.route("/<uuid:ticket_id>/take", methods=["POST"])
@requires(Permission.TICKET_ASSIGN)
@blp.takes_no_fields
@blp.edits(TicketSchema)
def take_ticket(ticket_id: UUID) -> Response:
    """Assign a ticket to yourself, unless somebody has it already: of several who try at once, one gets it."""
    return render.current(tickets.take_ticket(runtime(), actor(), ticket_id, wanted_ticket_version(ticket_id)))


@blp.route("/<uuid:ticket_id>/transitions", methods=["POST"])
@requires(Permission.TICKET_TRANSITION)
@blp.arguments(TransitionSchema, example={"action": "open"})
@blp.edits(TicketSchema, TicketForRequesterSchema)
def transition(values: dict[str, Any], ticket_id: UUID) -> Response:
    """Move a ticket along its lifecycle.

    An action that is not possible now is refused with the list of those that are, and what is in the way of the others.
    """
    action, if_version = values.pop("action"), wanted_ticket_version(ticket_id)
    moved = tickets.transition(runtime(), actor(), ticket_id, action, if_version, given=values)
    return render.current(moved)
