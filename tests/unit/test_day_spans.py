"""Days, weeks and months as they begin and end in a time zone, whatever its clocks do."""

from datetime import UTC, date, datetime, timedelta

import pytest

from psms.adapters.zones import PinnedZones
from psms.domain.day_spans import DaySpan, Every, Period, periods_of
from psms.domain.time_entries import seconds_between
from psms.errors import FieldError


def periods(since: str, until: str, every: Every, zone: str) -> list[Period]:
    """Return the periods from one day to another."""
    days = {"since": date.fromisoformat(since), "until": date.fromisoformat(until)}
    return periods_of(DaySpan(every=every, time_zone=zone, **days), PinnedZones().zone(zone))


def utc(text: str) -> datetime:
    """Return an instant."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_month_begins_at_midnight_of_its_zone_before_and_after_the_clocks_change() -> None:
    october, november = periods("2026-10-01", "2026-11-30", Every.MONTH, "Europe/Berlin")

    assert (october.begins_at, october.ends_at) == (utc("2026-09-30T22:00"), utc("2026-10-31T23:00"))
    assert (november.begins_at, november.ends_at) == (utc("2026-10-31T23:00"), utc("2026-11-30T23:00"))
    assert (october.since, october.until) == (date(2026, 10, 1), date(2026, 10, 31))


def test_days_on_which_the_clocks_change_are_shorter_and_longer() -> None:
    def lengths(since: str, until: str, zone: str) -> list[timedelta]:
        return [day.ends_at - day.begins_at for day in periods(since, until, Every.DAY, zone)]

    hour = timedelta(hours=1)
    assert lengths("2026-03-28", "2026-03-30", "Europe/Berlin") == [24 * hour, 23 * hour, 24 * hour]
    assert lengths("2026-10-24", "2026-10-26", "Europe/Berlin") == [24 * hour, 25 * hour, 24 * hour]
    # Midnight itself is skipped: the day begins at one o'clock.
    (day,) = periods("2026-03-29", "2026-03-29", Every.DAY, "Asia/Beirut")
    assert (day.begins_at, day.ends_at) == (utc("2026-03-28T22:00"), utc("2026-03-29T21:00"))


@pytest.mark.parametrize("every", Every)
@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "America/St_Johns"])
def test_periods_leave_no_instant_out_and_count_none_twice(every: Every, zone: str) -> None:
    found = periods("2024-02-10", "2025-01-31", every, zone)

    assert [one.ends_at for one in found[:-1]] == [one.begins_at for one in found[1:]]
    assert (found[0].since, found[-1].until) == (date(2024, 2, 10), date(2025, 1, 31))


def test_weeks_begin_on_monday_and_months_on_the_first_and_the_span_cuts_them() -> None:
    weeks = periods("2026-11-05", "2026-11-20", Every.WEEK, "UTC")

    assert [(one.since.day, one.until.day) for one in weeks] == [(5, 8), (9, 15), (16, 20)]
    assert [one.since.month for one in periods("2026-11-05", "2027-01-02", Every.MONTH, "UTC")] == [11, 12, 1]


@pytest.mark.parametrize(
    ("since", "until", "field"), [("2026-01-02", "2026-01-01", "to"), ("2024-01-01", "2025-01-01", "from")]
)
def test_a_span_that_is_empty_or_too_long_is_refused(since: str, until: str, field: str) -> None:
    with pytest.raises(FieldError) as refused:
        periods(since, until, Every.SPAN, "UTC")

    assert refused.value.context["errors"][0]["field"] == field  # type: ignore[index]
    assert len(periods("2024-01-01", "2024-12-31", Every.DAY, "UTC")) == 366


def test_a_timer_takes_whole_seconds_and_one_at_least() -> None:
    start = utc("2026-01-01T00:00")
    spans = [timedelta(0), timedelta(milliseconds=1900), timedelta(hours=40), timedelta(seconds=-5)]

    assert [seconds_between(start, start + span) for span in spans] == [1, 1, 144_000, 1]
