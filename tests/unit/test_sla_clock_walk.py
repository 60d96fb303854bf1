"""SLA clocks against somebody who sits beside them instant by instant with a pencil, and knows no formula.

An instant here is one microsecond, and a calendar says of each whether it is open, so that whole lives of clocks pass
in a few hundred of them, with every kind of event and level.
"""

from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from psms.domain.sla.advance import Step, advance, begin
from psms.domain.sla.terms import Level, OffsetLevel, PercentLevel, Reopening, Terms, WallLevel
from psms.domain.sla.timeline import Cancel, Complete, Event, Look, Mode, Pause, Reopen, Resume, Retarget, Start

END = 400
OVER = ("met", "missed", "cancelled")
LEVELS: tuple[Level, ...] = (
    PercentLevel(id="half", percent=50),
    PercentLevel(id="whole", percent=100),
    OffsetLevel(id="before", offset=-4),
    OffsetLevel(id="after", offset=6),
    WallLevel(id="page", offset=9),
)


class Pattern:
    """A calendar that is told of each instant whether it is open, and open for ever afterwards."""

    def __init__(self, opened: tuple[bool, ...]) -> None:
        self.opened = opened
        self._passed = (0, *accumulate(opened))

    def is_open(self, at: int) -> bool:
        """Tell whether the instant counts."""
        return at >= len(self.opened) or self.opened[at]

    def _until(self, at: int) -> int:
        return self._passed[min(at, len(self.opened))] + max(0, at - len(self.opened))

    def elapsed(self, start: int, end: int, /) -> int:
        """Return how many instants counted."""
        return self._until(end) - self._until(start)

    def add(self, start: int, budget: int, /) -> int:
        """Return the first instant with so many that counted before it."""
        at = start
        while self.elapsed(start, at) < budget:
            at += 1
        return at


@dataclass
class Pencil:
    """What is written down of the present cycle."""

    terms: Terms
    state: str
    started: int
    target: int
    consumed: int = 0
    ran: list[int] = field(default_factory=list)
    breached: int | None = None
    completed: int | None = None
    fired: dict[str, int] = field(default_factory=dict)

    def used_up(self) -> bool:
        """Tell whether nothing is left of the target, and time runs."""
        return self.state == "running" and self.consumed >= self.target

    def look(self, now: int) -> None:
        """Write down the levels that are reached now."""
        for level in self.terms.levels if self.state in ("running", "paused") else ():
            if isinstance(level, WallLevel):
                reached = self.breached is not None and now >= self.breached + level.offset
            elif isinstance(level, PercentLevel):
                reached = self.consumed * 100 >= self.target * level.percent
            else:
                reached = self.consumed >= self.target + level.offset
            if reached and level.id not in self.fired:
                self.fired[level.id] = now

    def count(self, now: int, calendars: dict[str, Pattern]) -> None:
        """Let the instant pass, after which what is still used up is breached."""
        if self.breached is None and self.used_up():
            self.breached = now
        if self.state == "running":
            self.ran.append(now)
            self.consumed += calendars[self.terms.calendar].is_open(now)

    def shown(self) -> tuple[Any, ...]:
        """Return what can be compared."""
        return self.state, self.started, self.target, self.consumed, self.breached, self.completed, self.fired


class Book:
    """The cycles of a clock as the pencil has them."""

    def __init__(self, start: Start) -> None:
        state = "paused" if start.paused else "running"
        self.cycles = [Pencil(start.terms, state, start.at, start.terms.target)]

    def event(self, event: Event, calendars: dict[str, Pattern]) -> None:
        """Write down what an event does."""
        page = self.cycles[-1]
        match event:
            case Pause() if page.state == "running":
                page.state = "paused"
            case Resume() if page.state == "paused":
                page.state = "running"
            case Complete() | Cancel() if page.state not in OVER:
                verdict = "met" if page.breached is None else "missed"
                page.state = verdict if isinstance(event, Complete) else "cancelled"
                page.completed = event.at
            case Retarget():
                self._change(page, event, calendars)
            case Reopen() if page.state in OVER:
                self._reopen(page, event)
        self.cycles[-1].look(event.at)

    def _change(self, page: Pencil, event: Retarget, calendars: dict[str, Pattern]) -> None:
        if page.state in OVER:
            page.terms = event.terms
        elif event.mode is Mode.RESTART:
            self.cycles.append(Pencil(event.terms, page.state, event.at, event.terms.target))
            page.state, page.completed = "superseded", event.at
        else:
            page.terms, page.target = event.terms, event.terms.target
            if event.mode is Mode.RETROACTIVE:
                page.consumed = sum(calendars[event.terms.calendar].is_open(at) for at in page.ran)

    def _reopen(self, page: Pencil, event: Reopen) -> None:
        state = "paused" if event.paused else "running"
        if page.terms.reopening is Reopening.NEW_CYCLE:
            self.cycles.append(Pencil(page.terms, state, event.at, page.terms.target))
            return
        page.state, page.completed, page.target = state, None, page.terms.target
        if page.breached is None:
            least = next(n for n in range(END) if n * 100 >= page.target * page.terms.reopen_floor_percent)
            page.target = max(page.target, page.consumed + least)


PATTERNS = st.lists(st.tuples(st.booleans(), st.integers(1, 12)), max_size=25).map(
    lambda runs: Pattern(tuple(opened for opened, length in runs for _ in range(length)))
)
TERMS = st.builds(
    Terms,
    target=st.integers(1, 24),
    calendar=st.sampled_from(["day", "night"]),
    levels=st.just(LEVELS),
    reopening=st.sampled_from(Reopening),
    reopen_floor_percent=st.sampled_from([0, 25, 100]),
)


@st.composite
def events(draw: st.DrawFn) -> list[Event]:
    """Draw what happens, in order, often at the same instant."""
    at, drawn = 0, list[Event]()
    for kind in draw(st.lists(st.sampled_from([Pause, Resume, Complete, Cancel, Retarget, Reopen, Look]), max_size=10)):
        at += draw(st.one_of(st.just(0), st.integers(0, 25)))
        if kind is Retarget:
            drawn.append(Retarget(at=at, terms=draw(TERMS), mode=draw(st.sampled_from(Mode))))
        elif kind is Reopen:
            drawn.append(Reopen(at=at, paused=draw(st.booleans())))
        else:
            drawn.append(kind(at=at))
    return drawn


STARTS = st.builds(Start, at=st.just(0), terms=TERMS, paused=st.booleans())


@settings(max_examples=600, deadline=None)
@given(STARTS, events(), PATTERNS, PATTERNS)
def test_clocks_agree_with_the_pencil(start: Start, happening: list[Event], day: Pattern, night: Pattern) -> None:
    calendars = {"day": day, "night": night}
    assert by_the_engine(start, happening, calendars) == by_the_pencil(start, happening, calendars)


def by_the_pencil(start: Start, happening: list[Event], calendars: dict[str, Pattern]) -> list[tuple[Any, ...]]:
    """Sit through it all."""
    book, waiting = Book(start), [*happening, Look(at=END)]
    book.cycles[-1].look(0)
    for now in range(END + 1):
        while waiting and waiting[0].at == now:
            book.event(waiting.pop(0), calendars)
        book.cycles[-1].look(now)
        book.cycles[-1].count(now, calendars)
    return [page.shown() for page in book.cycles]


def by_the_engine(start: Start, happening: list[Event], calendars: dict[str, Pattern]) -> list[tuple[Any, ...]]:
    """Jump from event to event."""
    steps: list[Step] = [begin(start, calendars.__getitem__)]
    # One instant later than the pencil sits, whose last instant has passed by then.
    for event in [*happening, Look(at=END + 1)]:
        clock = steps[-1].clock
        own = [step.segment for step in steps if step.segment is not None and step.segment.cycle == clock.cycle]
        ran = [(s.began_at, s.ended_at) for s in own if s.state == "running" and s.ended_at is not None]
        steps.append(advance(clock, event, calendars.__getitem__, ran))
    cycles = {clock.cycle: clock for step in steps for clock in (step.ended, step.clock) if clock is not None}
    fires = [fire for step in steps for fire in step.fires]
    return [
        (
            clock.state.value,
            clock.started_at,
            clock.target,
            clock.consumed + (calendars[clock.terms.calendar].elapsed(clock.since, END + 1) if _runs(clock) else 0),
            clock.breached_at,
            clock.completed_at,
            {fire.level: fire.at for fire in fires if fire.cycle == number},
        )
        for number, clock in sorted(cycles.items())
    ]


def _runs(clock: Any) -> bool:
    return bool(clock.state == "running")
