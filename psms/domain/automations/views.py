"""Automations and what became of them, as the API shows them, and the commands that change them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from psms.domain.automations.action_documents import ActionDocument
from psms.domain.automations.documents import RuleConditionsDocument, RuleDocument
from psms.domain.events import EventType
from psms.domain.sla.matching import Refusal


class Outcome(StrEnum):
    """What became of a rule that an event was for."""

    DONE = "done"
    NOT_MATCHED = "not_matched"
    PASSED_OVER = "passed_over"  # a rule before it stopped
    STOPPED_LOOP = "stopped: loop"


class Result(StrEnum):
    """What became of one action."""

    DONE = "done"
    UNCHANGED = "unchanged"  # the ticket is so already
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Automation:
    """A rule as of its current version."""

    id: UUID
    name: str
    position: int
    active: bool
    on: Sequence[str]
    conditions: RuleConditionsDocument
    actions: Sequence[ActionDocument]
    stop: bool
    definition_version: int
    version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAutomation:
    """Write a new rule."""

    name: str
    rule: RuleDocument
    position: int
    active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EditAutomation:
    """Change what is in *fields* (name, position, active) and in *rule*, parts of a document.

    Provided that its version is still *if_version*, where one is given.
    """

    fields: Mapping[str, Any] = field(default_factory=dict)
    rule: Mapping[str, Any] = field(default_factory=dict)
    if_version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AutomationVersion:
    """What a rule said from an instant on; *created_by* is the user who saved it."""

    version: int
    definition: RuleDocument
    created_at: datetime
    created_by: UUID | None

    @property
    def key(self) -> UUID:
        """The version's place in the list of versions."""
        return UUID(int=self.version)


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionDone:
    """What became of one action of a firing; *reason* is there where it failed."""

    type: str
    result: Result
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Firing:
    """What became of one version of a rule for one event: what did not hold, or what it did."""

    id: UUID
    automation_id: UUID
    automation_name: str
    automation_version: int
    event_id: UUID
    event_type: EventType
    outcome: Outcome
    depth: int
    refusals: Sequence[Refusal]
    actions: Sequence[ActionDone]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Previewed:
    """Whether a rule would have been for an event of the past, and what did not hold."""

    event_id: UUID
    event_type: EventType
    ticket_id: UUID
    occurred_at: datetime
    matches: bool
    refusals: Sequence[Refusal]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a rule would have been for, of the *looked_at* newest events of its types, newest first."""

    looked_at: int
    matched: int
    items: Sequence[Previewed]
