"""Holidays that a library computed: which were asked for, and which dates were frozen. Computing is an adapter's work.

A newer library may know other dates. That changes no calendar: what it would change is shown, and accepted or not.
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True, kw_only=True)
class HolidaySource:
    """The public holidays of a country, or of a part of it, in some years; codes as in ISO 3166-1 and 3166-2."""

    country: str
    subdivision: str | None = None
    years: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenHolidays:
    """What *library*, with its version, computed for a source when the calendar was saved."""

    source: HolidaySource
    dates: frozenset[date]
    library: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HolidayChanges:
    """The dates that come and go when what is computed today takes the place of what was frozen."""

    added: frozenset[date]
    removed: frozenset[date]


def changes(frozen: FrozenHolidays, computed: FrozenHolidays) -> HolidayChanges:
    """Return what accepting *computed* in place of *frozen* would change."""
    return HolidayChanges(added=computed.dates - frozen.dates, removed=frozen.dates - computed.dates)


def accepted(
    holidays: AbstractSet[date], frozen: FrozenHolidays | None, computed: FrozenHolidays | None
) -> frozenset[date]:
    """Return *holidays* once *computed* has taken the place of *frozen*; what people wrote or took out stays so."""
    before = frozen.dates if frozen else frozenset()
    after = computed.dates if computed else frozenset()
    return frozenset((holidays - (before - after)) | (after - before))
