"""What a step of a ticket's life is made of: actions, states, guards, edges. The tables are in `lifecycle_tables`."""

from dataclasses import dataclass
from enum import StrEnum

from psms.domain.tickets import Stage, Status


class Action(StrEnum):
    """What can be done to a ticket's status. Which type of ticket knows which is in its table."""

    OPEN = "open"
    PEND = "pend"
    HOLD = "hold"
    RESUME = "resume"
    RESOLVE = "resolve"
    CLOSE = "close"
    REOPEN = "reopen"
    CANCEL = "cancel"
    REQUEST_APPROVAL = "request_approval"
    APPROVE = "approve"
    REJECT = "reject"
    WITHDRAW = "withdraw"
    PLAN = "plan"
    SCHEDULE = "schedule"
    IMPLEMENT = "implement"
    REVIEW = "review"


class Guard(StrEnum):
    """What else must hold for an action that the state allows; the words are those of the API."""

    DESK = "desk"
    VOTES = "votes"
    HAS_CHAIN = "has_chain"
    AD_HOC = "ad_hoc"
    PLANNED = "planned"
    STANDARD = "standard"
    CHILDREN_DONE = "children_done"


MEANING = {
    Guard.DESK: "this is done by those who work on the ticket",
    Guard.VOTES: "this follows from the votes of the approvers",
    Guard.HAS_CHAIN: "its service names no approvers: name them yourself with POST …/approvals",
    Guard.AD_HOC: "the approval that its service asks for cannot be withdrawn",
    Guard.PLANNED: "plan, backout_plan and risk of the change are not written down yet",
    Guard.STANDARD: "only a change of low risk, of a service that asks nobody, goes without approval",
    Guard.CHILDREN_DONE: "it has children that are not done",
}
"""What is said where a guard does not hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Where a ticket stands: its status, and the step within it that only some types have."""

    status: Status
    stage: Stage | None = None

    @property
    def words(self) -> str:
        """The state as a sentence says it."""
        status = self.status.replace("_", " ")
        return status if self.stage is None else f"{status} ({self.stage.replace('_', ' ')})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """One action in one state: where it leads, what must hold for it, and which fields it needs."""

    action: Action
    source: State
    target: State
    guards: tuple[Guard, ...] = ()
    needs: tuple[str, ...] = ()


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
"""The plain moves, without any stage: all of an incident's and a problem's, and where others begin and end."""
