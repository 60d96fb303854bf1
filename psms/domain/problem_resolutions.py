"""What came of resolving a problem together with its incidents."""

from dataclasses import dataclass
from enum import StrEnum

from psms.domain.relation_errors import RelationRefused
from psms.domain.ticket_links import LinkedTicket
from psms.domain.tickets import Ticket, TicketType

MOST_INCIDENTS = 100
"""How many are resolved in one transaction; each is locked until all are done."""


class LeftReason(StrEnum):
    """Why an incident stayed as it was."""

    DONE = "done"
    CHILDREN_OPEN = "children_open"
    FORM_INCOMPLETE = "form_incomplete"
    NOT_ALLOWED = "not_allowed"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftIncident:
    """An incident that was not resolved, and why."""

    ticket: LinkedTicket
    reason: LeftReason


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedProblem:
    """A problem that is resolved, at its new *version*, and what became of its incidents."""

    ticket: Ticket
    resolved: list[LinkedTicket]
    left: list[LeftIncident]
    version: int


def require_problem(ticket: Ticket) -> None:
    """Raise RelationRefused unless a ticket is a problem, which alone has incidents."""
    if ticket.type is not TicketType.PROBLEM:
        raise RelationRefused(f"#{ticket.number} is no problem: only those cause incidents.", reason="not_a_problem")
