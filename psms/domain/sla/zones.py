"""Where zones come from, as the engine sees it. Reading them is the work of `psms.adapters.zones`."""

import re
from datetime import tzinfo
from typing import Protocol


class UnknownZone(ValueError):
    """The time-zone data has no zone of this name."""


class ZoneData(Protocol):
    """One release of the IANA time-zone data."""

    @property
    def version(self) -> str:
        """The release, as in 2026f: a part of what a compiled calendar depends on."""
        ...

    def zone(self, name: str, /) -> tzinfo:
        """Return the zone called *name*, as in Europe/Paris, or raise UnknownZone."""
        ...


def package_version(release: str) -> str:
    """Return the version of the package tzdata with a *release*: 2026.6 for 2026f; another form stays as it is."""
    named = re.fullmatch(r"(\d{4})([a-z])", release)
    return release if named is None else f"{named[1]}.{ord(named[2]) - ord('a') + 1}"
