"""How a ticket's status moves: one table of actions. What an action sets off is not decided here."""

from enum import StrEnum

from psms.domain.tickets import Status
from psms.errors import ActionNotAllowed


class Action(StrEnum):
    """What can be done to a ticket's status."""

    OPEN = "open"
    PEND = "pend"
    HOLD = "hold"
    RESUME = "resume"
    RESOLVE = "resolve"
    CLOSE = "close"
    REOPEN = "reopen"
    CANCEL = "cancel"


INITIAL = Status.NEW

_WORKING = (Status.NEW, Status.OPEN, Status.PENDING, Status.ON_HOLD)

# Closed and cancelled tickets are final: what comes later is a new ticket that links to the old one.
TRANSITIONS: dict[tuple[Status, Action], Status] = {
    (Status.NEW, Action.OPEN): Status.OPEN,
    **{(s, Action.PEND): Status.PENDING for s in (Status.NEW, Status.OPEN, Status.ON_HOLD)},
    **{(s, Action.HOLD): Status.ON_HOLD for s in (Status.NEW, Status.OPEN, Status.PENDING)},
    **{(s, Action.RESUME): Status.OPEN for s in (Status.PENDING, Status.ON_HOLD)},
    **{(s, Action.RESOLVE): Status.RESOLVED for s in _WORKING},
    **{(s, Action.CANCEL): Status.CANCELLED for s in _WORKING},
    (Status.RESOLVED, Action.CLOSE): Status.CLOSED,
    (Status.RESOLVED, Action.REOPEN): Status.OPEN,
}


def legal_actions(status: Status) -> tuple[Action, ...]:
    """Return the actions that are possible in *status*, in the order of `Action`."""
    return tuple(action for action in Action if (status, action) in TRANSITIONS)


def next_status(current: Status, action: Action) -> Status:
    """Return the status after *action*, or raise ActionNotAllowed with the actions that are legal now."""
    try:
        return TRANSITIONS[current, action]
    except KeyError:
        legal = legal_actions(current)
        choices = f"possible now: {', '.join(legal)}" if legal else "this status is final"
        message = f"A ticket that is {current} cannot {action}; {choices}."
        raise ActionNotAllowed(message, ticket_status=current, legal_actions=list(legal)) from None
