"""Which levels a clock has reached, and when the next one comes. What they lead to is not known here."""

from dataclasses import replace

from psms.domain.sla.clock import Clock, comes_at
from psms.domain.sla.hours import Hours
from psms.domain.sla.terms import Level, WallLevel
from psms.domain.sla.timeline import Fire, State


def settle(clock: Clock, hours: Hours, at: int) -> tuple[Clock, tuple[Fire, ...]]:
    """Record the breach and every level that came before *at*, earliest first; at *at* itself events come first.

    The breach is dated by the due instant, a level by the instant at which it was reached, never by *at*.
    """
    return _recorded(_breached(clock, at), hours, at - 1) if clock.is_active else (clock, ())


def settle_by(clock: Clock, hours: Hours, at: int) -> tuple[Clock, tuple[Fire, ...]]:
    """Do as `settle` and then `settle_levels_at`, where no event comes between them."""
    return _recorded(_breached(clock, at), hours, at) if clock.is_active else (clock, ())


def _breached(clock: Clock, at: int) -> Clock:
    if clock.breached_at is None and clock.due_at is not None and clock.due_at < at:
        return replace(clock, breached_at=clock.due_at)
    return clock


def settle_levels_at(clock: Clock, hours: Hours, at: int) -> tuple[Clock, tuple[Fire, ...]]:
    """Record the levels of a settled clock that are reached at *at*, once its event there has been applied.

    A breach waits longer: what is completed or paused at the due instant is in time.
    """
    return _recorded(clock, hours, at) if clock.is_active else (clock, ())


def next_at(clock: Clock, hours: Hours) -> int | None:
    """Return when to look at the clock next if no event comes: the earliest level or breach; None for never."""
    if not clock.is_active:
        return None
    comes = [_reached_at(level, clock, hours) for level in _unfired(clock)]
    if clock.breached_at is None:
        comes.append(clock.due_at)
    return min((when for when in comes if when is not None), default=None)


def _unfired(clock: Clock) -> list[Level]:
    return [level for level in clock.terms.levels if level.id not in clock.fired]


def _reached_at(level: Level, clock: Clock, hours: Hours) -> int | None:
    """Return when *level* is reached if no event comes; never before the last event."""
    if isinstance(level, WallLevel):
        return None if clock.breached_at is None else max(clock.since, clock.breached_at + level.offset)
    threshold = level.threshold(clock.target)
    if clock.state is State.RUNNING:
        return comes_at(clock, hours, threshold)
    return clock.since if threshold <= clock.consumed else None


def _recorded(clock: Clock, hours: Hours, through: int) -> tuple[Clock, tuple[Fire, ...]]:
    comes = [(level, _reached_at(level, clock, hours)) for level in _unfired(clock)]
    reached = [(level, when) for level, when in comes if when is not None and when <= through]
    if not reached:
        return clock, ()

    def rank(one: tuple[Level, int]) -> tuple[int, int, str]:
        # At one instant in the order of their thresholds, those on the wall clock last.
        level, when = one
        threshold = when if isinstance(level, WallLevel) else level.threshold(clock.target)
        return when, threshold, level.id

    fires = tuple(Fire(cycle=clock.cycle, level=level.id, at=when) for level, when in sorted(reached, key=rank))
    return replace(clock, fired=clock.fired | {fire.level for fire in fires}), fires
