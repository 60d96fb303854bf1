"""Time zones out of the pinned package tzdata. The operating system's copy, of whatever age, is never read."""

from datetime import tzinfo
from functools import cache
from importlib.resources import files
from typing import Final
from zoneinfo import ZoneInfo

import tzdata

from psms.domain.sla.zones import UnknownZone


class PinnedZones:
    """The release of the IANA data that is locked in requirements.txt."""

    version: Final[str] = tzdata.IANA_VERSION

    def zone(self, name: str, /) -> tzinfo:
        """Return the zone called *name*, or raise UnknownZone."""
        if name not in _names():
            raise UnknownZone(f"there is no time zone {name!r}; write it as in Europe/Paris")
        return _zone(name)


@cache
def _names() -> frozenset[str]:
    return frozenset((files(tzdata) / "zones").read_text(encoding="utf-8").split())


@cache
def _zone(name: str) -> tzinfo:
    with files(tzdata).joinpath("zoneinfo", *name.split("/")).open("rb") as data:
        return ZoneInfo.from_file(data, key=name)
