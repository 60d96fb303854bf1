"""Parents and children: which ticket may be part of which. Looser relations are in `ticket_links`."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from psms.domain.relation_errors import ChildrenOpen, RelationRefused
from psms.domain.tickets import Status, Ticket

MOST_GENERATIONS = 5
MOST_CHILDREN = 200

DONE = frozenset({Status.RESOLVED, Status.CLOSED, Status.CANCELLED})
"""Where nothing is left to do on a ticket."""
_GUARDED = frozenset({Status.RESOLVED, Status.CLOSED})
_NUMBERS_TOLD = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Who stands where, before a ticket gets a parent.

    *ancestors* are the parent and all above it; *generations* counts the ticket and those below it; *children* are
    those that the parent has.
    """

    ancestors: tuple[UUID, ...]
    generations: int
    children: int


def require_attachable(child: Ticket, parent: Ticket, family: Family) -> None:
    """Raise RelationRefused unless *child* may become part of *parent*."""
    if child.id in family.ancestors:
        message = f"#{parent.number} is a part of #{child.number} itself."
        raise RelationRefused(message, reason="cycle")
    if parent.status in DONE:
        message = f"#{parent.number} is {parent.status}: reopen it first, or choose another parent."
        raise RelationRefused(message, reason="parent_done")
    if len(family.ancestors) + family.generations > MOST_GENERATIONS:
        message = f"Tickets may stand {MOST_GENERATIONS} deep at most."
        raise RelationRefused(message, reason="too_deep")
    if family.children >= MOST_CHILDREN:
        message = f"#{parent.number} has {MOST_CHILDREN} children, which is the most."
        raise RelationRefused(message, reason="too_many_children")


def asks_for_children(status: Status) -> bool:
    """Tell whether a ticket gets this status only when its children are done."""
    return status in _GUARDED


def require_none_open(numbers: Sequence[int]) -> None:
    """Raise ChildrenOpen where there are children, by their numbers, that are not done."""
    if not numbers:
        return
    named = ", ".join(f"#{number}" for number in numbers[:_NUMBERS_TOLD])
    more = f" and {len(numbers) - _NUMBERS_TOLD} more" if len(numbers) > _NUMBERS_TOLD else ""
    raise ChildrenOpen(f"Its children {named}{more} are not done.", children=list(numbers))
