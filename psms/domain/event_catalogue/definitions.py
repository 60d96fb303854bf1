"""What each type of event tells: in which words, of what, and which changes it names. Schemas are made in `schemas`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from psms.domain.approvals import ApprovalState
from psms.domain.changes import EDITABLE_FIELDS, ChangePlan
from psms.domain.event_versions import SCHEMA_VERSION
from psms.domain.events import ASKED_FOR, ENDPOINT_EVENTS, EventType
from psms.domain.json_schemas import Schema, properties_of, schema_of
from psms.domain.ticket_links import LinkKind
from psms.domain.tickets import EDITABLE, Ticket
from psms.domain.time_entries import TimeEntry

OFFERED_VERSIONS: Final = (SCHEMA_VERSION,)
"""The versions of schemas that an endpoint may ask for."""
SUBSCRIBABLE: Final = tuple(one.value for one in EventType if one not in ASKED_FOR)
"""A test or a ping is sent to one endpoint when asked for; nobody subscribes to it."""


class About(StrEnum):
    """What the `data` of an event is about, besides its ticket."""

    TICKET = "ticket"
    COMMENT = "comment"
    SLA = "sla"
    PAGE = "page"
    ENDPOINT = "endpoint"
    PING = "ping"
    HEALTH = "health"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventDefinition:
    """One type of event. *changes* are the names in `data.changes`, each with the schema of its values."""

    type: EventType
    description: str
    about: About = About.TICKET
    changes: Mapping[str, Schema] = field(default_factory=dict)

    @property
    def group(self) -> str:
        """What comes before the dot: `ticket` for all that `ticket.*` stands for."""
        return group_of(self.type)


def group_of(event_type: str) -> str:
    """Return what comes before the dot of the name of a type."""
    return event_type.partition(".")[0]


def _of_ticket(*names: str) -> dict[str, Schema]:
    properties = properties_of(Ticket)
    return {name: properties[name] for name in names}


def _of(**hints: Any) -> dict[str, Schema]:
    return {name: schema_of(hint) for name, hint in hints.items()}


_ASSIGNMENT = _of_ticket("assignee_id", "team_id")
_UPDATED = _of_ticket(
    *(name for name in EDITABLE if name not in _ASSIGNMENT), "priority_source", "form_version", "parent_id"
)
_PLAN = {name: schema for name, schema in properties_of(ChangePlan).items() if name in EDITABLE_FIELDS}
_MOVED = _of_ticket("status", "stage", "state_id") | _PLAN
_LINK = _of(link_id=UUID, link_kind=LinkKind, linked_ticket_id=UUID)
_MERGE = _of_ticket("merged_into_id", "status") | _of(merged_ticket_id=UUID)
_APPROVAL = _of(approval_id=UUID, approval_state=ApprovalState)
_TIME = _of(time_entry_id=UUID) | {
    name: properties_of(TimeEntry)[name] for name in ("user_id", "seconds", "worked_at", "activity", "billable")
}
_ESCALATED = _of_ticket("priority", "assignee_id", "team_id")

_WORDS: Final[Mapping[EventType, tuple[str, Mapping[str, Schema]]]] = {
    EventType.TICKET_CREATED: ("A ticket was filed.", {}),
    EventType.TICKET_UPDATED: ("Fields of a ticket changed, other than its status and who has it.", _UPDATED),
    EventType.TICKET_ASSIGNED: ("A ticket was given to somebody or to a team, or taken from them.", _ASSIGNMENT),
    EventType.TICKET_STATUS_CHANGED: ("The status of a ticket changed, or the stage within it.", _MOVED),
    EventType.TICKET_COMMENTED: ("Somebody commented; the words of an internal comment stay inside.", {}),
    EventType.TICKET_RESOLVED: ("A ticket was resolved; comes after its `ticket.status_changed`.", _MOVED),
    EventType.TICKET_CLOSED: ("A ticket was closed; comes after its `ticket.status_changed`.", _MOVED),
    EventType.TICKET_LINKED: ("A ticket was linked with another one; told on both.", _LINK),
    EventType.TICKET_UNLINKED: ("A link of two tickets was removed; told on both.", _LINK),
    EventType.TICKET_MERGED: ("A ticket was merged into another one; told on both.", _MERGE),
    EventType.TICKET_UNMERGED: ("A merge was taken back; told on both tickets.", _MERGE),
    EventType.TICKET_SPLIT: (
        "Comments of a ticket became a ticket of their own.",
        _of(split_ticket_id=UUID, moved_comments=int),
    ),
    EventType.TICKET_DELETED: ("A ticket was deleted; it may be restored.", _of(deleted_at=datetime)),
    EventType.TICKET_RESTORED: ("A deleted ticket was restored.", _of(deleted_at=datetime)),
    EventType.TICKET_APPROVAL_REQUESTED: (
        "Somebody is asked for an approval, or somebody else in their place.",
        _APPROVAL | _of(escalated_to=UUID),
    ),
    EventType.TICKET_APPROVAL_DECIDED: ("A step of an approval ended: by votes, by time, or withdrawn.", _APPROVAL),
    EventType.CHANGE_DUE: ("The window of a scheduled change begins.", {}),
    EventType.CHANGE_OVERDUE: ("The window of a change is over, and the change is not done.", {}),
    EventType.TICKET_WATCHER_ADDED: ("Somebody follows a ticket.", _of(watcher_id=UUID)),
    EventType.TICKET_WATCHER_REMOVED: ("Somebody follows a ticket no more.", _of(watcher_id=UUID)),
    EventType.TICKET_RATED: ("The requester said how satisfied they are, from 1 to 5.", _of(score=int)),
    EventType.TIME_LOGGED: ("Somebody noted time that they worked on a ticket.", _TIME),
    EventType.TIME_CHANGED: ("An entry of working time was corrected.", _TIME),
    EventType.TIME_REMOVED: ("An entry of working time was taken back.", _TIME),
    EventType.SLA_AT_RISK: ("The time promised to a customer is nearly used up.", {}),
    EventType.SLA_BREACHED: ("The time promised to a customer is used up.", {}),
    EventType.SLA_ESCALATED: ("A level of what was promised to a customer led to an escalation.", _ESCALATED),
    EventType.SLA_OVERDUE: ("The time promised to a customer has been used up for long.", {}),
    EventType.SLA_VOIDED: ("It was declared that a breach does not count.", {}),
    EventType.SLA_RESTORED: ("It was declared that a breach counts again.", {}),
    EventType.OLA_AT_RISK: ("The time that teams agreed on is nearly used up.", {}),
    EventType.OLA_BREACHED: ("The time that teams agreed on is used up.", {}),
    EventType.OLA_ESCALATED: ("A level of what teams agreed on led to an escalation.", _ESCALATED),
    EventType.OLA_OVERDUE: ("The time that teams agreed on has been used up for long.", {}),
    EventType.PAGE_TRIGGERED: ("Somebody is called for a ticket.", {}),
    EventType.PAGE_ACKNOWLEDGED: ("Somebody answered the call for a ticket.", {}),
    EventType.PAGE_RESOLVED: ("Nobody need come any more for a ticket.", {}),
    EventType.WEBHOOK_TEST: ("You asked for a test of this endpoint; nobody can subscribe to it.", {}),
    EventType.WEBHOOK_PING: ("You asked whether this endpoint is yours; nobody can subscribe to it.", {}),
    EventType.WEBHOOK_ENDPOINT_FAILING: ("Another endpoint of yours has been failing for long.", {}),
    EventType.WEBHOOK_ENDPOINT_DISABLED: ("Another endpoint of yours was disabled; what it is to get is held.", {}),
    EventType.WEBHOOK_ENDPOINT_RECOVERED: ("Another endpoint of yours answers again.", {}),
}
_ABOUT = {"sla": About.SLA, "ola": About.SLA, "page": About.PAGE, "webhook": About.ENDPOINT}


def _about(event_type: EventType) -> About:
    if event_type is EventType.TICKET_COMMENTED:
        return About.COMMENT
    if event_type is EventType.WEBHOOK_PING:
        return About.PING
    if event_type in ENDPOINT_EVENTS:
        return About.HEALTH
    return _ABOUT.get(group_of(event_type), About.TICKET)


CATALOGUE: Final[Mapping[EventType, EventDefinition]] = {
    one: EventDefinition(type=one, description=words, about=_about(one), changes=changes)
    for one, (words, changes) in _WORDS.items()
}
"""Every type of event, in the order of `EventType`."""
