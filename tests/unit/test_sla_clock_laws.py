"""Laws of SLA clocks under arbitrary events and calendars. What single events do is in the worked examples."""

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from psms.adapters.zones import PinnedZones
from psms.domain.sla.advance import Step, advance, begin
from psms.domain.sla.calendars import ALWAYS_OPEN, Calendar, Shift
from psms.domain.sla.clock import Clock, elapsed, remaining
from psms.domain.sla.hours import Hours
from psms.domain.sla.hours_cache import HoursCache
from psms.domain.sla.instants import DAY, HOUR, MINUTE, instant_of
from psms.domain.sla.ledger import open_segment, ran, recompute
from psms.domain.sla.levels import next_at, settle
from psms.domain.sla.terms import AT_RISK, BREACH, OffsetLevel, PercentLevel, Reopening, Terms, WallLevel
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
from tests.support.sla_brute import utc

BEGUN = instant_of(utc("2026-03-05T12:00"))
CALENDARS = {
    "always": ALWAYS_OPEN,
    "office": Calendar(time_zone="America/New_York", weekly=((Shift(540, 720), Shift(780, 1020)),) * 5 + ((), ())),
    "nights": Calendar(time_zone="Europe/London", weekly=((Shift(1320, 360),),) * 7),
}
CACHE = HoursCache(PinnedZones())


def hours_of(name: str) -> Hours:
    """Return the hours of one of the calendars."""
    return CACHE.hours_of(name, lambda: CALENDARS[name], BEGUN)


LEVELS = (
    PercentLevel(id="half", percent=50),
    AT_RISK,
    BREACH,
    OffsetLevel(id="soon", offset=-30 * MINUTE),
    OffsetLevel(id="late", offset=HOUR),
    WallLevel(id="page", offset=2 * HOUR),
)
TERMS = st.builds(
    Terms,
    target=st.integers(1, 40).map(lambda halves: halves * HOUR // 2),
    calendar=st.sampled_from(sorted(CALENDARS)),
    levels=st.just(LEVELS),
    reopening=st.sampled_from(Reopening),
    reopen_floor_percent=st.sampled_from([0, 25]),
)
Story = tuple[Start, list[Event]]

# Instants of events are even, those of looks odd: nobody looks at the very instant of an event.
WAITS = st.one_of(st.just(0), st.integers(0, 3 * DAY // MINUTE).map(lambda minutes: minutes * MINUTE))


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """Draw a start and what comes after it, in order."""
    at = BEGUN
    events: list[Event] = []
    for _ in range(draw(st.integers(0, 9))):
        at += draw(WAITS)
        kind = draw(st.sampled_from([Pause, Resume, Complete, Cancel, Reopen, Retarget, Look]))
        if kind is Retarget:
            events.append(Retarget(at=at, terms=draw(TERMS), mode=draw(st.sampled_from(Mode))))
        elif kind is Reopen:
            events.append(Reopen(at=at, paused=draw(st.booleans())))
        else:
            events.append(kind(at=at))
    return Start(at=BEGUN, terms=draw(TERMS), paused=draw(st.booleans())), events


class Told:
    """A clock's whole story: its cycles, segments and fires."""

    def __init__(self, start: Start) -> None:
        self.cycles: dict[int, Clock] = {}
        self.segments: list[Segment] = []
        self.fires: list[Fire] = []
        self.take(begin(start, hours_of))

    def take(self, step: Step) -> None:
        """Write a step down."""
        self.clock = step.clock
        self.cycles |= {clock.cycle: clock for clock in (step.ended, step.clock) if clock is not None}
        self.segments += [step.segment] if step.segment else []
        self.fires += step.fires

    def tell(self, event: Event) -> None:
        """Let an event happen."""
        own = ran(segment for segment in self.segments if segment.cycle == self.clock.cycle)
        self.take(advance(self.clock, event, hours_of, own))

    def ledger(self) -> list[Segment]:
        """Return every segment, each cycle's open one at its end."""
        whole = self.segments + [open_segment(clock) for clock in self.cycles.values()]
        return sorted(whole, key=lambda segment: (segment.cycle, segment.ended_at is None))


def told(story: Story) -> Told:
    """Tell a story."""
    teller = Told(story[0])
    for event in story[1]:
        teller.tell(event)
    return teller


def result(teller: Told) -> tuple[Any, ...]:
    """Return what matters to anybody."""
    return teller.cycles, sorted(teller.fires, key=lambda fire: (fire.cycle, fire.at, fire.level))


@settings(max_examples=400, deadline=None)
@given(stories())
def test_the_ledger_alone_tells_the_same(story: Story) -> None:
    first = told(story)
    end = max(BEGUN, first.clock.since, *(event.at for event in story[1]), BEGUN) + 1
    again = recompute(first.ledger(), hours_of)
    first.tell(Look(at=end))
    second = Told(story[0])
    second.cycles, second.fires = {clock.cycle: clock for clock in again.cycles}, list(again.fires)
    second.take(advance(again.cycles[-1], Look(at=end), hours_of))

    assert result(second) == result(first)


@settings(max_examples=300, deadline=None)
@given(stories(), st.data())
def test_when_people_look_does_not_change_what_happened(story: Story, data: st.DataObject) -> None:
    plain, watched = told(story), Told(story[0])
    at = BEGUN
    for event in story[1]:
        while at + 2 < event.at and data.draw(st.booleans()):
            at = data.draw(st.integers(at + 1, event.at - 1)) | 1
            watched.tell(Look(at=at))
        at = event.at
        watched.tell(event)

    assert result(watched) == result(plain)


@settings(max_examples=300, deadline=None)
@given(stories())
def test_the_sweep_is_asked_for_exactly_what_comes_next(story: Story) -> None:
    clock = told(story).clock
    hours = hours_of(clock.terms.calendar)
    comes = next_at(clock, hours)

    if comes is None:
        assert settle(clock, hours, clock.since + 3 * 365 * DAY) == (clock, ())
    else:
        assert settle(clock, hours, comes) == (clock, ())
        settled, fires = settle(clock, hours, comes + 1)
        assert settled.breached_at == comes or fires[0].at == comes


@settings(max_examples=300, deadline=None)
@given(stories())
def test_what_is_consumed_is_the_sum_of_what_the_segments_counted(story: Story) -> None:
    carried = (story[0], [event for event in story[1] if not isinstance(event, Retarget) or event.mode is Mode.CARRY])
    teller = told(carried)

    for number, clock in teller.cycles.items():
        assert clock.consumed == sum(segment.counted for segment in teller.segments if segment.cycle == number)


@settings(max_examples=300, deadline=None)
@given(stories())
def test_a_clock_never_contradicts_itself(story: Story) -> None:
    teller = told(story)

    for clock in teller.cycles.values():
        assert clock.state is not State.MET or clock.breached_at is None
        assert clock.state is not State.MISSED or clock.breached_at is not None
        assert clock.breached_at is None or clock.started_at <= clock.breached_at == clock.due_at
        assert (clock.completed_at is None) == clock.is_active
    fired = [(fire.cycle, fire.level) for fire in teller.fires]
    assert len(fired) == len(set(fired))
    dated = [(s.began_at, s.ended_at) for s in teller.segments if s.ended_at is not None]
    assert all(began <= ended for began, ended in dated)


RUNNING = st.tuples(TERMS, WAITS, WAITS).map(lambda drawn: (Start(at=BEGUN, terms=drawn[0]), drawn[1], drawn[2]))


@settings(max_examples=200, deadline=None)
@given(RUNNING)
def test_a_pause_that_ends_at_once_costs_nothing(drawn: tuple[Start, int, int]) -> None:
    start, wait, later = drawn
    plain, paused = Told(start), Told(start)
    at = BEGUN + wait
    paused.tell(Pause(at=at))
    paused.tell(Resume(at=at))
    plain.tell(Look(at=at))

    hours = hours_of(start.terms.calendar)
    # Where nothing is left, it is due when it is resumed.
    used_up = remaining(paused.clock, hours, at) == 0 and paused.clock.breached_at is None
    assert paused.clock.due_at == (at if used_up else plain.clock.due_at)
    assert elapsed(paused.clock, hours, at + later) == elapsed(plain.clock, hours, at + later)


@settings(max_examples=200, deadline=None)
@given(RUNNING)
def test_a_pause_moves_the_due_instant_by_the_open_time_in_it(drawn: tuple[Start, int, int]) -> None:
    start, wait, later = drawn
    hours = hours_of(start.terms.calendar)
    teller = Told(start)
    teller.tell(Pause(at=BEGUN + wait))
    if teller.clock.breached_at is not None or teller.clock.consumed == start.terms.target:
        return
    teller.tell(Resume(at=BEGUN + wait + later))

    stood = hours.elapsed(BEGUN + wait, BEGUN + wait + later)
    assert teller.clock.due_at == hours.add(BEGUN, start.terms.target + stood)


@settings(max_examples=200, deadline=None)
@given(RUNNING, TERMS)
def test_another_target_counts_from_the_start(drawn: tuple[Start, int, int], other: Terms) -> None:
    start, wait, _ = drawn
    at = BEGUN + wait
    other = replace(other, calendar=start.terms.calendar)
    changed = {mode: Told(start) for mode in (Mode.CARRY, Mode.RETROACTIVE)}
    for mode, teller in changed.items():
        teller.tell(Retarget(at=at, terms=other, mode=mode))

    # With one calendar it is the same whether time is carried or counted again.
    carried, again = (replace(teller.clock, cause=Cause.START) for teller in changed.values())
    assert carried == again
    if carried.breached_at is None:
        assert carried.due_at == max(at, hours_of(other.calendar).add(BEGUN, other.target))


@settings(max_examples=200, deadline=None)
@given(RUNNING, TERMS)
def test_restarting_is_a_clock_that_starts_then(drawn: tuple[Start, int, int], other: Terms) -> None:
    start, wait, _ = drawn
    restarted = Told(start)
    restarted.tell(Retarget(at=BEGUN + wait, terms=other, mode=Mode.RESTART))
    fresh = begin(Start(at=BEGUN + wait, terms=other), hours_of).clock

    assert restarted.clock == replace(fresh, cycle=2, cause=restarted.clock.cause)
    assert restarted.cycles[1].state is State.SUPERSEDED


@given(stories())
def test_an_event_twice_is_an_event_once(story: Story) -> None:
    plain: list[Event] = [event for event in story[1] if not isinstance(event, Retarget | Reopen)]
    once, twice = told((story[0], plain)), Told(story[0])
    for event in plain:
        twice.tell(event)
        twice.tell(event)

    assert result(twice) == result(once)
