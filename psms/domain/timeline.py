"""The timeline of a ticket: its entries, their kinds, and which of them are for whom. Sentences: `timeline_sentences`.

An entry is made of an event, as partners are told it. What a type of event is that this release does not know still
has its place: it is of the kind `other`, with its type and its changes.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from psms.domain.access import Actor, Permission


class Kind(StrEnum):
    """What an entry is about."""

    CREATED = "created"
    COMMENT = "comment"
    CHANGE = "change"
    ASSIGNMENT = "assignment"
    STATUS = "status"
    SLA = "sla"
    AGREEMENT = "agreement"
    PAGE = "page"
    WATCHER = "watcher"
    TIME = "time"
    RATING = "rating"
    APPROVAL = "approval"
    RELATION = "relation"
    SCHEDULE = "schedule"
    OTHER = "other"


PREFIXES: dict[Kind, tuple[str, ...]] = {
    Kind.CREATED: ("ticket.created",),
    Kind.COMMENT: ("ticket.commented",),
    Kind.CHANGE: ("ticket.updated",),
    Kind.ASSIGNMENT: ("ticket.assigned",),
    Kind.STATUS: ("ticket.status_changed",),
    Kind.SLA: ("sla.",),
    Kind.AGREEMENT: ("ola.",),
    Kind.PAGE: ("page.",),
    Kind.WATCHER: ("ticket.watcher_",),
    Kind.TIME: ("time.",),
    Kind.RATING: ("ticket.rated",),
    Kind.APPROVAL: ("ticket.approval_",),
    Kind.RELATION: ("ticket.linked", "ticket.unlinked", "ticket.merged", "ticket.unmerged", "ticket.split"),
    Kind.SCHEDULE: ("change.",),
}
"""How the types of events begin that are of a kind; what begins otherwise is of the kind `other`."""

ECHOES = ("ticket.resolved", "ticket.closed")
"""What only repeats to partners the change of status before it, and has no entry."""

FOR_REQUESTERS = ("ticket.created", "ticket.commented", "ticket.updated", "ticket.status_changed", "ticket.rated")
"""The types of which requesters have an entry; of a comment if it is public, of an update if they read its fields."""

SERVICE_DESK = "Service desk"
SYSTEM = "PSMS"


class Order(StrEnum):
    """Which entry comes first."""

    NEWEST_FIRST = "desc"
    OLDEST_FIRST = "asc"


class Include(StrEnum):
    """What is shown of an entry besides."""

    DELIVERIES = "deliveries"


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineQuestion:
    """Which entries are wanted: of *kinds* (none: of all), in which order, and whether with their deliveries."""

    kinds: tuple[Kind, ...] = ()
    order: Order = Order.NEWEST_FIRST
    include: Include | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What a reader may read of a timeline: a *requester* what is for them, of changes those of *fields*; others all.

    But for what the rest takes away.
    """

    reader: UUID
    requester: bool
    fields: frozenset[str]
    comments: bool
    internal_comments: bool
    time: bool
    names: frozenset[Permission]


@dataclass(frozen=True, slots=True, kw_only=True)
class Doer:
    """Who did it: *id* is None where PSMS itself did, *name* where the reader may not read people's names."""

    id: UUID | None
    name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryOfEvent:
    """How far an event has come to one partner's endpoint; its attempts are shown with the delivery."""

    id: UUID
    endpoint_id: UUID
    state: str
    attempts: int
    last_error: str | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """One thing that happened to a ticket. *sequence* is that of its event; pages have none.

    *data* is what the event tells, without the ticket as it was then; *deliveries* is None unless asked for.
    """

    id: UUID
    at: datetime
    sequence: int | None
    kind: Kind
    type: str
    actor: Doer
    summary: str
    data: dict[str, Any]
    deliveries: list[DeliveryOfEvent] | None


def kind_of(event_type: str) -> Kind:
    """Return the kind of a type of event, known or not."""
    return next((kind for kind, prefixes in PREFIXES.items() if event_type.startswith(prefixes)), Kind.OTHER)


def sight_of(actor: Actor, fields: frozenset[str]) -> Sight:
    """Return what *actor* may read of the timeline of a ticket that they see; requesters read *fields* of tickets."""
    named = (Permission.USER_READ, Permission.TEAM_READ, Permission.SERVICE_READ)
    return Sight(
        reader=actor.user_id,
        requester=actor.is_requester,
        fields=fields,
        comments=actor.may(Permission.COMMENT_READ),
        internal_comments=actor.reads_internal_comments,
        time=actor.may(Permission.TIME_READ),
        names=frozenset(permission for permission in named if actor.may(permission)),
    )


def data_for(sight: Sight, data: dict[str, Any]) -> dict[str, Any]:
    """Return what a reader is shown of an event's *data*: requesters the changes of their fields, and what was said."""
    if not sight.requester:
        return {name: value for name, value in data.items() if name not in _ELSEWHERE and value is not None}
    changes = {name: change for name, change in (data.get("changes") or {}).items() if name in sight.fields}
    said = data.get("comment")
    return {"changes": changes} if said is None else {"changes": changes, "comment": said}


# An entry has them itself, or beside it.
_ELSEWHERE = frozenset({"ticket", "actor_id", "sequence"})
