"""SLA clocks: how a target runs, pauses, is met or breached. Arithmetic only; rows and sweeps live elsewhere.

This is their first form, which the workflows use; the modules beside it are the engine that takes its place.

An instant given to a function is the instant of an event. Events come before timers at the same instant: what
completes exactly at its due instant is met, and what pauses there is not breached. What was due earlier is
recorded by the event itself, so the outcome follows from the events alone and the sweep only decides how soon
people hear of it.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from psms.domain.calendars import Calendar
from psms.domain.tickets import Priority, Status

_ZERO = timedelta(0)
_MICROSECOND = timedelta(microseconds=1)


class Metric(StrEnum):
    """What is promised."""

    FIRST_RESPONSE = "first_response"
    RESOLUTION = "resolution"


class ClockState(StrEnum):
    """Where a clock stands; breached or not is told by its `breached_at`."""

    RUNNING = "running"
    PAUSED = "paused"
    MET = "met"
    MISSED = "missed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A threshold in consumed time, as a percentage of the target."""

    id: str
    percent: int

    def threshold(self, target: timedelta) -> timedelta:
        """Return the consumed time at which this level is reached, rounded up to the microsecond."""
        return -(-(target * self.percent // _MICROSECOND) // 100) * _MICROSECOND


AT_RISK = Level(id="at_risk", percent=80)
BREACH = Level(id="breach", percent=100)
LEVELS = (AT_RISK, BREACH)

# Statuses in which a metric's clock stands still.
PAUSED_BY: dict[Metric, frozenset[Status]] = {
    Metric.FIRST_RESPONSE: frozenset(),
    Metric.RESOLUTION: frozenset({Status.PENDING, Status.ON_HOLD}),
}
_OVER = frozenset({ClockState.MET, ClockState.MISSED, ClockState.CANCELLED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """One target of one ticket. *consumed* is the open time before the running segment began."""

    target: timedelta
    consumed: timedelta
    segment_started_at: datetime | None
    state: ClockState
    due_at: datetime | None
    breached_at: datetime | None = None
    completed_at: datetime | None = None
    fired: frozenset[str] = frozenset()

    @property
    def is_over(self) -> bool:
        """Tell whether nothing more happens to this clock."""
        return self.state in _OVER


@dataclass(frozen=True, slots=True, kw_only=True)
class Fire:
    """A level was reached *at* an instant, whenever it was noticed."""

    level: str
    at: datetime


Step = tuple[Clock, tuple[Fire, ...]]
"""A clock after an event, and the levels that were reached before it and not yet recorded."""


def started(target: timedelta, calendar: Calendar, at: datetime) -> Clock:
    """Return a clock that begins to run."""
    return Clock(
        target=target,
        consumed=_ZERO,
        segment_started_at=at,
        state=ClockState.RUNNING,
        due_at=calendar.add(at, target),
    )


def elapsed(clock: Clock, calendar: Calendar, at: datetime) -> timedelta:
    """Return the open time consumed until *at*."""
    if clock.segment_started_at is None:
        return clock.consumed
    return clock.consumed + calendar.elapsed(clock.segment_started_at, at)


def next_at(clock: Clock, calendar: Calendar) -> datetime | None:
    """Return the instant at which the next level is reached if no event comes; None when none will be."""
    return min((fire.at for fire in _unfired(clock, calendar)), default=None)


def settled(clock: Clock, calendar: Calendar, at: datetime) -> Step:
    """Record every level that was reached before *at*; a breach is dated by its due instant."""
    fires = tuple(fire for fire in _unfired(clock, calendar) if fire.at < at)
    if not fires:
        return clock, ()
    fired = clock.fired | {fire.level for fire in fires}
    breached_at = clock.breached_at or (clock.due_at if BREACH.id in fired else None)
    return replace(clock, fired=fired, breached_at=breached_at), fires


def paused(clock: Clock, calendar: Calendar, at: datetime) -> Step:
    """Stop counting. A clock that does not run stays as it is."""
    clock, fires = settled(clock, calendar, at)
    if clock.state is not ClockState.RUNNING:
        return clock, fires
    return (
        replace(
            clock,
            state=ClockState.PAUSED,
            consumed=elapsed(clock, calendar, at),
            segment_started_at=None,
            due_at=clock.due_at if clock.breached_at else None,
        ),
        fires,
    )


def resumed(clock: Clock, calendar: Calendar, at: datetime) -> Step:
    """Count on. A clock that is not paused stays as it is."""
    clock, fires = settled(clock, calendar, at)
    if clock.state is not ClockState.PAUSED:
        return clock, fires
    running = replace(clock, state=ClockState.RUNNING, segment_started_at=at)
    return replace(running, due_at=_due(running, calendar)), fires


def completed(clock: Clock, calendar: Calendar, at: datetime) -> Step:
    """End the clock: met at or before its due instant, missed after it."""
    clock, fires = settled(clock, calendar, at)
    if clock.is_over:
        return clock, fires
    state = ClockState.MISSED if clock.breached_at else ClockState.MET
    return _ended(clock, calendar, at, state), fires


def cancelled(clock: Clock, calendar: Calendar, at: datetime) -> Step:
    """End the clock without a verdict; a breach before it stays recorded."""
    clock, fires = settled(clock, calendar, at)
    return (clock if clock.is_over else _ended(clock, calendar, at, ClockState.CANCELLED)), fires


def reopened(clock: Clock) -> Clock:
    """Take back the end of a clock, as if it had been paused since; what was missed stays missed."""
    if clock.state not in {ClockState.MET, ClockState.CANCELLED} or clock.breached_at is not None:
        return clock
    return replace(clock, state=ClockState.PAUSED, completed_at=None, due_at=None)


def retargeted(clock: Clock, calendar: Calendar, target: timedelta, at: datetime) -> Step:
    """Change the target in flight: what was consumed so far is carried, and no breach is dated before *at*."""
    clock, fires = settled(clock, calendar, at)
    if clock.is_over or clock.target == target:
        return clock, fires
    clock = replace(clock, target=target, consumed=elapsed(clock, calendar, at))
    if clock.state is ClockState.PAUSED:
        return clock, fires
    clock = replace(clock, segment_started_at=at)
    return replace(clock, due_at=_due(clock, calendar)), fires


def raised(priority: Priority) -> Priority:
    """Return the next higher priority; the highest stays."""
    order = list(Priority)
    return order[max(0, order.index(priority) - 1)]


def _due(clock: Clock, calendar: Calendar) -> datetime | None:
    # After the breach the due instant is history.
    if clock.breached_at is not None or clock.segment_started_at is None:
        return clock.due_at
    return calendar.add(clock.segment_started_at, max(_ZERO, clock.target - clock.consumed))


def _ended(clock: Clock, calendar: Calendar, at: datetime, state: ClockState) -> Clock:
    return replace(
        clock,
        state=state,
        consumed=elapsed(clock, calendar, at),
        segment_started_at=None,
        completed_at=at if state is not ClockState.CANCELLED else None,
    )


def _unfired(clock: Clock, calendar: Calendar) -> tuple[Fire, ...]:
    """Return when each level that has not fired is reached while the clock runs on, earliest first."""
    start = clock.segment_started_at
    if start is None or clock.is_over:
        return ()
    fires = [
        Fire(level=level.id, at=calendar.add(start, max(_ZERO, level.threshold(clock.target) - clock.consumed)))
        for level in LEVELS
        if level.id not in clock.fired
    ]
    return tuple(sorted(fires, key=lambda fire: fire.at))
