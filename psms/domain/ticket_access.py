"""What the matrix's conditions mean for a ticket: which fields, which actions, and until when."""

from uuid import UUID

from psms.domain.access import Actor, Permission, Reach, require
from psms.domain.lifecycle import INITIAL, Action
from psms.domain.lifecycle_checks import own_actions
from psms.domain.tickets import ASSIGNMENT_FIELDS, OpenTicket, Ticket, TicketType
from psms.errors import FieldError, NotAllowed

PRIORITY_FIELDS = frozenset({"priority", "priority_reason", "impact", "urgency"})
OWN_EDITABLE = frozenset({"subject", "description"})


def require_opening(actor: Actor, command: OpenTicket) -> None:
    """Raise NotAllowed unless *actor* may file just this ticket; its requester is filled in."""
    require(actor, Permission.TICKET_CREATE)
    if actor.reach(Permission.TICKET_CREATE) is Reach.OWN and command.requester_id != actor.user_id:
        message = "You can file tickets for yourself only: leave requester_id out."
        raise NotAllowed(message, permission=Permission.TICKET_CREATE.value)
    if command.priority is not None or command.priority_reason is not None:
        require(actor, Permission.TICKET_PRIORITY)
    if command.priority is None and command.priority_reason is not None:
        raise FieldError("priority_reason", "goes with a priority that you choose: name it in priority")
    if command.assignee_id is not None or command.team_id is not None:
        require(actor, Permission.TICKET_ASSIGN)


def require_edit(actor: Actor, ticket: Ticket, fields: frozenset[str]) -> None:
    """Raise NotAllowed unless *actor*, who sees *ticket*, may change *fields* of it now."""
    require(actor, Permission.TICKET_UPDATE)
    if fields & PRIORITY_FIELDS:
        require(actor, Permission.TICKET_PRIORITY)
    if fields & ASSIGNMENT_FIELDS:
        require(actor, Permission.TICKET_ASSIGN)
    if actor.reach(Permission.TICKET_UPDATE) is not Reach.OWN:
        return
    if fields - OWN_EDITABLE or ticket.status is not INITIAL:
        message = "You can change subject and description of your own ticket, and only while it is new."
        raise NotAllowed(message, permission=Permission.TICKET_UPDATE.value)


def require_watching(actor: Actor, user_id: UUID) -> None:
    """Raise NotAllowed unless *actor* may let this user follow a ticket that they see, or follow it no more."""
    require(actor, Permission.TICKET_WATCH)
    if actor.reach(Permission.TICKET_WATCH) is Reach.OWN and user_id != actor.user_id:
        message = "You can follow your own tickets yourself; others are added by those who work on them."
        raise NotAllowed(message, permission=Permission.TICKET_WATCH.value)


def require_transition(actor: Actor, of: TicketType, action: Action) -> None:
    """Raise NotAllowed unless *actor* may do *action* to some ticket of this type that they see."""
    require(actor, Permission.TICKET_TRANSITION)
    if actor.reach(Permission.TICKET_TRANSITION) is Reach.OWN and action not in own_actions(of):
        message = (
            "You can close and reopen your own ticket, and cancel a request; the rest is done by those who work on it."
        )
        raise NotAllowed(message, permission=Permission.TICKET_TRANSITION.value)
