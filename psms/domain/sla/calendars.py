"""Calendars as people write them: weekly shifts, holidays, exceptions. How they measure time is in `hours`."""

from dataclasses import dataclass
from datetime import date

MINUTES_A_DAY = 24 * 60
CLOSED: tuple["Shift", ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class Shift:
    """Open from *start* to *end*, in minutes of the wall clock after midnight of the day that the shift belongs to.

    An *end* that is not after *start* is on the next day. The last end of a day is 1440, midnight.
    """

    start: int
    end: int

    @property
    def last(self) -> int:
        """The end in minutes after midnight of the shift's own day: over 1440 for one that ends the next day."""
        return self.end if self.end > self.start else self.end + MINUTES_A_DAY


@dataclass(frozen=True, slots=True)
class DayException:
    """The shifts of one date, instead of its weekday's, holiday or not; none: closed all day."""

    day: date
    shifts: tuple[Shift, ...] = CLOSED


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """When an organization works, in the wall time of a zone. Immutable: an edit makes another one.

    *weekly* has the shifts of Monday to Sunday. A holiday, and an exception without shifts, closes its date from
    midnight to midnight, the end of the last night's shift with it. An exception counts before a holiday, a holiday
    before the week. Holidays are dates, frozen when the calendar was saved: no library changes a promise later.
    """

    time_zone: str
    weekly: tuple[tuple[Shift, ...], ...] = (CLOSED,) * 7
    holidays: frozenset[date] = frozenset()
    exceptions: tuple[DayException, ...] = ()
    always_open: bool = False


ALWAYS_OPEN = Calendar(time_zone="UTC", always_open=True)
