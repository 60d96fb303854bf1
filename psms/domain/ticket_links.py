"""Links between tickets: their kinds, seen from either side. Parents are in `ticket_families`, merges in their own."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from psms.domain.tickets import Status, Ticket, TicketType
from psms.errors import FieldError

MOST_LINKS = 200


class LinkKind(StrEnum):
    """What a ticket is to another one, seen from the first."""

    RELATES_TO = "relates_to"
    DUPLICATES = "duplicates"
    DUPLICATED_BY = "duplicated_by"
    BLOCKS = "blocks"
    BLOCKED_BY = "blocked_by"
    CAUSES = "causes"
    CAUSED_BY = "caused_by"


_FORWARD = {
    LinkKind.DUPLICATED_BY: LinkKind.DUPLICATES,
    LinkKind.BLOCKED_BY: LinkKind.BLOCKS,
    LinkKind.CAUSED_BY: LinkKind.CAUSES,
}
_BACKWARD = {forward: backward for backward, forward in _FORWARD.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Direction:
    """A link as it is kept: *from_id* does to *to_id* what *kind* says."""

    kind: LinkKind
    from_id: UUID
    to_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedTicket:
    """A ticket as another one shows it."""

    id: UUID
    number: int
    type: TicketType
    subject: str
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketLink:
    """A link seen from one of its tickets: *ticket* is the other one."""

    id: UUID
    kind: LinkKind
    ticket: LinkedTicket
    created_by: UUID | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLink:
    """Link a ticket to another one."""

    kind: LinkKind
    ticket_id: UUID


def direction(kind: LinkKind, own_id: UUID, other_id: UUID) -> Direction:
    """Return how a link is kept that *own_id* has to *other_id*; which of the two says it makes no difference."""
    if kind is LinkKind.RELATES_TO:
        first, second = sorted((own_id, other_id))
        return Direction(kind=kind, from_id=first, to_id=second)
    if kind in _FORWARD:
        return Direction(kind=_FORWARD[kind], from_id=other_id, to_id=own_id)
    return Direction(kind=kind, from_id=own_id, to_id=other_id)


def seen_from(kept: Direction, ticket_id: UUID) -> LinkKind:
    """Return the kind of a link as this one of its two tickets sees it."""
    return kept.kind if kept.from_id == ticket_id else _BACKWARD.get(kept.kind, kept.kind)


def require_linkable(kind: LinkKind, own: Ticket, other: Ticket) -> None:
    """Raise FieldError unless the types of two tickets allow a link: it is problems that cause incidents."""
    kept = direction(kind, own.id, other.id)
    if kept.kind is not LinkKind.CAUSES:
        return
    cause, effect = (own, other) if kept.from_id == own.id else (other, own)
    if (cause.type, effect.type) != (TicketType.PROBLEM, TicketType.INCIDENT):
        raise FieldError("kind", f"it is a problem that causes an incident, not a {cause.type} a {effect.type}")


def as_linked(ticket: Ticket) -> LinkedTicket:
    """Return a ticket as another one shows it."""
    return LinkedTicket(
        id=ticket.id, number=ticket.number, type=ticket.type, subject=ticket.subject, status=ticket.status
    )
