"""Time that people spend on tickets: what they note, and the timer that they let run. Reports: `time_reports`."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psms.domain.access import Actor, Permission
from psms.domain.events import Change
from psms.errors import FieldError, NotAllowed

LONGEST_SECONDS = 31 * 86_400
"""What one entry may be written with. A timer that ran for longer is entered as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeEntry:
    """Somebody worked *seconds* on a ticket. *worked_at* is the instant that reports count it at."""

    id: UUID
    ticket_id: UUID
    user_id: UUID
    seconds: int
    worked_at: datetime
    note: str
    activity: str | None
    billable: bool
    version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTimeEntry:
    """Note time of one's own; *worked_at* None is now."""

    seconds: int
    worked_at: datetime | None = None
    note: str = ""
    activity: str | None = None
    billable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """Somebody has been working on a ticket since *started_at*; a person has one timer at most."""

    id: UUID
    ticket_id: UUID
    user_id: UUID
    note: str
    activity: str | None
    billable: bool
    started_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTimer:
    """Start to work on a ticket; the entry will say what is said here."""

    note: str = ""
    activity: str | None = None
    billable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeTotals:
    """How much was worked on a ticket."""

    ticket_id: UUID
    entries: int
    seconds: int
    billable_seconds: int


def require_own(actor: Actor, user_id: UUID) -> None:
    """Raise NotAllowed unless the entry or timer of this user is the actor's to change."""
    if user_id != actor.user_id and not actor.may(Permission.TIME_MANAGE):
        message = "You can change time of your own; that of others is changed by those who manage time."
        raise NotAllowed(message, permission=Permission.TIME_MANAGE.value)


def require_past(worked_at: datetime | None, now: datetime) -> None:
    """Raise FieldError for work that is yet to be done."""
    if worked_at is not None and worked_at > now:
        raise FieldError("worked_at", "must not be in the future")


def seconds_between(started_at: datetime, stopped_at: datetime) -> int:
    """Return what a timer has taken: whole seconds, and one at least."""
    return max(1, (stopped_at - started_at) // timedelta(seconds=1))


def told_of(entry: TimeEntry, before: dict[str, tuple[Any, Any]] | None = None) -> dict[str, Change]:
    """Return what is told of an entry: all of a new one, of a changed one the fields in *before* (before and after).

    Without the note, which is the desk's own.
    """
    named = {"time_entry_id": Change(before=None if before is None else entry.id, after=entry.id)}
    if before is None:
        return named | {name: Change(before=None, after=getattr(entry, name)) for name in _TOLD}
    return named | {name: Change(before=old, after=new) for name, (old, new) in before.items() if name in _TOLD}


def told_of_removed(entry: TimeEntry) -> dict[str, Change]:
    """Return what is told of an entry that was taken back."""
    named = {"time_entry_id": Change(before=entry.id, after=None)}
    return named | {name: Change(before=getattr(entry, name), after=None) for name in _TOLD}


_TOLD = ("user_id", "seconds", "worked_at", "activity", "billable")
