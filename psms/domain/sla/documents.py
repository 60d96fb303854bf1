"""Calendars as documents, as they are stored and travel: wall times as HH:MM, dates as YYYY-MM-DD.

Whether a calendar makes sense is asked in `calendar_checks`.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import TypedDict

from psms.domain.sla.calendar_checks import WEEKDAYS
from psms.domain.sla.calendars import Calendar, DayException, Shift

_WALL_TIME = re.compile(r"([01]\d|2[0-4]):([0-5]\d)", re.ASCII)
_MINUTES_AN_HOUR = 60


class ExceptionDocument(TypedDict):
    """One date with hours of its own; none: closed."""

    date: str
    hours: Sequence[Sequence[str]]


class CalendarDocument(TypedDict):
    """A calendar as it is stored; the same calendar is always the same document."""

    time_zone: str
    always_open: bool
    weekly: Mapping[str, Sequence[Sequence[str]]]
    holidays: Sequence[str]
    exceptions: Sequence[ExceptionDocument]


def parse_wall_time(text: str) -> int:
    """Return the minutes after midnight of a wall time as in 09:30, at most 24:00, or raise ValueError."""
    found = _WALL_TIME.fullmatch(text)
    minutes = int(found[1]) * _MINUTES_AN_HOUR + int(found[2]) if found else None
    if minutes is None or minutes > 24 * _MINUTES_AN_HOUR:
        raise ValueError(f"{text!r} is not a time of day; write it as in 09:30, midnight at the end as 24:00")
    return minutes


def parse_shift(hours: Sequence[str]) -> Shift:
    """Return the shift of a pair of wall times, or raise ValueError."""
    start, end = hours
    return Shift(parse_wall_time(start), parse_wall_time(end))


def calendar_of(document: CalendarDocument) -> Calendar:
    """Return the calendar that a document describes; a malformed one raises ValueError or KeyError."""
    return Calendar(
        time_zone=document["time_zone"],
        weekly=tuple(tuple(map(parse_shift, document["weekly"].get(name, ()))) for name in WEEKDAYS),
        holidays=frozenset(map(date.fromisoformat, document["holidays"])),
        exceptions=tuple(
            DayException(date.fromisoformat(one["date"]), tuple(map(parse_shift, one["hours"])))
            for one in document["exceptions"]
        ),
        always_open=document["always_open"],
    )


def document_of(calendar: Calendar) -> CalendarDocument:
    """Return a calendar as a document, everything in it in order."""
    return {
        "time_zone": calendar.time_zone,
        "always_open": calendar.always_open,
        "weekly": {name: _hours(shifts) for name, shifts in zip(WEEKDAYS, calendar.weekly, strict=True) if shifts},
        "holidays": sorted(day.isoformat() for day in calendar.holidays),
        "exceptions": [
            {"date": one.day.isoformat(), "hours": _hours(one.shifts)}
            for one in sorted(calendar.exceptions, key=lambda one: one.day)
        ],
    }


def _hours(shifts: Sequence[Shift]) -> list[list[str]]:
    return [[_written(shift.start), _written(shift.end)] for shift in sorted(shifts)]


def _written(minutes: int) -> str:
    return f"{minutes // _MINUTES_AN_HOUR:02}:{minutes % _MINUTES_AN_HOUR:02}"
