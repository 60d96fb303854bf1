"""What each event does to a clock. Which events of a ticket reach which clock is decided in `metrics`.

Events come before timers at the same instant: what completes exactly at its due instant is met, and what pauses
there is not breached. Whatever was due earlier is recorded by the event itself, so that the outcome follows from
the events alone and the sweep only decides how soon people hear of it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from psms.domain.sla.clock import Clock, counted, due
from psms.domain.sla.hours import Hours
from psms.domain.sla.levels import settle, settle_by, settle_levels_at
from psms.domain.sla.terms import Reopening, Terms
from psms.domain.sla.timeline import (
    Cancel,
    Cause,
    Complete,
    Event,
    Fire,
    Look,
    Mode,
    Pause,
    Reopen,
    Resume,
    Retarget,
    Segment,
    Start,
    State,
)

HoursOf = Callable[[str], Hours]
Span = tuple[int, int]

_REOPENABLE = frozenset({State.MET, State.MISSED, State.CANCELLED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A clock after an event, and what is to be written.

    *ended* is the former cycle where the event began another one and ended that. *segment* is the one that the event
    ended; None where the event did not fit the clock and changed nothing, or where there was none before.
    """

    clock: Clock
    ended: Clock | None = None
    segment: Segment | None = None
    fires: tuple[Fire, ...] = ()


def begin(start: Start, hours_of: HoursOf, cycle: int = 1) -> Step:
    """Return a clock that starts."""
    clock = _fresh(start.terms, start.at, Cause.START, cycle=cycle, state=_going(paused=start.paused))
    return _with_levels(Step(clock=_with_due(clock, hours_of)), start.at, hours_of)


def advance(clock: Clock, event: Event, hours_of: HoursOf, ran: Sequence[Span] = ()) -> Step:
    """Return *clock* after *event*, with everything recorded that was due before it.

    An event that does not fit the clock (a pause of a paused one) changes nothing else. One that is dated before the
    last event counts as if it came with it. *ran* are the ended stretches in which this cycle ran, which only a
    retroactive change reads. *hours_of* gives the hours of a calendar's version by its key.
    """
    if event.at < clock.since:
        event = replace(event, at=clock.since)
    if isinstance(event, Look):
        # No event comes first, so that one look finds all that is reached by then.
        clock, fires = settle_by(clock, hours_of(clock.terms.calendar), event.at)
        return Step(clock=clock, fires=fires)
    clock, fires = settle(clock, hours_of(clock.terms.calendar), event.at)
    step = _with_levels(_applied(clock, event, hours_of, ran), event.at, hours_of)
    return replace(step, fires=fires + step.fires) if fires else step


def _applied(clock: Clock, event: Event, hours_of: HoursOf, ran: Sequence[Span]) -> Step:
    match event, clock.state:
        case Pause(), State.RUNNING:
            step = _entered(clock, Cause.PAUSE, State.PAUSED, event.at, hours_of)
        case Resume(), State.PAUSED:
            step = _entered(clock, Cause.RESUME, State.RUNNING, event.at, hours_of)
        case ((Complete() | Cancel()), State.RUNNING | State.PAUSED):
            step = _over(clock, event, hours_of)
        case Retarget(), State.RUNNING | State.PAUSED:
            step = _retargeted(clock, event, hours_of, ran)
        case Retarget(), _:
            step = _retargeted_when_over(clock, event, hours_of)
        case Reopen(), state if state in _REOPENABLE:
            step = _reopened(clock, event, hours_of)
        case Start(), state if state in _REOPENABLE:
            step = begin(event, hours_of, clock.cycle + 1)
        case _:
            step = Step(clock=clock)
    return step


def _entered(clock: Clock, cause: Cause, state: State, at: int, hours_of: HoursOf) -> Step:
    """End the clock's segment and begin another one, under the same terms."""
    segment = _ended_segment(clock, at, hours_of)
    clock = replace(clock, consumed=clock.consumed + segment.counted, since=at, cause=cause, state=state)
    return Step(clock=_with_due(clock, hours_of), segment=segment)


def _over(clock: Clock, event: Complete | Cancel, hours_of: HoursOf) -> Step:
    if isinstance(event, Cancel):
        cause, state = Cause.CANCEL, State.CANCELLED
    else:
        cause, state = Cause.COMPLETE, State.MET if clock.breached_at is None else State.MISSED
    step = _entered(clock, cause, state, event.at, hours_of)
    return replace(step, clock=replace(step.clock, completed_at=event.at, due_at=clock.due_at))


def _retargeted(clock: Clock, event: Retarget, hours_of: HoursOf, ran: Sequence[Span]) -> Step:
    if event.mode is Mode.RESTART:
        return _restarted(clock, event, hours_of)
    step = _entered(clock, Cause(event.mode.value), clock.state, event.at, hours_of)
    consumed = step.clock.consumed
    if event.mode is Mode.RETROACTIVE:
        hours = hours_of(event.terms.calendar)
        running = [(clock.since, event.at)] if clock.state is State.RUNNING else []
        consumed = sum(hours.elapsed(start, end) for start, end in (*ran, *running))
    changed = replace(step.clock, terms=event.terms, target=event.terms.target, consumed=consumed)
    return replace(step, clock=_with_due(changed, hours_of))


def _retargeted_when_over(clock: Clock, event: Retarget, hours_of: HoursOf) -> Step:
    """Remember the terms for a reopening; what has ended stays as it ended."""
    step = _entered(clock, Cause(event.mode.value), clock.state, event.at, hours_of)
    return replace(step, clock=replace(clock, terms=event.terms, since=event.at, cause=step.clock.cause))


def _restarted(clock: Clock, event: Retarget, hours_of: HoursOf) -> Step:
    step = _entered(clock, Cause.RESTART, State.SUPERSEDED, event.at, hours_of)
    ended = replace(step.clock, completed_at=event.at, due_at=clock.due_at)
    fresh = _fresh(event.terms, event.at, Cause.RESTART, cycle=clock.cycle + 1, state=clock.state)
    return replace(step, clock=_with_due(fresh, hours_of), ended=ended)


def _reopened(clock: Clock, event: Reopen, hours_of: HoursOf) -> Step:
    terms = event.terms or clock.terms
    state = _going(paused=event.paused)
    if terms.reopening is Reopening.NEW_CYCLE:
        fresh = _fresh(terms, event.at, Cause.REOPEN, cycle=clock.cycle + 1, state=state)
        return Step(clock=_with_due(fresh, hours_of))
    step = _entered(clock, Cause.REOPEN, state, event.at, hours_of)
    # What was missed stays missed: nothing is granted to it.
    granted = clock.consumed - (-terms.target * terms.reopen_floor_percent // 100) if clock.breached_at is None else 0
    going = replace(step.clock, terms=terms, target=max(terms.target, granted), completed_at=None)
    return replace(step, clock=_with_due(going, hours_of))


def _going(*, paused: bool) -> State:
    return State.PAUSED if paused else State.RUNNING


def _fresh(terms: Terms, at: int, cause: Cause, *, cycle: int, state: State) -> Clock:
    return Clock(cycle=cycle, terms=terms, target=terms.target, state=state, cause=cause, since=at, started_at=at)


def _with_due(clock: Clock, hours_of: HoursOf) -> Clock:
    return replace(clock, due_at=due(clock, hours_of(clock.terms.calendar)))


def _with_levels(step: Step, at: int, hours_of: HoursOf) -> Step:
    clock, fires = settle_levels_at(step.clock, hours_of(step.clock.terms.calendar), at)
    return replace(step, clock=clock, fires=step.fires + fires) if fires else step


def _ended_segment(clock: Clock, at: int, hours_of: HoursOf) -> Segment:
    return Segment(
        cycle=clock.cycle,
        cause=clock.cause,
        state=clock.state,
        terms=clock.terms,
        began_at=clock.since,
        ended_at=at,
        counted=counted(clock, hours_of(clock.terms.calendar), at),
    )
