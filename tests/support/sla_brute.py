"""Open time by brute force: every minute is asked for its wall clock. Shares nothing with the engine but the calendar.

A minute counts when the latest wall time that the zone's clock has read until then lies in a shift. In a fold the
clock reads nothing later for a while, and in a gap it reads much at once; nothing else is known about changes here.
"""

import importlib.resources
import zoneinfo
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache

from psms.domain.sla.calendars import Calendar, Shift

MINUTE = timedelta(minutes=1)
_WARM_UP = timedelta(days=2)
_MICROSECOND = timedelta(microseconds=1)
_A_MINUTE = MINUTE // _MICROSECOND


@cache
def zone_of(name: str) -> zoneinfo.ZoneInfo:
    """Return a zone of the installed package, read here."""
    package, _, file = f"tzdata.zoneinfo.{name.replace('/', '.')}".rpartition(".")
    with (importlib.resources.files(package) / file).open("rb") as data:
        return zoneinfo.ZoneInfo.from_file(data, key=name)


@dataclass(frozen=True)
class Walk:
    """The minutes from *first* on, each with the latest date and minute of the day that was read until then."""

    first: datetime
    latest: tuple[tuple[date, int], ...]


@cache
def walk(zone: str, first: datetime, last: datetime) -> Walk:
    """Walk from *first* to *last*, having warmed up before."""
    latest, walls, at = datetime.min, [], first - _WARM_UP  # noqa: DTZ901  (a wall clock's time has no zone)
    while at < last:
        wall = at.astimezone(zone_of(zone)).replace(tzinfo=None)
        latest = max(latest, wall)
        if at >= first:
            walls.append((latest.date(), latest.hour * 60 + latest.minute))
        at += MINUTE
    return Walk(first=first, latest=tuple(walls))


def open_minutes(calendar: Calendar, walked: Walk) -> list[bool]:
    """Tell for each minute of a walk whether it counts."""
    days = {day: _minutes_of(calendar, day) for day in {day for day, _ in walked.latest}}
    return [minute in days[day] for day, minute in walked.latest]


def _minutes_of(calendar: Calendar, day: date) -> frozenset[int]:
    exceptions = {one.day: one.shifts for one in calendar.exceptions}
    if exceptions.get(day) == () or (day in calendar.holidays and day not in exceptions):
        return frozenset()
    minutes: set[int] = set()
    for shift in _shifts_of(calendar, day):
        minutes.update(range(shift.start, 1440 if shift.end <= shift.start else shift.end))
    for shift in _shifts_of(calendar, day - timedelta(days=1)):
        if shift.end <= shift.start:
            minutes.update(range(shift.end))
    return frozenset(minutes)


def _shifts_of(calendar: Calendar, day: date) -> tuple[Shift, ...]:
    for one in calendar.exceptions:
        if one.day == day:
            return one.shifts
    return () if day in calendar.holidays else calendar.weekly[day.weekday()]


def brute_elapsed(opened: list[bool], first: datetime, start: datetime, end: datetime) -> timedelta:
    """Return the open time between two instants of a walk."""
    if end < start:
        return -brute_elapsed(opened, first, end, start)
    return _until(opened, end - first) - _until(opened, start - first)


def _until(opened: list[bool], passed: timedelta) -> timedelta:
    whole = passed // MINUTE
    return sum(opened[:whole]) * MINUTE + opened[whole] * (passed % MINUTE)


def brute_add(opened: list[bool], first: datetime, start: datetime, budget: timedelta) -> datetime | None:
    """Return when *budget* is used up; None where that is after the walk."""
    number, into = divmod(start - first, MINUTE)
    left = budget // _MICROSECOND
    here = (MINUTE - into) // _MICROSECOND
    while left:
        if number == len(opened):
            return None
        if opened[number]:
            if left <= here:
                return first + (number + 1) * MINUTE - (here - left) * _MICROSECOND
            left -= here
        number, here = number + 1, _A_MINUTE
    return start


def utc(text: str) -> datetime:
    """Return an instant written without its zone, in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
