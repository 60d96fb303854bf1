"""How long a calendar opens in the years to come: a longer target would be searched for in vain at each filing."""

from psms.domain.sla.calendars import Calendar
from psms.domain.sla.compiling import compile_calendar
from psms.domain.sla.hours import YEAR
from psms.domain.sla.instants import SECOND
from psms.domain.sla.zones import ZoneData

YEARS = 10


def open_seconds(calendar: Calendar, zones: ZoneData, at: int) -> int:
    """Return the open time of *calendar* in the ten years from the instant *at*, in whole seconds."""
    if calendar.always_open:
        return YEARS * YEAR // SECOND
    zone = zones.zone(calendar.time_zone)
    return compile_calendar(calendar, zone, at, at + YEARS * YEAR).through[-1] // SECOND
