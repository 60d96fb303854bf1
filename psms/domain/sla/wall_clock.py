"""When a zone's wall clock first reads a time. What the times open and close is not known here.

A wall time takes effect at the first instant at which the clock reads it or later: in a fold the first occurrence, in
a gap the instant of the jump. So a later wall time never maps to an earlier instant. RFC 5545 (section 3.3.5) and
PostgreSQL's AT TIME ZONE map times in a gap past the jump, and so out of order.
"""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from itertools import accumulate, pairwise

from psms.domain.sla.instants import DAY, EPOCH, SECOND, microseconds_of

_NAIVE_EPOCH = EPOCH.replace(tzinfo=None)
# No zone ever changed twice within it; a test looks through the pinned data.
PROBE_STEP = 3 * DAY
_FIRST, _LAST = (
    microseconds_of(edge - _NAIVE_EPOCH)
    for edge in (datetime(2, 1, 1), datetime(9998, 12, 31))  # noqa: DTZ001
)


@dataclass(frozen=True, slots=True)
class WallClock:
    """The clock of a zone over a stretch of time, as its periods of one offset each."""

    begins: tuple[int, ...]
    offsets: tuple[int, ...]
    # The latest wall time that was ever read, when each period but the last ends; never falls.
    reached: tuple[int, ...]

    def first_instant(self, wall: int) -> int:
        """Return the first instant at which the clock reads *wall* or later."""
        period = bisect_right(self.reached, wall)
        return max(self.begins[period], wall - self.offsets[period])


def wall_clock(zone: tzinfo, first: int, last: int) -> WallClock:
    """Return the clock of *zone* for the instants from *first* to *last*.

    The zone is asked every third day, and where two answers differ the change is found by bisection, to the second.
    """
    first, last = (min(max(edge // SECOND * SECOND, _FIRST), _LAST) for edge in (first, last))
    begins, offsets = [first], [_offset(zone, first)]
    for before, after in pairwise((*range(first, last, PROBE_STEP), last)):
        if _offset(zone, after) != offsets[-1]:
            begins.append(_change(zone, before, after))
            offsets.append(_offset(zone, after))
    ends = (end + offset for end, offset in zip(begins[1:], offsets, strict=False))
    return WallClock(begins=tuple(begins), offsets=tuple(offsets), reached=tuple(accumulate(ends, max)))


def _offset(zone: tzinfo, instant: int) -> int:
    utc = _NAIVE_EPOCH + timedelta(microseconds=instant)
    return microseconds_of(zone.fromutc(utc.replace(tzinfo=zone)).replace(tzinfo=None) - utc)


def _change(zone: tzinfo, before: int, after: int) -> int:
    """Return the first whole second after *before* at which the offset is that of *after*."""
    changed = _offset(zone, after)
    low, high = before // SECOND, after // SECOND
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _offset(zone, middle * SECOND) == changed else (middle, high)
    return high * SECOND
