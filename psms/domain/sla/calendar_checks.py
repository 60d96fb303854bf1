"""What is wrong with a calendar that somebody wants to save. What it measures is in `hours`."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from psms.domain.sla.calendars import MINUTES_A_DAY, Calendar, Shift
from psms.domain.sla.compiling import compile_calendar
from psms.domain.sla.instants import DAY
from psms.domain.sla.zones import UnknownZone, ZoneData

# Within so many days a calendar must open, or a deadline would never come.
OPENS_WITHIN_DAYS = 400
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong, and in which field of the calendar's document."""

    field: str
    message: str


def faults_of(calendar: Calendar, zones: ZoneData, at: int) -> tuple[Fault, ...]:
    """Return everything that is wrong with *calendar* for use from *at* on; nothing when it may be saved."""
    try:
        zone = zones.zone(calendar.time_zone)
    except UnknownZone as unknown:
        return (Fault(field="time_zone", message=str(unknown)),)
    if calendar.always_open:
        return ()
    faults = [*_shift_faults(calendar), *_overlaps(calendar.weekly), *_repeated(calendar)]
    if not faults and not compile_calendar(calendar, zone, at, at + OPENS_WITHIN_DAYS * DAY).through[-1]:
        message = f"the calendar does not open within {OPENS_WITHIN_DAYS} days; give it a shift"
        faults.append(Fault(field="weekly", message=message))
    return tuple(faults)


def _shift_faults(calendar: Calendar) -> Iterator[Fault]:
    days = [(f"weekly.{name}", shifts) for name, shifts in zip(WEEKDAYS, calendar.weekly, strict=True)]
    days += [(f"exceptions.{one.day}", one.shifts) for one in calendar.exceptions]
    for field, shifts in days:
        for shift in shifts:
            message = _shift_fault(shift)
            if message:
                yield Fault(field=field, message=message)
        if field.startswith("exceptions") and _overlapping(sorted((s.start, s.last) for s in shifts)):
            yield Fault(field=field, message="two shifts overlap; make them one")


def _shift_fault(shift: Shift) -> str | None:
    if not (0 <= shift.start < MINUTES_A_DAY and 0 <= shift.end <= MINUTES_A_DAY):
        return "a shift begins between 00:00 and 23:59 and ends between 00:00 and 24:00"
    if shift.start == shift.end:
        return "a shift has the same start and end; write 00:00 to 24:00 for a whole day"
    return None


def _overlaps(weekly: Sequence[Sequence[Shift]]) -> Iterator[Fault]:
    """Look at the week as a ring: the last night's shift ends on Monday."""
    week = 7 * MINUTES_A_DAY
    spans = sorted(
        (day * MINUTES_A_DAY + shift.start, day * MINUTES_A_DAY + shift.last)
        for day, shifts in enumerate(weekly)
        for shift in shifts
    )
    around = [*spans, *((start + week, end + week) for start, end in spans[:1])]
    for at in _overlapping(around):
        name = WEEKDAYS[at // MINUTES_A_DAY % 7]
        yield Fault(field=f"weekly.{name}", message="two shifts overlap; make them one")


def _overlapping(spans: Sequence[tuple[int, int]]) -> list[int]:
    """Return where a span begins before the one before it ended."""
    return [after[0] for before, after in pairwise(spans) if after[0] < before[1]]


def _repeated(calendar: Calendar) -> Iterator[Fault]:
    for day, times in Counter(one.day for one in calendar.exceptions).items():
        if times > 1:
            yield Fault(field=f"exceptions.{day}", message="a date has one exception; put its shifts together")
