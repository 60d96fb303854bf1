"""Workflow runs as values: what a step sees, what it may answer, what people see of both. Nothing is run here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from psms.domain.retry import delay_after

MOST_TRIES = 6
"""How often a step is tried before its run has failed: over some 45 minutes, where it fails each time."""
MOST_STEPS_SHOWN = 500


class RunState(StrEnum):
    """Where a run is. A waiting one is due at an instant, or waits for a signal; a failed one waits for a person."""

    WAITING = "waiting"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    FAILED = "failed"


class StepState(StrEnum):
    """What became of a step when it was tried last."""

    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """Something that a run is told: *payload* is what JSON can hold."""

    id: UUID
    name: str
    payload: Mapping[str, Any]
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run as its next step sees it.

    *signals* are those that no step has taken yet, oldest first, where the step was waited for; the step takes them
    all. *input* and *data* have come back from JSON: an id or an instant is text. *tries* counts this one.
    """

    id: UUID
    kind: str
    version: int
    business_key: str
    ticket_id: UUID | None
    input: Mapping[str, Any]
    data: Mapping[str, Any]
    step: str
    steps_done: int
    tries: int
    created_at: datetime
    signals: tuple[Signal, ...] = ()


@dataclass(frozen=True, slots=True)
class Go:
    """Go on with *step* at once. *data* takes the place of the run's data; None leaves it."""

    step: str
    data: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """Go on with *step* at the instant *until*, or as soon as there is a signal; None: for a signal alone."""

    step: str
    until: datetime | None = None
    data: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Finish:
    """The run is over. *result* is what people are shown."""

    result: Mapping[str, Any] = field(default_factory=dict)


Next = Go | Wait | Finish


def pause_after(tries: int, jitter: float) -> timedelta:
    """Return how long a step waits that has failed so many times (1 and more); *jitter* is from 0 up to 1."""
    return delay_after(tries - 1, jitter)


def told_of(after: Next) -> dict[str, Any]:
    """Return what the record of a step says that it led to."""
    match after:
        case Go(step=step):
            return {"next": step}
        case Wait(step=step, until=until):
            return {"next": step, "until": until}
        case Finish(result=result):
            return {"finished": result}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """A run as the API shows it: *step* comes next, at *due_at*, and was tried *tries* times."""

    id: UUID
    kind: str
    version: int
    business_key: str
    ticket_id: UUID | None
    state: RunState
    step: str
    due_at: datetime | None
    steps_done: int
    tries: int
    error: str | None
    input: Mapping[str, Any]
    data: Mapping[str, Any]
    result: Mapping[str, Any] | None
    reason: str | None
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepView:
    """One step of a run that was done, or that failed when it was tried last."""

    seq: int
    name: str
    state: StepState
    tries: int
    result: Mapping[str, Any] | None
    error: str | None
    started_at: datetime
    finished_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalView:
    """A signal that a run was sent; *consumed_by* is the number of the step that took it."""

    id: UUID
    name: str
    payload: Mapping[str, Any]
    created_at: datetime
    consumed_by: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStory:
    """A run with its last MOST_STEPS_SHOWN steps and signals, each oldest first."""

    run: RunView
    steps: list[StepView]
    signals: list[SignalView]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFilter:
    """Which runs to list; None leaves a field out."""

    kind: str | None = None
    state: RunState | None = None
    ticket_id: UUID | None = None
