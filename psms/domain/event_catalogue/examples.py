"""An example of each event: the value that the code which tells events would encode, with ids and texts made up."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from psms.domain.approvals import ApprovalState
from psms.domain.event_catalogue.definitions import CATALOGUE, About
from psms.domain.event_versions import SCHEMA_VERSION
from psms.domain.events import (
    Change,
    CommentExcerpt,
    EndpointHealthData,
    EndpointPingData,
    EndpointTestData,
    Envelope,
    EventType,
    PageData,
    TicketData,
)
from psms.domain.paging import Page, PageState, Severity, dedup_key_of
from psms.domain.sla.terms import Metric
from psms.domain.sla_standing import SlaNotice
from psms.domain.ticket_links import LinkKind
from psms.domain.tickets import Level, Priority, PrioritySource, Status, Ticket, TicketType, Visibility
from psms.domain.webhooks import EndpointState

_FILED: Final = datetime(2026, 11, 23, 8, 30, tzinfo=UTC)
_NOW: Final = _FILED + timedelta(minutes=45, milliseconds=250)


def _id(number: int) -> UUID:
    return UUID(f"01a2030a-4599-7bca-b091-{number:012x}")


_ORGANIZATION, _EVENT, _SERVICE, _REQUESTER, _AGENT, _TEAM, _OTHER, _CLOCK, _THING = map(_id, range(1, 10))

_TICKET: Final = Ticket(
    id=_id(16),
    number=4711,
    type=TicketType.INCIDENT,
    subject="Printer on fire",
    description="Smoke comes out of the paper tray.",
    status=Status.OPEN,
    impact=Level.HIGH,
    urgency=Level.MEDIUM,
    priority=Priority.HIGH,
    priority_source=PrioritySource.MATRIX,
    priority_reason=None,
    service_id=_SERVICE,
    requester_id=_REQUESTER,
    assignee_id=_AGENT,
    team_id=_TEAM,
    tags=["printer"],
    custom_fields={"site": "north"},
    version=7,
    created_at=_FILED,
    updated_at=_NOW,
    resolved_at=None,
    closed_at=None,
)
_SLA: Final = SlaNotice(
    clock_id=_CLOCK,
    metric=Metric.RESOLUTION,
    level="warning",
    at=_NOW,
    due_at=_FILED + timedelta(hours=1),
    target_seconds=3600,
    late=False,
)
_PAGE: Final = Page(
    id=_THING,
    clock_id=_CLOCK,
    metric=Metric.RESOLUTION.value,
    level="warning",
    severity=Severity.ERROR,
    state=PageState.TRIGGERED,
    dedup_key=dedup_key_of(_ORGANIZATION, _TICKET.id, _CLOCK),
    reached_at=_NOW,
    due_at=_FILED + timedelta(hours=1),
)
_COMMENT: Final = CommentExcerpt(
    id=_THING, author_id=_AGENT, visibility=Visibility.PUBLIC, body="A technician is on the way."
)


def _to(value: Any) -> Change:  # noqa: ANN401  # the value of any field
    return Change(before=None, after=value)


def _from(value: Any) -> Change:  # noqa: ANN401  # as above
    return Change(before=value, after=None)


_LINK: Final = {"link_id": _THING, "link_kind": LinkKind.DUPLICATES, "linked_ticket_id": _OTHER}
_TIME: Final = {
    "time_entry_id": _THING,
    "user_id": _AGENT,
    "seconds": 900,
    "worked_at": _NOW,
    "activity": "repair",
    "billable": True,
}
_RAISED: Final = {"priority": Change(before=Priority.HIGH, after=Priority.CRITICAL)}
_RESOLVED: Final = {"status": Change(before=Status.OPEN, after=Status.RESOLVED)}
_CLOSED: Final = {"status": Change(before=Status.RESOLVED, after=Status.CLOSED)}

_CHANGES: Final[Mapping[EventType, dict[str, Change]]] = {
    EventType.TICKET_UPDATED: {
        "impact": Change(before=Level.MEDIUM, after=Level.HIGH),
        "priority": Change(before=Priority.MEDIUM, after=Priority.HIGH),
    },
    EventType.TICKET_ASSIGNED: {"assignee_id": _to(_AGENT)},
    EventType.TICKET_STATUS_CHANGED: {"status": Change(before=Status.NEW, after=Status.OPEN)},
    EventType.TICKET_RESOLVED: _RESOLVED,
    EventType.TICKET_CLOSED: _CLOSED,
    EventType.TICKET_LINKED: {name: _to(value) for name, value in _LINK.items()},
    EventType.TICKET_UNLINKED: {name: _from(value) for name, value in _LINK.items()},
    EventType.TICKET_MERGED: {"merged_ticket_id": _to(_OTHER)},
    EventType.TICKET_UNMERGED: {"merged_ticket_id": _from(_OTHER)},
    EventType.TICKET_SPLIT: {"split_ticket_id": _to(_OTHER), "moved_comments": _to(2)},
    EventType.TICKET_DELETED: {"deleted_at": _to(_NOW)},
    EventType.TICKET_RESTORED: {"deleted_at": _from(_NOW)},
    EventType.TICKET_APPROVAL_REQUESTED: {"approval_id": _to(_THING), "approval_state": _to(ApprovalState.PENDING)},
    EventType.TICKET_APPROVAL_DECIDED: {
        "approval_id": Change(before=_THING, after=_THING),
        "approval_state": Change(before=ApprovalState.PENDING, after=ApprovalState.APPROVED),
    },
    EventType.TICKET_WATCHER_ADDED: {"watcher_id": _to(_OTHER)},
    EventType.TICKET_WATCHER_REMOVED: {"watcher_id": _from(_OTHER)},
    EventType.TICKET_RATED: {"score": _to(5)},
    EventType.TIME_LOGGED: {name: _to(value) for name, value in _TIME.items()},
    EventType.TIME_CHANGED: {
        "time_entry_id": Change(before=_THING, after=_THING),
        "seconds": Change(before=900, after=1200),
    },
    EventType.TIME_REMOVED: {name: _from(value) for name, value in _TIME.items()},
    EventType.SLA_ESCALATED: _RAISED,
    EventType.OLA_ESCALATED: _RAISED,
}
_STATUS: Final = {EventType.TICKET_RESOLVED: Status.RESOLVED, EventType.TICKET_CLOSED: Status.CLOSED}
_PAGE_STATES: Final = {
    EventType.PAGE_TRIGGERED: PageState.TRIGGERED,
    EventType.PAGE_ACKNOWLEDGED: PageState.ACKNOWLEDGED,
    EventType.PAGE_RESOLVED: PageState.RESOLVED,
}


def example_of(event_type: EventType) -> Envelope:
    """Return an example of an event; `psms.encoding` makes its body."""
    return Envelope(
        id=_EVENT, type=event_type, timestamp=_NOW, schema_version=SCHEMA_VERSION, data=_data_of(event_type)
    )


_Data = TicketData | PageData | EndpointTestData | EndpointPingData | EndpointHealthData


def _data_of(event_type: EventType) -> _Data:
    about = CATALOGUE[event_type].about
    if about is About.ENDPOINT:
        return EndpointTestData(endpoint_id=_THING, message="This is a test: your endpoint is reached.")
    if about is About.PING:
        return EndpointPingData(endpoint_id=_THING, challenge="q3zC2l9wRk6xV1n0aJ5tYw")
    if about is About.HEALTH:
        return _health_of(event_type)
    if about is About.PAGE:
        page = replace(_PAGE, state=_PAGE_STATES[event_type])
        return PageData(ticket=_TICKET, actor_id=None, page=page)
    return TicketData(
        ticket=replace(_TICKET, status=_STATUS.get(event_type, Status.OPEN)),
        sequence=12,
        actor_id=None if about is About.SLA else _AGENT,
        changes=_CHANGES.get(event_type, {}),
        comment=_COMMENT if about is About.COMMENT else None,
        sla=_notice_of(event_type) if about is About.SLA else None,
    )


def _health_of(event_type: EventType) -> EndpointHealthData:
    disabled = event_type is EventType.WEBHOOK_ENDPOINT_DISABLED
    return EndpointHealthData(
        endpoint_id=_OTHER,
        description="Billing",
        state=EndpointState.DISABLED if disabled else EndpointState.ACTIVE,
        disabled_reason="failing" if disabled else None,
        failing_since=_FILED,
        failed_attempts=20,
    )


def _notice_of(event_type: EventType) -> SlaNotice:
    return replace(_SLA, metric=Metric.WITH_TEAM) if event_type.startswith("ola.") else _SLA
