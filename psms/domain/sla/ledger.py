"""The ledger of a clock: its segments, from which the clock and every deadline can be computed once more.

What is kept beside them for speed (clocks, fires) must agree with what this module says.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from psms.domain.sla.advance import HoursOf, Span, Step, advance, begin
from psms.domain.sla.clock import Clock
from psms.domain.sla.timeline import (
    Cancel,
    Cause,
    Complete,
    Event,
    Fire,
    Mode,
    Pause,
    Reopen,
    Resume,
    Retarget,
    Segment,
    Start,
    State,
)

_MODES = {mode.value for mode in Mode}
_PLAIN: dict[Cause, type[Pause | Resume | Complete | Cancel]] = {
    Cause.PAUSE: Pause,
    Cause.RESUME: Resume,
    Cause.COMPLETE: Complete,
    Cause.CANCEL: Cancel,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """All cycles of a clock, the last one being where it stands, and the levels that were reached."""

    cycles: tuple[Clock, ...]
    fires: tuple[Fire, ...]


class LedgerBroken(ValueError):
    """The segments do not follow one another: rows are missing, doubled or changed."""


def open_segment(clock: Clock) -> Segment:
    """Return the segment that a clock is in, which has no end yet."""
    return Segment(
        cycle=clock.cycle,
        cause=clock.cause,
        state=clock.state,
        terms=clock.terms,
        began_at=clock.since,
        ended_at=None,
        counted=0,
    )


def ran(segments: Iterable[Segment]) -> tuple[Span, ...]:
    """Return the ended stretches in which the clock of these segments ran."""
    return tuple((s.began_at, s.ended_at) for s in segments if s.state is State.RUNNING and s.ended_at is not None)


def recompute(ledger: Sequence[Segment], hours_of: HoursOf, adopted: Clock | None = None) -> History:
    """Return what follows from *ledger*: all ended segments and the open one of each cycle, in order.

    *adopted* is the clock in its first segment where that took over what was counted without a ledger before.
    Raise LedgerBroken where a segment does not begin when the one before it ended, or says of itself what does not
    follow from those before it.
    """
    first, *later = [segment for segment in ledger if segment.state is not State.SUPERSEDED]
    step = begin(_start(first), hours_of) if adopted is None else Step(clock=adopted)
    cycles, fires = {1: step.clock}, list(step.fires)
    kept = [first]
    for segment in later:
        # The last one is still under way when its event comes.
        own = ran(one for one in kept[:-1] if one.cycle == step.clock.cycle)
        step = advance(step.clock, event_of(segment), hours_of, own)
        _check(kept[-1], segment, step)
        kept.append(segment)
        fires += step.fires
        cycles |= {clock.cycle: clock for clock in (step.ended, step.clock) if clock is not None}
    if kept[-1].ended_at is not None:
        raise LedgerBroken(f"the last segment of cycle {kept[-1].cycle} is missing")
    return History(cycles=tuple(cycles[number] for number in sorted(cycles)), fires=tuple(fires))


def event_of(segment: Segment) -> Event:
    """Return the event that a segment began with."""
    at = segment.began_at
    if segment.cause.value in _MODES:
        return Retarget(at=at, terms=segment.terms, mode=Mode(segment.cause.value))
    if segment.cause is Cause.REOPEN:
        return Reopen(at=at, paused=segment.state is State.PAUSED, terms=segment.terms)
    return _start(segment) if segment.cause is Cause.START else _PLAIN[segment.cause](at=at)


def _start(segment: Segment) -> Start:
    return Start(at=segment.began_at, terms=segment.terms, paused=segment.state is State.PAUSED)


def _check(before: Segment, segment: Segment, step: Step) -> None:
    follows = replace(segment, ended_at=None, counted=0) == open_segment(step.clock)
    # A new cycle leaves the last segment of one that is over without an end.
    next_cycle = segment.cycle == before.cycle + 1 and before.ended_at is None
    if not (follows and (next_cycle if step.segment is None else step.segment == before)):
        raise LedgerBroken(f"the segment of cycle {segment.cycle} that began at {segment.began_at} does not follow")
