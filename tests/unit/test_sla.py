"""SLA clocks against a simulation that walks second by second and shares no code with them."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psms.domain import sla
from psms.domain.calendars import ALWAYS_OPEN
from psms.domain.sla import Clock, ClockState, Fire
from psms.domain.tickets import Priority

START = datetime(2026, 11, 22, 9, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def at(seconds: int) -> datetime:
    """Return the instant *seconds* after the start."""
    return START + seconds * SECOND


@dataclass
class Walk:
    """What a person with a stopwatch would write down, looking once a second, before the events of that second."""

    target: int
    state: str = "running"
    consumed: int = 0
    breached_at: int | None = None
    fired: dict[str, int] = field(default_factory=dict)

    def look(self, now: int) -> None:
        """Fire what has been reached by *now*."""
        if self.state != "running":
            return
        for level, percent in (("at_risk", 80), ("breach", 100)):
            if level not in self.fired and self.consumed * 100 >= self.target * percent:
                self.fired[level] = now
                if level == "breach":
                    self.breached_at = now

    def event(self, kind: str, target: int) -> None:
        """Apply one event."""
        if self.state in ("met", "missed", "cancelled"):
            return
        if kind == "pause" and self.state == "running":
            self.state = "paused"
        elif kind == "resume" and self.state == "paused":
            self.state = "running"
        elif kind == "complete":
            self.state = "met" if self.breached_at is None else "missed"
        elif kind == "cancel":
            self.state = "cancelled"
        elif kind == "retarget":
            self.target = target


# Multiples of five seconds: then 80 % is a whole second, at which somebody looks.
TARGETS = st.integers(1, 6).map(lambda fives: 5 * fives)
EVENTS = st.lists(
    st.tuples(
        st.integers(0, 12),
        st.sampled_from(["pause", "resume", "complete", "cancel", "retarget", "look"]),
        TARGETS,
    ),
    max_size=8,
)


def apply(clock: Clock, kind: str, target: int, now: datetime) -> sla.Step:
    """Apply one event to the real clock."""
    match kind:
        case "pause":
            return sla.paused(clock, ALWAYS_OPEN, now)
        case "resume":
            return sla.resumed(clock, ALWAYS_OPEN, now)
        case "complete":
            return sla.completed(clock, ALWAYS_OPEN, now)
        case "cancel":
            return sla.cancelled(clock, ALWAYS_OPEN, now)
        case "retarget":
            return sla.retargeted(clock, ALWAYS_OPEN, target * SECOND, now)
        case _:
            return sla.settled(clock, ALWAYS_OPEN, now)


@given(TARGETS, EVENTS)
def test_clocks_agree_with_the_walk(target: int, events: list[tuple[int, str, int]]) -> None:
    clock, walk = sla.started(target * SECOND, ALWAYS_OPEN, START), Walk(target)
    fires: list[Fire] = []
    now = 0
    for wait, kind, wanted in [*events, (100, "look", 1)]:
        for _ in range(wait):
            walk.look(now)  # what is reached exactly at an event's instant waits until the event has been applied
            if walk.state == "running":
                walk.consumed += 1
            now += 1
        walk.event(kind, wanted)
        clock, new = apply(clock, kind, wanted, at(now))
        fires += new

    assert clock.state == walk.state
    assert {fire.level: fire.at for fire in fires} == {level: at(second) for level, second in walk.fired.items()}
    assert (clock.breached_at is None) == (walk.breached_at is None)
    if walk.breached_at is not None and clock.breached_at is not None:
        assert clock.breached_at == at(walk.breached_at)


@given(TARGETS, EVENTS, st.data())
def test_when_people_look_does_not_change_what_happened(
    target: int, events: list[tuple[int, str, int]], data: st.DataObject
) -> None:
    plain = watched = sla.started(target * SECOND, ALWAYS_OPEN, START)
    plain_fires: list[Fire] = []
    watched_fires: list[Fire] = []
    now = 0
    for wait, kind, wanted in events:
        for _ in range(data.draw(st.integers(0, 2))):
            watched, new = sla.settled(watched, ALWAYS_OPEN, at(now) + data.draw(st.integers(0, wait)) * SECOND)
            watched_fires += new
        now += wait
        plain, new = apply(plain, kind, wanted, at(now))
        plain_fires += new
        watched, new = apply(watched, kind, wanted, at(now))
        watched_fires += new

    assert watched == plain
    assert watched_fires == plain_fires


@given(TARGETS, EVENTS)
def test_the_sweep_is_asked_for_exactly_what_comes_next(target: int, events: list[tuple[int, str, int]]) -> None:
    clock = sla.started(target * SECOND, ALWAYS_OPEN, START)
    now = 0
    for wait, kind, wanted in events:
        now += wait
        clock, _ = apply(clock, kind, wanted, at(now))
        due = sla.next_at(clock, ALWAYS_OPEN)
        if due is None:
            assert sla.settled(clock, ALWAYS_OPEN, at(10_000)) == (clock, ())
        else:
            assert sla.settled(clock, ALWAYS_OPEN, due) == (clock, ())
            assert sla.settled(clock, ALWAYS_OPEN, due + timedelta(microseconds=1))[1][0].at == due


@pytest.mark.parametrize(("seconds", "state"), [(9, ClockState.MET), (10, ClockState.MET), (11, ClockState.MISSED)])
def test_completing_at_the_due_instant_is_met(seconds: int, state: ClockState) -> None:
    clock, _ = sla.completed(sla.started(10 * SECOND, ALWAYS_OPEN, START), ALWAYS_OPEN, at(seconds))

    assert clock.state is state


def test_a_breach_is_dated_by_its_due_instant_however_late_it_is_noticed() -> None:
    clock, fires = sla.settled(sla.started(10 * SECOND, ALWAYS_OPEN, START), ALWAYS_OPEN, at(86_400))

    assert clock.breached_at == clock.due_at == at(10)
    assert fires == (Fire(level="at_risk", at=at(8)), Fire(level="breach", at=at(10)))


def test_a_breached_clock_keeps_its_due_instant_and_counts_on() -> None:
    clock, _ = sla.settled(sla.started(10 * SECOND, ALWAYS_OPEN, START), ALWAYS_OPEN, at(30))
    clock, _ = sla.retargeted(clock, ALWAYS_OPEN, 100 * SECOND, at(40))

    assert clock.due_at == at(10)
    assert sla.elapsed(clock, ALWAYS_OPEN, at(50)) == 50 * SECOND
    assert sla.settled(clock, ALWAYS_OPEN, at(500))[1] == ()


def test_a_shorter_target_that_is_already_used_up_is_due_at_the_change_not_before() -> None:
    clock, fires = sla.retargeted(sla.started(100 * SECOND, ALWAYS_OPEN, START), ALWAYS_OPEN, 10 * SECOND, at(60))

    assert fires == ()
    assert clock.due_at == at(60)


def test_priorities_are_raised_one_step_and_the_highest_stays() -> None:
    assert [sla.raised(priority) for priority in Priority] == ["critical", "critical", "high", "medium"]
