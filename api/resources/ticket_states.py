"""The states that an organization names within the seven statuses of tickets."""

from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import fields, post_load, validate

from api import render
from api.auth import actor, requires
from api.context import runtime
from api.fields import MAX_NAME, Answer, Flag, Schema, Uuid, choice, several, text
from api.idempotency import once_key
from api.pagination import PageQuery, page_request
from api.preconditions import wanted_version
from api.smorest import Blueprint
from psms.domain.access import Permission
from psms.domain.accounts import Edit
from psms.domain.ticket_states import NewTicketState
from psms.domain.tickets import Status, TicketType
from workflows import ticket_states

_USUAL_POSITION = 1000


def _position() -> fields.Integer:
    return fields.Integer(
        strict=True,
        validate=validate.Range(min=1, max=1_000_000),
        metadata={"description": "In which order to show states, smallest first."},
    )


def _types() -> fields.List[Any]:
    description = "Of which types tickets may be in it; empty: of any."
    return several(choice(TicketType), at_most=len(TicketType), metadata={"description": description})


class TicketStateSchema(Answer):
    """A state: what an organization calls one of the statuses."""

    id = Uuid()
    name = fields.String()
    status = choice(Status)
    types = _types()
    position = _position()
    active = fields.Boolean(metadata={"description": "Whether it can be chosen."})
    version = fields.Integer()
    created_at = fields.DateTime()
    updated_at = fields.DateTime()


class NewTicketStateSchema(Schema):
    """A new state."""

    name = text(MAX_NAME, required=True)
    status = choice(Status, required=True)
    types = _types()
    position = _position()

    @post_load
    def to_command(self, values: dict[str, Any], **_: object) -> NewTicketState:
        """Make the command."""
        types = tuple(values.get("types", ()))
        return NewTicketState(**{"position": _USUAL_POSITION, **values, "types": types})


class EditTicketStateSchema(Schema):
    """The fields to change; the status of a state stays for good."""

    name = text(MAX_NAME)
    types = _types()
    position = _position()
    active = Flag()


blp = Blueprint("ticket_states", "/v1/ticket-states", "What an organization calls the statuses of tickets.")


@blp.route("", methods=["POST"])
@requires(Permission.SERVICE_MANAGE)
@blp.arguments(NewTicketStateSchema, example={"name": "Waiting for the vendor", "status": "on_hold"})
@blp.creates(TicketStateSchema)
def add_state(command: NewTicketState) -> Response:
    """Name a state within a status."""
    return render.created(ticket_states.add_state(runtime(), actor(), command, once_key()))


@blp.route("", methods=["GET"])
@requires(Permission.SERVICE_READ)
@blp.arguments(PageQuery, location="query")
@blp.lists(TicketStateSchema)
def list_states(query: dict[str, Any]) -> Response:
    """List states, oldest first."""
    return render.listed(ticket_states.list_states(runtime(), actor(), page_request(query)))


@blp.route("/<uuid:state_id>", methods=["GET"])
@requires(Permission.SERVICE_READ)
@blp.reads(TicketStateSchema)
def get_state(state_id: UUID) -> Response:
    """Read a state."""
    return render.current_unless_known(ticket_states.get_state(runtime(), actor(), state_id))


@blp.route("/<uuid:state_id>", methods=["PATCH"])
@requires(Permission.SERVICE_MANAGE)
@blp.arguments(EditTicketStateSchema, example={"name": "Waiting for the supplier"})
@blp.edits(TicketStateSchema)
def edit_state(values: dict[str, Any], state_id: UUID) -> Response:
    """Change a state. Tickets that are in it stay in it."""
    if_version = wanted_version(lambda: ticket_states.get_state(runtime(), actor(), state_id).version)
    if "types" in values:
        values["types"] = [one.value for one in values["types"]]
    command = Edit(fields=values, if_version=if_version)
    return render.current(ticket_states.edit_state(runtime(), actor(), state_id, command))
