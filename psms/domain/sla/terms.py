"""What a clock is to keep to: target, calendar, levels, and what reopening does. How a clock runs is in `clocks`."""

from dataclasses import dataclass
from enum import StrEnum

from psms.domain.tickets import Status

PAUSED_BY_DEFAULT = frozenset({Status.PENDING, Status.ON_HOLD})


class Metric(StrEnum):
    """What is promised."""

    FIRST_RESPONSE = "first_response"
    NEXT_RESPONSE = "next_response"
    PERIODIC_UPDATE = "periodic_update"
    RESOLUTION = "resolution"
    WITH_TEAM = "with_team"  # between teams; nothing of it is promised to the customer

    @property
    def is_operational(self) -> bool:
        """Tell whether teams agree on it among themselves, so that it is never counted or shown with promises."""
        return self is Metric.WITH_TEAM


PROMISED = tuple(metric for metric in Metric if not metric.is_operational)
"""What can be promised to customers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PercentLevel:
    """Reached when *percent* of the target is consumed, rounded up to the microsecond."""

    id: str
    percent: int

    def threshold(self, target: int) -> int:
        """Return the consumed time at which this level is reached."""
        return -(-target * self.percent // 100)


@dataclass(frozen=True, slots=True, kw_only=True)
class OffsetLevel:
    """Reached when the target and *offset* of open time are consumed; before the target where it is negative."""

    id: str
    offset: int

    def threshold(self, target: int) -> int:
        """Return the consumed time at which this level is reached, at least zero."""
        return max(0, target + self.offset)


@dataclass(frozen=True, slots=True, kw_only=True)
class WallLevel:
    """Reached *offset* after the breach, by the clock on the wall: at night and while paused as well."""

    id: str
    offset: int


Level = PercentLevel | OffsetLevel | WallLevel

BREACH = PercentLevel(id="breach", percent=100)
AT_RISK = PercentLevel(id="at_risk", percent=80)


class Reopening(StrEnum):
    """What becomes of a clock that has ended when its ticket is reopened."""

    RESUME = "resume"  # it counts on, as if it had been paused since; what was met is withdrawn
    NEW_CYCLE = "new_cycle"  # it stays as it is, and a new cycle starts from zero


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What one metric of a policy's version promises. Spans are in microseconds.

    *calendar* is the key of a calendar's version. *reopen_floor_percent* of the target is left at least when a clock
    resumes after a reopening, since a clock that has nothing left would be breached in that instant.
    """

    target: int
    calendar: str
    levels: tuple[Level, ...] = (AT_RISK, BREACH)
    pause_on: frozenset[Status] = frozenset()
    reopening: Reopening = Reopening.RESUME
    reopen_floor_percent: int = 0
