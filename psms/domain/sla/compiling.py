"""From a calendar to its open intervals in UTC, with running totals. Questions to them are asked in `hours`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from itertools import accumulate

from psms.domain.sla.calendars import Calendar, Shift
from psms.domain.sla.instants import DAY, MINUTE, day_number, weekday_of
from psms.domain.sla.wall_clock import WallClock, wall_clock

Interval = tuple[int, int]

# No zone was ever further from UTC, and a shift that began a day earlier may reach in.
_MARGIN_DAYS = 3


@dataclass(frozen=True, slots=True)
class Table:
    """The open intervals between two instants, sorted and apart, after an empty one at the beginning.

    *before* and *through* are the open time from *first* to the begin and to the end of each interval.
    """

    first: int
    last: int
    begins: tuple[int, ...]
    ends: tuple[int, ...]
    before: tuple[int, ...]
    through: tuple[int, ...]


def compile_calendar(calendar: Calendar, zone: tzinfo, first: int, last: int) -> Table:
    """Return the open intervals of *calendar* from *first* to *last*, its wall times read in *zone*."""
    days = range(first // DAY - _MARGIN_DAYS, last // DAY + _MARGIN_DAYS + 1)
    clock = wall_clock(zone, days[0] * DAY, (days[-1] + 1) * DAY)
    opened = merged(sorted(_shifts(calendar, clock, days)))
    closed = [(clock.first_instant(day * DAY), clock.first_instant((day + 1) * DAY)) for day in _closed(calendar, days)]
    return _table(without(opened, closed), first, last)


def closes_for_good_at(calendar: Calendar) -> int | None:
    """Return an instant after which *calendar* never opens; None when it opens every week.

    Holidays come to an end, and so does what is left of a calendar that has nothing but exceptions.
    """
    if any(calendar.weekly):
        return None
    return max((day_number(one.day) + _MARGIN_DAYS) * DAY for one in calendar.exceptions) if calendar.exceptions else 0


def merged(intervals: Sequence[Interval]) -> list[Interval]:
    """Return sorted intervals with those that overlap or touch made one, and without empty ones."""
    kept: list[Interval] = []
    for begin, end in intervals:
        if kept and begin <= kept[-1][1]:
            if end > kept[-1][1]:
                kept[-1] = (kept[-1][0], end)
        elif begin < end:
            kept.append((begin, end))
    return kept


def without(intervals: Sequence[Interval], removed: Sequence[Interval]) -> list[Interval]:
    """Return what is left of *intervals* outside *removed*; both are sorted."""
    kept: list[Interval] = []
    skipped = 0
    for begin, end in intervals:
        while skipped < len(removed) and removed[skipped][1] <= begin:
            skipped += 1
        at = begin
        for out, back in removed[skipped:]:
            if out >= end:
                break
            if at < out:
                kept.append((at, out))
            at = max(at, back)
        if at < end:
            kept.append((at, end))
    return kept


def _shifts(calendar: Calendar, clock: WallClock, days: range) -> Iterator[Interval]:
    week = [_edges(shifts) for shifts in calendar.weekly]
    exceptions = {day_number(one.day): _edges(one.shifts) for one in calendar.exceptions}
    holidays = {day_number(day) for day in calendar.holidays}
    first_instant = clock.first_instant
    for day in days:
        if day in exceptions:
            edges = exceptions[day]
        elif day in holidays:
            continue
        else:
            edges = week[weekday_of(day)]
        midnight = day * DAY
        for start, end in edges:
            yield first_instant(midnight + start), first_instant(midnight + end)


def _edges(shifts: Sequence[Shift]) -> list[Interval]:
    return [(shift.start * MINUTE, shift.last * MINUTE) for shift in shifts]


def _closed(calendar: Calendar, days: range) -> list[int]:
    """Return the days that are closed from midnight to midnight, in order."""
    exceptions = {day_number(one.day): one.shifts for one in calendar.exceptions}
    closed = {day for day, shifts in exceptions.items() if not shifts}
    closed |= {day_number(day) for day in calendar.holidays} - exceptions.keys()
    return sorted(day for day in closed if day in days)


def _table(intervals: Sequence[Interval], first: int, last: int) -> Table:
    inside = [(max(begin, first), min(end, last)) for begin, end in intervals if begin < last and end > first]
    through = tuple(accumulate((end - begin for begin, end in inside), initial=0))
    return Table(
        first=first,
        last=last,
        begins=(first, *(begin for begin, _ in inside)),
        ends=(first, *(end for _, end in inside)),
        before=(0, *through[:-1]),
        through=through,
    )
