"""Rebases as the API shows them: how far the edits have got that hold for open tickets. Doing them is a workflow's."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from psms.domain.sla.edits import Applies

_LONGEST_WAIT = timedelta(minutes=5)


class RebaseState(StrEnum):
    """Where a rebase stands."""

    WAITING = "waiting"  # nobody has begun it
    RUNNING = "running"  # begun; after an error it is tried again
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebase:
    """An edit of one policy or one calendar that holds for open tickets, and how far it has got.

    *tickets* of *expected* were looked at; that is None until it has begun. Tickets that somebody looked at before, and
    that so have followed the edit, are in neither. *error* is what went wrong last; *failures* counts how often.
    """

    id: UUID
    policy_id: UUID | None
    calendar_id: UUID | None
    applies: Applies
    state: RebaseState
    tickets: int
    expected: int | None
    failures: int
    error: str | None
    retry_at: datetime | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


def pause_after(failures: int) -> timedelta:
    """Return how long to let others go first after so many failures: doubled with each, five minutes at most."""
    return min(timedelta(seconds=2 ** min(failures, 10)), _LONGEST_WAIT)
