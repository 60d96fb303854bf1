"""The lifecycles: all the tables that are enforced, and what can be done to one ticket. Doing it is in `tickets`."""

from uuid import UUID

from flask import Response
from marshmallow import fields

from api import render
from api.auth import actor, requires
from api.context import runtime
from api.fields import Answer, Uuid, choice
from api.smorest import Blueprint
from psms.domain.access import Permission, Role
from psms.domain.lifecycle import Action, Guard
from psms.domain.tickets import Stage, Status, TicketType
from workflows import ticket_options


class StateSchema(Answer):
    """A state: the status, and the step within it."""

    status = choice(Status)
    stage = choice(Stage, allow_none=True)


class TransitionViewSchema(Answer):
    """One action in one state."""

    action = choice(Action)
    source = fields.Nested(StateSchema)
    target = fields.Nested(StateSchema)
    guards = fields.List(choice(Guard), metadata={"description": "What must hold besides, in the order of asking."})
    required_fields = fields.List(fields.String())
    roles = fields.List(choice(Role), metadata={"description": "Who may, where they see the ticket; none: PSMS does."})


class LifecycleSchema(Answer):
    """The table of one type of ticket."""

    type = choice(TicketType)
    states = fields.List(fields.Nested(StateSchema))
    transitions = fields.List(fields.Nested(TransitionViewSchema))


class GuardSchema(Answer):
    """A guard, and what is said where it does not hold."""

    guard = choice(Guard)
    reason = fields.String()


class LifecyclesSchema(Answer):
    """All tables."""

    lifecycles = fields.List(fields.Nested(LifecycleSchema))
    guards = fields.List(fields.Nested(GuardSchema))


class LegalActionSchema(Answer):
    """What can be done now, and where it leads."""

    action = choice(Action)
    status = choice(Status)
    stage = choice(Stage, allow_none=True)
    required_fields = fields.List(fields.String())


class BlockedActionSchema(GuardSchema):
    """What the state allows and a guard does not."""

    action = choice(Action)


class TicketOptionsSchema(Answer):
    """Where a ticket stands, and what the caller can do."""

    ticket_id = Uuid()
    status = choice(Status)
    stage = choice(Stage, allow_none=True)
    version = fields.Integer()
    legal_actions = fields.List(fields.Nested(LegalActionSchema))
    blocked_actions = fields.List(fields.Nested(BlockedActionSchema))


blp = Blueprint("lifecycles", "/v1", "How tickets of each type move.")


@blp.route("/lifecycles", methods=["GET"])
@requires(Permission.TICKET_READ)
@blp.shows(LifecyclesSchema)
def list_lifecycles() -> Response:
    """Read how each type of ticket moves: the same tables that are enforced."""
    return render.shown(ticket_options.lifecycles(actor()))


@blp.route("/tickets/<uuid:ticket_id>/transitions", methods=["GET"])
@requires(Permission.TICKET_TRANSITION)
@blp.shows(TicketOptionsSchema)
def list_transitions(ticket_id: UUID) -> Response:
    """Read what you can do to a ticket now, and what is in the way of the rest."""
    return render.shown(ticket_options.transitions_of(runtime(), actor(), ticket_id))
