"""What happened to a ticket, in the form that partners receive; sending it is the webhooks' business."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from psms.domain.paging import Page
from psms.domain.sla_standing import SlaNotice
from psms.domain.tickets import Comment, Ticket, Visibility
from psms.domain.webhooks import EndpointState


class EventType(StrEnum):
    """The names of events; a change of an event's shape is a new schema version, never a new meaning."""

    TICKET_CREATED = "ticket.created"
    TICKET_UPDATED = "ticket.updated"
    TICKET_ASSIGNED = "ticket.assigned"
    TICKET_STATUS_CHANGED = "ticket.status_changed"
    TICKET_COMMENTED = "ticket.commented"
    TICKET_RESOLVED = "ticket.resolved"
    TICKET_CLOSED = "ticket.closed"
    TICKET_LINKED = "ticket.linked"
    TICKET_UNLINKED = "ticket.unlinked"
    TICKET_MERGED = "ticket.merged"
    TICKET_UNMERGED = "ticket.unmerged"
    TICKET_SPLIT = "ticket.split"
    TICKET_DELETED = "ticket.deleted"
    TICKET_RESTORED = "ticket.restored"
    TICKET_APPROVAL_REQUESTED = "ticket.approval_requested"
    TICKET_APPROVAL_DECIDED = "ticket.approval_decided"
    CHANGE_DUE = "change.due"
    CHANGE_OVERDUE = "change.overdue"
    TICKET_WATCHER_ADDED = "ticket.watcher_added"
    TICKET_WATCHER_REMOVED = "ticket.watcher_removed"
    TICKET_RATED = "ticket.rated"
    TIME_LOGGED = "time.logged"
    TIME_CHANGED = "time.changed"
    TIME_REMOVED = "time.removed"
    SLA_AT_RISK = "sla.at_risk"
    SLA_BREACHED = "sla.breached"
    SLA_ESCALATED = "sla.escalated"
    SLA_OVERDUE = "sla.overdue"
    SLA_VOIDED = "sla.voided"  # a breach was declared void
    SLA_RESTORED = "sla.restored"  # it counts again
    OLA_AT_RISK = "ola.at_risk"
    OLA_BREACHED = "ola.breached"
    OLA_ESCALATED = "ola.escalated"
    OLA_OVERDUE = "ola.overdue"
    PAGE_TRIGGERED = "page.triggered"
    PAGE_ACKNOWLEDGED = "page.acknowledged"
    PAGE_RESOLVED = "page.resolved"
    WEBHOOK_TEST = "webhook.test"
    WEBHOOK_PING = "webhook.ping"
    WEBHOOK_ENDPOINT_FAILING = "webhook.endpoint_failing"
    WEBHOOK_ENDPOINT_DISABLED = "webhook.endpoint_disabled"
    WEBHOOK_ENDPOINT_RECOVERED = "webhook.endpoint_recovered"


ASKED_FOR = frozenset({EventType.WEBHOOK_TEST, EventType.WEBHOOK_PING})
"""What is sent to one endpoint when somebody asks for it; nobody subscribes to it."""

OPERATIONAL = {
    EventType.SLA_AT_RISK: EventType.OLA_AT_RISK,
    EventType.SLA_BREACHED: EventType.OLA_BREACHED,
    EventType.SLA_ESCALATED: EventType.OLA_ESCALATED,
    EventType.SLA_OVERDUE: EventType.OLA_OVERDUE,
}
"""What is told in place of the events on promises where teams agreed on something among themselves."""

ENDPOINT_EVENTS = (
    EventType.WEBHOOK_ENDPOINT_FAILING,
    EventType.WEBHOOK_ENDPOINT_DISABLED,
    EventType.WEBHOOK_ENDPOINT_RECOVERED,
)
"""What is told of an endpoint to the organization's other ones, where these name it: no partner hears of another
who merely takes everything."""

PAGE_EVENTS = (EventType.PAGE_TRIGGERED, EventType.PAGE_ACKNOWLEDGED, EventType.PAGE_RESOLVED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The value of a field before and after."""

    before: Any
    after: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentExcerpt:
    """A comment as an event shows it: what was said internally stays inside (*body* is None)."""

    id: UUID
    author_id: UUID | None
    visibility: Visibility
    body: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketData:
    """The `data` of a ticket event. *sequence* counts all events of the ticket, without a gap.

    *actor_id* is None where PSMS itself acted.
    """

    ticket: Ticket
    sequence: int
    actor_id: UUID | None
    changes: dict[str, Change]
    comment: CommentExcerpt | None = None
    sla: SlaNotice | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PageData:
    """The `data` of a page event. *actor_id* is None where PSMS itself acted."""

    ticket: Ticket
    actor_id: UUID | None
    page: Page


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointTestData:
    """The `data` of a test send."""

    endpoint_id: UUID
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointPingData:
    """The `data` of a ping, which a 2xx answers. *challenge* is another one each time."""

    endpoint_id: UUID
    challenge: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointHealthData:
    """The `data` of an event on how an endpoint fares.

    *failing_since* and *failed_attempts* are those of the failing that goes on, or has just ended. The address is not
    told: it may carry credentials, and whoever may read it knows it by the id.
    """

    endpoint_id: UUID
    description: str
    state: EndpointState
    disabled_reason: str | None
    failing_since: datetime | None
    failed_attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """An event's body, in the order in which it is signed and sent."""

    id: UUID
    type: EventType
    timestamp: datetime
    schema_version: int
    data: TicketData | PageData | EndpointTestData | EndpointPingData | EndpointHealthData


def excerpt(comment: Comment) -> CommentExcerpt:
    """Return what partners may read of *comment*."""
    shown = comment.body if comment.visibility is Visibility.PUBLIC else None
    return CommentExcerpt(id=comment.id, author_id=comment.author_id, visibility=comment.visibility, body=shown)


def changes_from(before: Ticket, after: Ticket, names: set[str]) -> dict[str, Change]:
    """Return the change of each field in *names*, in the order of the names."""
    return {name: Change(before=getattr(before, name), after=getattr(after, name)) for name in sorted(names)}
