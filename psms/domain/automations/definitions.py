"""What a rule says: the events that it is for, its conditions and its actions. How it travels is in `documents`."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from uuid import UUID

from psms.domain.events import EventType
from psms.domain.lifecycle import Action as Transition
from psms.domain.sla.definitions import Recipient
from psms.domain.sla.matching import Conditions, Scalar
from psms.domain.tickets import Priority, Status, Visibility

MOST_AUTOMATIONS: Final = 200
DEEPEST: Final = 3
"""So many rules may follow from one another: what is caused by the last of them causes nothing any more."""

TRIGGERS: Final = tuple(one for one in EventType if one.value.partition(".")[0] in {"ticket", "sla", "ola"})
"""The events that a rule can be for: those of tickets."""

NOTIFIED: Final = (Recipient.ASSIGNEE, Recipient.TEAM, Recipient.MANAGERS, Recipient.WATCHERS)


class Party(StrEnum):
    """Who acted: who needs something, who works on it, or PSMS itself."""

    REQUESTER = "requester"
    DESK = "desk"
    PSMS = "psms"


class Watched(StrEnum):
    """The fields of a ticket whose changes a rule can ask for."""

    STATUS = "status"
    PRIORITY = "priority"
    IMPACT = "impact"
    URGENCY = "urgency"
    SERVICE = "service_id"
    ASSIGNEE = "assignee_id"
    TEAM = "team_id"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """How a field must have changed: from one of *before*, to one of *after*; None asks nothing."""

    before: frozenset[Scalar] | None = None
    after: frozenset[Scalar] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetPriority:
    """Give the ticket a priority, as somebody's choice would."""

    priority: Priority


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignUser:
    """Give the ticket to a user."""

    user_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignTeam:
    """Give the ticket to a team."""

    team_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class AddTags:
    """Add those of the tags that the ticket has not."""

    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveTags:
    """Take away those of the tags that the ticket has."""

    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetField:
    """Set a custom field."""

    field: str
    value: Scalar


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteComment:
    """Write a comment in the name of nobody; it is no reply of the desk. *body* has placeholders."""

    body: str
    visibility: Visibility


@dataclass(frozen=True, slots=True, kw_only=True)
class AddWatcher:
    """Let a user follow the ticket."""

    user_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveTicket:
    """Do something with the ticket's status."""

    action: Transition


@dataclass(frozen=True, slots=True, kw_only=True)
class Notify:
    """Tell who has the ticket, who follows it, or who leads the desk."""

    to: Recipient


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifyUser:
    """Tell a user."""

    user_id: UUID


Action = (
    SetPriority
    | AssignUser
    | AssignTeam
    | AddTags
    | RemoveTags
    | SetField
    | WriteComment
    | AddWatcher
    | MoveTicket
    | Notify
    | NotifyUser
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One version of an automation: on one of *on*, where all conditions hold, *actions* are done, in their order.

    *conditions* and *statuses* are asked of the ticket as it is when the rule is applied; *changes*, *parties* and
    *comment* of the event. With *stop* no later rule is asked for the event.
    """

    on: frozenset[EventType]
    conditions: Conditions = field(default_factory=Conditions)
    statuses: frozenset[Status] | None = None
    changes: tuple[tuple[Watched, Wanted], ...] = ()
    parties: frozenset[Party] | None = None
    comment: Visibility | None = None
    actions: tuple[Action, ...] = ()
    stop: bool = False
