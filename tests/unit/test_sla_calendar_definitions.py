"""Calendars as somebody writes them, the holidays that a library computed, and every refusal with its field."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from psms.adapters.holiday_dates import PackagedHolidays
from psms.adapters.zones import PinnedZones
from psms.domain.sla.calendar_definitions import (
    CalendarDefinition,
    CalendarDefinitionDocument,
    CalendarFields,
    check_calendar,
    definition_document_of,
    definition_of,
    written,
)
from psms.domain.sla.calendars import Calendar, DayException, Shift
from psms.domain.sla.holiday_sources import FrozenHolidays, HolidayChanges, HolidaySource, accepted, changes
from psms.errors import FieldError

FRANCE = HolidaySource(country="FR", years=(2026,))
FULL: CalendarDefinitionDocument = {
    "time_zone": "Europe/Paris",
    "always_open": False,
    "weekly": {"mon": [["09:00", "12:00"], ["13:00", "17:30"]], "fri": [["22:00", "06:00"]]},
    "holidays": ["2026-07-14", "2026-12-25"],
    "exceptions": [{"date": "2026-12-24", "hours": [["09:00", "12:00"]]}, {"date": "2026-12-31", "hours": []}],
    "holiday_source": {
        "country": "FR",
        "subdivision": None,
        "years": [2026],
        "dates": ["2026-12-25"],
        "library": "holidays 0.100",
    },
}
SHIFTS = [["09:00", "17:00"]]
NEW = Calendar(time_zone="UTC")
OFFICE = written(NEW, CalendarFields(weekly={"mon": SHIFTS}))


def day(text: str) -> date:
    """Return a date."""
    return date.fromisoformat(text)


def frozen(*dates: str, library: str = "holidays 1") -> FrozenHolidays:
    """Return what a library computed for France."""
    return FrozenHolidays(source=FRANCE, dates=frozenset(map(day, dates)), library=library)


def test_a_full_calendar_reads_as_written() -> None:
    definition = definition_of(FULL)

    assert definition_document_of(definition) == FULL
    assert definition.calendar.weekly[4] == (Shift(22 * 60, 6 * 60),)
    assert definition.calendar.exceptions[1] == DayException(day("2026-12-31"))
    check_calendar(definition.calendar, PinnedZones(), 0)


def test_an_edit_changes_what_it_names_and_all_of_that() -> None:
    before = definition_of(FULL).calendar
    after = written(before, CalendarFields(weekly={"tue": SHIFTS}, holidays=["2026-05-01"]))

    assert after == replace(
        before,
        weekly=((), (Shift(540, 1020),), (), (), (), (), ()),
        holidays=frozenset({day("2026-05-01")}),
    )
    assert written(before, CalendarFields()) == before
    assert written(before, CalendarFields(always_open=True, time_zone="UTC")) == replace(
        before, always_open=True, time_zone="UTC"
    )


REFUSED: list[tuple[str, Any]] = [
    ("time_zone", {"time_zone": "Europe/Atlantis"}),
    ("time_zone", {"time_zone": "CEST"}),
    ("weekly", {"weekly": {}}),
    ("weekly", {"weekly": {}, "exceptions": [{"date": "2028-01-01", "hours": SHIFTS}]}),
    ("weekly.funday", {"weekly": {"funday": SHIFTS}}),
    ("weekly.mon.0", {"weekly": {"mon": [["9", "17:00"]]}}),
    ("weekly.mon.1", {"weekly": {"mon": [["09:00", "12:00"], ["13:00", "24:01"]]}}),
    ("weekly.mon", {"weekly": {"mon": [["09:00", "09:00"]]}}),
    ("weekly.mon", {"weekly": {"mon": [["24:00", "09:00"]]}}),
    ("weekly.mon", {"weekly": {"mon": [["09:00", "12:00"], ["11:59", "17:00"]]}}),
    ("weekly.tue", {"weekly": {"mon": [["22:00", "06:00"]], "tue": [["05:00", "09:00"]]}}),
    ("weekly.mon", {"weekly": {"sun": [["22:00", "06:00"]], "mon": [["05:00", "09:00"]]}}),
    ("holidays.1", {"holidays": ["2026-01-01", "2026-02-30"]}),
    ("exceptions.0.date", {"exceptions": [{"date": "24.12.", "hours": []}]}),
    ("exceptions.0.hours.0", {"exceptions": [{"date": "2026-12-24", "hours": [["a", "b"]]}]}),
    (
        "exceptions.2026-12-24",
        {"exceptions": [{"date": "2026-12-24", "hours": [["08:00", "10:00"], ["09:00", "11:00"]]}]},
    ),
    (
        "exceptions.2026-12-24",
        {"exceptions": [{"date": "2026-12-24", "hours": []}, {"date": "2026-12-24", "hours": SHIFTS}]},
    ),
]


@pytest.mark.parametrize(("field", "fields"), REFUSED)
def test_a_calendar_that_makes_no_sense_is_refused_by_field(field: str, fields: Any) -> None:
    with pytest.raises(FieldError) as refusal:
        check_calendar(written(OFFICE, CalendarFields(**fields)), PinnedZones(), 0)

    assert [error["field"] for error in refusal.value.context["errors"]] == [field]  # type: ignore[attr-defined]


def test_a_calendar_that_is_closed_for_400_days_is_refused_and_one_that_opens_then_is_not() -> None:
    first = CalendarFields(weekly={}, exceptions=[{"date": "1971-02-04", "hours": SHIFTS}])
    later = CalendarFields(weekly={}, exceptions=[{"date": "1971-02-05", "hours": [["00:01", "01:00"]]}])

    check_calendar(written(NEW, first), PinnedZones(), 0)
    with pytest.raises(FieldError, match=r"^weekly: the calendar does not open within 400 days"):
        check_calendar(written(NEW, later), PinnedZones(), 0)


def test_a_newer_library_changes_nothing_until_its_dates_are_accepted() -> None:
    before, after = frozen("2026-01-01", "2026-05-01"), frozen("2026-01-01", "2026-05-08", library="holidays 2")
    people = {day("2026-05-01"), day("2026-12-24")}

    assert changes(before, after) == HolidayChanges(
        added=frozenset({day("2026-05-08")}), removed=frozenset({day("2026-05-01")})
    )
    # The first of January was taken out by people, and stays out.
    assert accepted(people, before, after) == {day("2026-12-24"), day("2026-05-08")}
    assert accepted(people, None, after) == people | {day("2026-01-01"), day("2026-05-08")}
    assert accepted(people, before, None) == {day("2026-12-24")}
    assert accepted(people, before, before) == people


def test_a_definition_without_a_source_has_none() -> None:
    assert definition_document_of(CalendarDefinition(calendar=OFFICE))["holiday_source"] is None


def test_the_library_computes_the_holidays_of_the_years_that_are_asked_for() -> None:
    found = PackagedHolidays().compute(HolidaySource(country="FR", years=(2026, 2027)))
    america = PackagedHolidays().compute(HolidaySource(country="US", years=(2021,)))
    bavaria, germany = (
        PackagedHolidays().compute(HolidaySource(country="DE", subdivision=part, years=(2026,)))
        for part in ("BY", None)
    )

    assert {day("2026-07-14"), day("2027-07-14"), day("2026-04-06"), day("2027-03-29")} <= found.dates
    assert {one.year for one in found.dates} == {2026, 2027}
    # New Year of 2022 fell on a Saturday, and was observed in 2021.
    assert (day("2021-12-31") in america.dates, {one.year for one in america.dates}) == (True, {2021})
    assert day("2026-01-06") in bavaria.dates - germany.dates
    assert found.library.startswith("holidays 0.")


@pytest.mark.parametrize(
    ("field", "source"),
    [
        ("holiday_source.country", HolidaySource(country="XX", years=(2026,))),
        ("holiday_source.country", HolidaySource(country="fr", years=(2026,))),
        ("holiday_source.subdivision", HolidaySource(country="DE", subdivision="Bayern?", years=(2026,))),
        ("holiday_source.years", HolidaySource(country="FR", years=(2026, 2101))),
        ("holiday_source.years", HolidaySource(country="IN", years=(2026, 2036))),
    ],
)
def test_what_the_library_does_not_know_is_refused_by_field(field: str, source: HolidaySource) -> None:
    with pytest.raises(FieldError, match=f"^{field}: "):
        PackagedHolidays().compute(source)
