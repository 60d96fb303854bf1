"""Replays: which events are to be sent once more, how far that has got, and how much of a lane it may use."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from psms.errors import FieldError

WINDOW = timedelta(days=30)
"""How far back a replay may reach, unless deliveries are kept for a shorter time."""

_ONE_IN = 5


class ReplayMode(StrEnum):
    """What is sent: what was not delivered, what there is no delivery of, or both and the rest too."""

    FAILED = "failed"
    MISSING = "missing"
    ALL = "all"


class ReplayState(StrEnum):
    """Whether a replay still releases deliveries."""

    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewReplay:
    """Send what happened from *since* on and before *until* (None: now), of these types or of any.

    A dry run counts and sends nothing.
    """

    mode: ReplayMode
    since: datetime
    until: datetime | None = None
    event_types: tuple[str, ...] | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """A replay as the API shows it.

    *matched* is how many there were when it began (None: not counted yet), *released* how many of them were made due
    by it, and *done* how many of those are delivered or over. What was delivered meanwhile is not released.
    """

    id: UUID
    endpoint_id: UUID
    mode: ReplayMode
    since: datetime
    until: datetime
    event_types: list[str] | None
    dry_run: bool
    state: ReplayState
    matched: int | None
    released: int
    done: int
    failures: int
    error: str | None
    created_by: UUID
    created_at: datetime
    finished_at: datetime | None


def span_of(command: NewReplay, *, now: datetime, kept_for: timedelta) -> tuple[datetime, datetime]:
    """Return from when on and before when; raise FieldError for a span that is empty or reaches too far back.

    Deliveries are kept for *kept_for*: of what is older, nobody knows any more whether it was delivered.
    """
    until = min(command.until or now, now)
    if command.since >= until:
        raise FieldError("since", "Must be before until, and in the past.")
    window = min(WINDOW, kept_for)
    if command.since < now - window:
        raise FieldError("since", f"At most {window.days} days back.")
    return command.since, until


def share_of(most_in_flight: int) -> int:
    """Return how many requests a replay may have due or out at once in a lane that takes *most_in_flight*.

    A fifth, and one at the least: else a lane that takes four would never be replayed.
    """
    return max(1, most_in_flight // _ONE_IN)
