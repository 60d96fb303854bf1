"""Compiled calendars, kept by the calendar's version and the release of the time-zone data. Measures nothing."""

from collections.abc import Callable

from psms.domain.sla.calendars import Calendar
from psms.domain.sla.hours import ROUND_THE_CLOCK, CompiledHours, Hours
from psms.domain.sla.zones import ZoneData

# Five years of a calendar with one shift a day take some 200 KB.
CAPACITY = 256


class HoursCache:
    """The hours of calendars' versions, each compiled once in a process. Threads may share it.

    Versions never change, so that nothing is ever taken out but to make room, oldest first.
    """

    def __init__(self, zones: ZoneData, capacity: int = CAPACITY) -> None:
        """Read zones from *zones*, and keep the hours of *capacity* calendars at most."""
        self._zones = zones
        self._capacity = capacity
        self._kept: dict[tuple[str, str], Hours] = {}

    def hours_of(self, version: str, calendar: Callable[[], Calendar], around: int) -> Hours:
        """Return the hours of a calendar's *version*; *calendar* is asked for it the first time.

        A zone that the time-zone data do not know raises UnknownZone.
        """
        key = version, self._zones.version
        hours = self._kept.get(key)
        if hours is None:
            # Two threads may compile the same calendar: they keep the same answer.
            hours = self._compiled(calendar(), around)
            self._kept[key] = hours
            while len(self._kept) > self._capacity:
                self._kept.pop(next(iter(self._kept)), None)
        return hours

    def _compiled(self, calendar: Calendar, around: int) -> Hours:
        if calendar.always_open:
            return ROUND_THE_CLOCK
        return CompiledHours(calendar, self._zones.zone(calendar.time_zone), around)
