"""Open time measured: how much of it lies between two instants, and when a budget of it is used up.

What is open is compiled once, in `compiling`; here are two searches in sorted tuples of integers.
"""

from bisect import bisect_left, bisect_right
from datetime import datetime, timedelta, tzinfo
from typing import Protocol

from psms.domain.sla.calendars import Calendar
from psms.domain.sla.compiling import Table, closes_for_good_at, compile_calendar
from psms.domain.sla.instants import DAY, EPOCH, MICROSECOND

YEAR = 366 * DAY


class NeverOpen(ValueError):
    """The calendar does not open any more, so that a budget of open time is never used up."""


class Hours(Protocol):
    """A measure of open time over instants in microseconds since 1970."""

    def elapsed(self, start: int, end: int, /) -> int:
        """Return the open time in [start, end); negative when *end* is before *start*."""
        ...

    def add(self, start: int, budget: int, /) -> int:
        """Return the earliest instant not before *start* with *budget* of open time between the two.

        A negative budget raises ValueError, one that is never used up NeverOpen. Where the budget ends at closing
        time, so does the answer.
        """
        ...


class RoundTheClock:
    """Every instant is open."""

    __slots__ = ()

    def elapsed(self, start: int, end: int, /) -> int:
        """Return the time from *start* to *end*."""
        return end - start

    def add(self, start: int, budget: int, /) -> int:
        """Return *start* and *budget* together."""
        if budget < 0:
            raise ValueError(f"a budget of open time cannot be negative: {budget}")
        return start + budget


ROUND_THE_CLOCK = RoundTheClock()


class CompiledHours:
    """The hours of one calendar in one zone, compiled from a year before an instant to four years after it.

    Questions beyond that stretch make it longer. Threads may share one: the table is replaced, never changed.
    """

    __slots__ = ("_calendar", "_closes_at", "_table", "_zone")

    def __init__(self, calendar: Calendar, zone: tzinfo, around: int) -> None:
        """Compile *calendar*; its instants are cheapest near *around*."""
        self._calendar = calendar
        self._zone = zone
        self._closes_at = closes_for_good_at(calendar)
        self._table = compile_calendar(calendar, zone, around - YEAR, around + 4 * YEAR)

    def elapsed(self, start: int, end: int, /) -> int:
        """Return the open time in [start, end); negative when *end* is before *start*."""
        table = self._table
        if not (table.first <= start <= table.last and table.first <= end <= table.last):
            table = self._reaching(min(start, end), max(start, end))
        begins, ends, before = table.begins, table.ends, table.before
        late = bisect_right(begins, end) - 1
        early = bisect_right(begins, start) - 1
        total = before[late] - before[early] + end - begins[late] - start + begins[early]
        closed_for = end - ends[late]
        if closed_for > 0:
            total -= closed_for
        closed_for = start - ends[early]
        if closed_for > 0:
            total += closed_for
        return total

    def add(self, start: int, budget: int, /) -> int:
        """Return the earliest instant not before *start* with *budget* of open time between the two."""
        table = self._table
        if not table.first <= start <= table.last:
            table = self._reaching(start, start)
        here = bisect_right(table.begins, start) - 1
        left = table.ends[here] - start
        if left >= budget >= 0:
            return start + budget
        if budget <= 0:
            return self._nothing_to_add(start, budget)
        wanted = table.through[here] + budget
        if left > 0:
            wanted -= left
        if wanted > table.through[-1]:
            return self._add_later(start, budget)
        there = bisect_left(table.through, wanted)
        return table.ends[there] - table.through[there] + wanted

    def elapsed_between(self, start: datetime, end: datetime) -> timedelta:
        """Return the open time between two aware datetimes; negative when *end* is before *start*."""
        # Written out: calls of instant_of would take a quarter of the time.
        return self.elapsed((start - EPOCH) // MICROSECOND, (end - EPOCH) // MICROSECOND) * MICROSECOND

    def add_to(self, start: datetime, budget: timedelta) -> datetime:
        """Return when *budget* of open time from an aware datetime on is used up, in UTC."""
        return EPOCH + self.add((start - EPOCH) // MICROSECOND, budget // MICROSECOND) * MICROSECOND

    @staticmethod
    def _nothing_to_add(start: int, budget: int) -> int:
        if budget < 0:
            raise ValueError(f"a budget of open time cannot be negative: {budget}")
        return start

    def _add_later(self, start: int, budget: int) -> int:
        table = self._table
        if self._closes_at is not None and self._closes_at <= table.last:
            raise NeverOpen("the calendar has no more open time, so that the budget is never used up")
        self._reaching(table.first, table.last + 4 * YEAR)
        return self.add(start, budget)

    def _reaching(self, first: int, last: int) -> Table:
        """Return a table that reaches from *first* to *last* and beyond, and keep it."""
        table = self._table
        if first < table.first:
            first -= YEAR
        if last > table.last:
            last += YEAR
        first, last = min(first, table.first), max(last, table.last)
        self._table = table = compile_calendar(self._calendar, self._zone, first, last)
        return table
