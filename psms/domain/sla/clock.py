"""One cycle of one clock, and what can be read off it. What changes it is in `advance`, its levels in `levels`."""

from dataclasses import dataclass

from psms.domain.sla.hours import Hours, NeverOpen
from psms.domain.sla.terms import Terms
from psms.domain.sla.timeline import Cause, State

ACTIVE = frozenset({State.RUNNING, State.PAUSED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """Where a cycle stands since its last event, at *since*; *cause* says which one that was.

    *consumed* is the open time until *since*. *target* is that of the terms, or more where a reopening granted some.
    *due_at* is None while paused, and where the calendar never opens for long enough; once breached it is the instant
    of the breach and stays. *fired* are the levels that were reached in this cycle.
    """

    cycle: int
    terms: Terms
    target: int
    state: State
    cause: Cause
    since: int
    started_at: int
    consumed: int = 0
    due_at: int | None = None
    breached_at: int | None = None
    completed_at: int | None = None
    fired: frozenset[str] = frozenset()

    @property
    def is_active(self) -> bool:
        """Tell whether the clock runs or is paused, so that something may still happen to it by itself."""
        return self.state in ACTIVE


def counted(clock: Clock, hours: Hours, at: int) -> int:
    """Return the open time from the clock's last event until *at*, as far as it runs."""
    return hours.elapsed(clock.since, at) if clock.state is State.RUNNING else 0


def elapsed(clock: Clock, hours: Hours, at: int) -> int:
    """Return the open time consumed until *at*."""
    return clock.consumed + counted(clock, hours, at)


def remaining(clock: Clock, hours: Hours, at: int) -> int:
    """Return what is left of the target at *at*; negative once it is used up."""
    return clock.target - elapsed(clock, hours, at)


def due(clock: Clock, hours: Hours) -> int | None:
    """Return when the target is used up if no event comes; after a breach, when that was.

    None while paused, and where the calendar never opens again for long enough.
    """
    if clock.breached_at is not None:
        return clock.breached_at
    if clock.state is not State.RUNNING:
        return None
    return comes_at(clock, hours, clock.target)


def comes_at(clock: Clock, hours: Hours, consumed: int) -> int | None:
    """Return when a running clock will have *consumed* so much, at its last event at the earliest; None for never."""
    try:
        return hours.add(clock.since, max(0, consumed - clock.consumed))
    except NeverOpen:
        # A calendar of exceptions alone has run out: nothing is late where nobody promised to work.
        return None
