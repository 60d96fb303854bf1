"""What a ticket is, and the commands that change one; how its status moves is in `lifecycle`."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID


class TicketType(StrEnum):
    """The four kinds of ticket."""

    INCIDENT = "incident"
    REQUEST = "request"
    PROBLEM = "problem"
    CHANGE = "change"


class Level(StrEnum):
    """How far an incident reaches (impact), or how soon it hurts (urgency)."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Priority(StrEnum):
    """In which order tickets are worked on."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class PrioritySource(StrEnum):
    """Where a ticket's priority comes from: impact and urgency, somebody's choice, or an escalation."""

    MATRIX = "matrix"
    MANUAL = "manual"
    ESCALATION = "escalation"


class Status(StrEnum):
    """Where a ticket stands."""

    NEW = "new"
    OPEN = "open"
    PENDING = "pending"
    ON_HOLD = "on_hold"
    RESOLVED = "resolved"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class Stage(StrEnum):
    """The step within a status that only some types of ticket have."""

    AWAITING_APPROVAL = "awaiting_approval"
    PLANNING = "planning"
    APPROVED = "approved"
    SCHEDULED = "scheduled"
    IMPLEMENTING = "implementing"
    IN_REVIEW = "in_review"


class Visibility(StrEnum):
    """Who may read a comment: everyone on the ticket, or only those who work on it."""

    PUBLIC = "public"
    INTERNAL = "internal"


def raised(priority: Priority) -> Priority:
    """Return the next higher priority; the highest stays."""
    order = list(Priority)
    return order[max(0, order.index(priority) - 1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A ticket as the API and the webhooks show it."""

    id: UUID
    number: int
    type: TicketType
    subject: str
    description: str
    status: Status
    impact: Level
    urgency: Level
    priority: Priority
    priority_source: PrioritySource
    priority_reason: str | None
    service_id: UUID
    requester_id: UUID
    assignee_id: UUID | None
    team_id: UUID | None
    tags: list[str]
    custom_fields: dict[str, Any]
    version: int
    created_at: datetime
    updated_at: datetime
    resolved_at: datetime | None
    closed_at: datetime | None
    stage: Stage | None = None
    form_version: int | None = None
    parent_id: UUID | None = None
    merged_into_id: UUID | None = None
    state_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenTicket:
    """File a ticket. What is None is filled in: the caller, the default service, the matrix's priority."""

    subject: str
    description: str = ""
    type: TicketType = TicketType.INCIDENT
    impact: Level = Level.MEDIUM
    urgency: Level = Level.MEDIUM
    priority: Priority | None = None
    priority_reason: str | None = None
    service_id: UUID | None = None
    requester_id: UUID | None = None
    assignee_id: UUID | None = None
    team_id: UUID | None = None
    tags: tuple[str, ...] = ()
    custom_fields: dict[str, Any] | None = None


# The fields that a PATCH may name.
EDITABLE = (
    "subject",
    "description",
    "impact",
    "urgency",
    "priority",
    "priority_reason",
    "service_id",
    "assignee_id",
    "team_id",
    "tags",
    "custom_fields",
    "state_id",
)
ASSIGNMENT_FIELDS = frozenset({"assignee_id", "team_id"})


@dataclass(frozen=True, slots=True, kw_only=True)
class EditTicket:
    """Change the fields in *fields* (names of EDITABLE), provided the version is still *if_version*.

    With *base_version*, that of the ticket that the editor saw, provided that none of them has changed since. With
    *if_free*, provided that it is not somebody else's.
    """

    fields: dict[str, Any]
    if_version: int | None = None
    base_version: int | None = None
    if_free: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldFilter:
    """A key of fields, and what is asked of their value, as it was written."""

    key: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketFilter:
    """Which tickets to list; None leaves a field out. *order* is newest first."""

    status: Status | None = None
    type: TicketType | None = None
    priority: Priority | None = None
    assignee_id: UUID | None = None
    team_id: UUID | None = None
    requester_id: UUID | None = None
    service_id: UUID | None = None
    tag: str | None = None
    parent_id: UUID | None = None
    fields: tuple[FieldFilter, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    """A comment on a ticket as the API shows it. *author_id* is None where PSMS itself wrote it.

    *survivor_id* is the ticket that goes on in place of the one on which it was written; None where none does.
    """

    id: UUID
    ticket_id: UUID
    author_id: UUID | None
    body: str
    visibility: Visibility
    created_at: datetime
    survivor_id: UUID | None = None
    mentions: list[UUID] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watcher:
    """A user who follows a ticket besides those who work on it."""

    user_id: UUID
    added_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewComment:
    """Write a comment on a ticket; who is in *mentions* is told of it by mail."""

    body: str
    visibility: Visibility = Visibility.PUBLIC
    mentions: tuple[UUID, ...] = ()
