"""Open time against a walk minute by minute, and by the laws that it must obey. Clocks are in the tests beside."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from psms.adapters.zones import PinnedZones
from psms.domain.sla.calendars import Calendar, DayException, Shift
from psms.domain.sla.hours import ROUND_THE_CLOCK, CompiledHours, NeverOpen
from psms.domain.sla.instants import DAY, HOUR, instant_of, moment_of
from psms.domain.sla.wall_clock import wall_clock
from tests.support.sla_brute import brute_add, brute_elapsed, open_minutes, utc, walk
from tests.support.sla_places import PLACES, Place, calendars, instants

ZONES = PinnedZones()
NINE_TO_FIVE = ((Shift(540, 1020),),) * 5 + ((), ())
NEW_YORK = Calendar(time_zone="America/New_York", weekly=NINE_TO_FIVE)
NOW = instant_of(utc("2026-06-01T00:00"))


def hours_of(calendar: Calendar, around: int = NOW) -> CompiledHours:
    """Compile a calendar."""
    return CompiledHours(calendar, ZONES.zone(calendar.time_zone), around)


@pytest.mark.parametrize("place", PLACES, ids=str)
@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_open_time_agrees_with_every_minute_of_the_wall_clock(place: Place, data: st.DataObject) -> None:
    calendar = data.draw(calendars(place))
    walked = walk(place.zone, place.first, place.last)
    opened, hours = open_minutes(calendar, walked), hours_of(calendar, instant_of(place.at))
    for _ in range(5):
        start, end = data.draw(instants(place)), data.draw(instants(place))
        elapsed = brute_elapsed(opened, place.first, start, end)
        assert hours.elapsed_between(start, end) == elapsed
        budget = abs(elapsed) + timedelta(microseconds=data.draw(st.sampled_from([-1, 0, 0, 1])))
        due = brute_add(opened, place.first, start, max(timedelta(0), budget))
        if due is not None:
            assert hours.add_to(start, max(timedelta(0), budget)) == due


ANYWHERE = st.sampled_from(PLACES).flatmap(
    lambda place: st.tuples(
        calendars(place).filter(lambda calendar: any(calendar.weekly)),
        *[st.integers(-500 * DAY, 1000 * DAY).map(lambda far: instant_of(place.at) + far)] * 3,
    )
)
BUDGETS = st.one_of(st.integers(0, 200 * HOUR), st.integers(0, 48).map(lambda halves: halves * HOUR // 2))


@settings(max_examples=80, deadline=None)
@given(ANYWHERE)
def test_elapsed_adds_up_and_turns_round(drawn: tuple[Calendar, int, int, int]) -> None:
    calendar, one, two, three = drawn
    hours = hours_of(calendar, one)

    assert hours.elapsed(one, two) + hours.elapsed(two, three) == hours.elapsed(one, three)
    assert hours.elapsed(one, two) == -hours.elapsed(two, one)
    assert 0 <= hours.elapsed(min(one, two), max(one, two)) <= abs(two - one)


@settings(max_examples=80, deadline=None)
@given(ANYWHERE, BUDGETS, BUDGETS)
def test_add_is_the_earliest_inverse_of_elapsed(drawn: tuple[Calendar, int, int, int], first: int, second: int) -> None:
    calendar, start, other, _ = drawn
    hours = hours_of(calendar, start)
    due = hours.add(start, first)

    assert hours.elapsed(start, due) == first
    assert first == 0 or hours.elapsed(start, due - 1) == first - 1
    assert hours.add(start, first + second) == hours.add(due, second)
    assert hours.add(start, 0) == start
    assert due <= hours.add(start, first + 1)
    assert hours.add(min(start, other), first) <= hours.add(max(start, other), first)


@settings(max_examples=40, deadline=None)
@given(ANYWHERE, BUDGETS)
def test_answers_do_not_depend_on_where_the_calendar_was_compiled(
    drawn: tuple[Calendar, int, int, int], budget: int
) -> None:
    calendar, start, end, elsewhere = drawn
    here, there = hours_of(calendar, start), hours_of(calendar, elsewhere + 9 * 366 * DAY)

    assert here.elapsed(start, end) == there.elapsed(start, end)
    assert here.add(start, budget) == there.add(start, budget)


@pytest.mark.parametrize("place", PLACES, ids=str)
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_a_later_wall_time_never_comes_at_an_earlier_instant(place: Place, data: st.DataObject) -> None:
    at = instant_of(place.at)
    clock = wall_clock(ZONES.zone(place.zone), at - 9 * DAY, at + 9 * DAY)
    wall = st.integers(at - 3 * DAY, at + 3 * DAY)
    one, two = sorted((data.draw(wall), data.draw(wall)))

    assert clock.first_instant(one) <= clock.first_instant(two)


def test_a_horizon_is_passed_without_a_seam() -> None:
    hours = hours_of(NEW_YORK)
    far = instant_of(utc("2041-06-03T13:00"))

    assert moment_of(hours.add(far, 8 * HOUR)) == utc("2041-06-03T21:00")
    # 260 or 261 working days a year; the sum runs over every horizon in between.
    assert hours.elapsed(instant_of(utc("1999-01-01T00:00")), far) == hours_of(NEW_YORK, far).elapsed(
        instant_of(utc("1999-01-01T00:00")), far
    )
    assert hours.elapsed(NOW, hours.add(NOW, 40_000 * HOUR)) == 40_000 * HOUR


def test_a_whole_week_open_is_one_interval_and_every_real_hour_counts() -> None:
    hours = hours_of(Calendar(time_zone="America/New_York", weekly=((Shift(0, 1440),),) * 7))

    for start, end in [("2026-03-01T00:00", "2026-04-01T00:00"), ("2026-10-01T00:00", "2026-12-01T00:00")]:
        assert hours.elapsed_between(utc(start), utc(end)) == utc(end) - utc(start)


def test_a_budget_cannot_be_negative() -> None:
    for hours in (hours_of(NEW_YORK), ROUND_THE_CLOCK):
        with pytest.raises(ValueError, match="cannot be negative: -1"):
            hours.add(NOW, -1)


def test_a_calendar_that_never_opens_again_says_so() -> None:
    once = Calendar(time_zone="Asia/Tokyo", exceptions=(DayException(date(2033, 5, 2), (Shift(540, 600),)),))
    for calendar, budget in [(Calendar(time_zone="UTC"), 1), (once, HOUR + 1)]:
        for _ in range(2):
            with pytest.raises(NeverOpen, match="no more open time"):
                hours_of(calendar).add(NOW, budget)
    assert moment_of(hours_of(once).add(NOW, HOUR)) == utc("2033-05-02T01:00")


def test_round_the_clock_every_instant_counts() -> None:
    assert ROUND_THE_CLOCK.elapsed(NOW, NOW + 5) == 5
    assert ROUND_THE_CLOCK.add(NOW, 5) == NOW + 5


@given(st.datetimes(datetime(1900, 1, 1), datetime(9000, 1, 1)))  # noqa: DTZ001
def test_instants_are_exact_to_the_microsecond(naive: datetime) -> None:
    moment = utc(naive.isoformat())
    assert moment_of(instant_of(moment)) == moment
    assume(moment.microsecond)
    assert instant_of(moment) % 1_000_000 == moment.microsecond
