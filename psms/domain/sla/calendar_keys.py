"""The key by which terms and clocks name a calendar's version in one release of the time-zone data."""

from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

ALWAYS = "always"
"""The key of the calendar that is always open; it has no versions and no zone."""

# More than one organization has calendars; a sweep asks for the same few thousands of times.
_AT_HAND = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarKey:
    """A version of a calendar, measured with one release of the time-zone data."""

    calendar_id: UUID
    version: int
    zone_data: str

    @property
    def text(self) -> str:
        """The key as terms have it."""
        return f"{self.calendar_id}/{self.version}@{self.zone_data}"


@lru_cache(_AT_HAND)
def parse_key(text: str) -> CalendarKey | None:
    """Return what a key of terms names, None for ALWAYS; anything else raises ValueError."""
    if text == ALWAYS:
        return None
    version, at, zone_data = text.partition("@")
    calendar_id, slash, number = version.partition("/")
    if not (at and slash):
        raise ValueError(f"{text!r} is not the key of a calendar's version")
    return CalendarKey(calendar_id=UUID(calendar_id), version=int(number), zone_data=zone_data)


@lru_cache(_AT_HAND)
def key_text(calendar_id: UUID | None, version: int | None, zone_data: str | None) -> str:
    """Return the key that the three columns of a clock or a segment stand for; without a calendar, ALWAYS."""
    if calendar_id is None or version is None or zone_data is None:
        return ALWAYS
    return CalendarKey(calendar_id=calendar_id, version=version, zone_data=zone_data).text
