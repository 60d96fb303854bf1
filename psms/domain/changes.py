"""Changes: what one is planned with, and what else is planned for the same time. How it moves is in `lifecycle`."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from psms.domain.tickets import Level, Stage, Status
from psms.errors import ActionNotAllowed, FieldError

PLAN_FIELDS = ("plan", "backout_plan", "risk")
"""What approvers approve; needed before they are asked, and not changed behind their back."""
WINDOW_FIELDS = ("planned_start", "planned_end")
EDITABLE_FIELDS = (*PLAN_FIELDS, *WINDOW_FIELDS, "outcome")

# What has a plan that nobody has seen yet.
_DRAFTS = frozenset({None, Stage.PLANNING})
_OVER = frozenset({Status.CLOSED, Status.CANCELLED})


class Outcome(StrEnum):
    """What became of a change."""

    SUCCESSFUL = "successful"
    FAILED = "failed"
    ROLLED_BACK = "rolled_back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Collision:
    """Another scheduled change of the same service whose window overlaps."""

    ticket_id: UUID
    number: int
    planned_start: datetime
    planned_end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePlan:
    """What a change is planned with. *collisions* warn and forbid nothing; *version* counts its edits, 0: none yet."""

    ticket_id: UUID
    planned_start: datetime | None
    planned_end: datetime | None
    plan: str | None
    backout_plan: str | None
    risk: Level | None
    outcome: Outcome | None
    version: int
    collisions: list[Collision]


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarEntry:
    """A change that is scheduled or under way, as the calendar shows it; *collides* with another of its service."""

    ticket_id: UUID
    number: int
    subject: str
    service_id: UUID
    stage: Stage | None
    risk: Level | None
    planned_start: datetime
    planned_end: datetime
    collides: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeCalendar:
    """The changes of a span, by their starts; unless it is *complete*, there are more."""

    changes: list[CalendarEntry]
    complete: bool


def require_editable(status: Status, stage: Stage | None, changed: set[str]) -> None:
    """Raise ActionNotAllowed where *changed* fields of a change are not to be edited any more."""
    if status in _OVER:
        message = f"A change that is {status} is not edited any more."
    elif stage not in _DRAFTS and changed & set(PLAN_FIELDS):
        message = "What was put to the approvers is not changed behind their back: take the change back to plan first."
    else:
        return
    raise ActionNotAllowed(message, ticket_status=status, ticket_stage=stage)


def require_window(values: dict[str, Any]) -> None:
    """Raise FieldError for a window that ends before it starts."""
    start, end = values.get("planned_start"), values.get("planned_end")
    if start is not None and end is not None and end <= start:
        raise FieldError("planned_end", "must be after planned_start")
