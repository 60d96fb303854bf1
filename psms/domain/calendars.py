"""Open time: what counts towards a target. Which calendar applies to a clock is its policy's choice."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

_ZERO = timedelta(0)


class Calendar(Protocol):
    """A measure of open time over the line of instants."""

    def elapsed(self, start: datetime, end: datetime, /) -> timedelta:
        """Return the open time in [start, end); negative when *end* is before *start*."""
        ...

    def add(self, start: datetime, duration: timedelta, /) -> datetime:
        """Return the earliest instant not before *start* with *duration* of open time between the two."""
        ...


@dataclass(frozen=True, slots=True)
class AlwaysOpen:
    """Every instant counts."""

    def elapsed(self, start: datetime, end: datetime, /) -> timedelta:
        """Return the time from *start* to *end*."""
        return end - start

    def add(self, start: datetime, duration: timedelta, /) -> datetime:
        """Return *start* plus *duration*; a negative duration raises ValueError."""
        if duration < _ZERO:
            message = "a budget of open time cannot be negative"
            raise ValueError(message)
        return start + duration


ALWAYS_OPEN = AlwaysOpen()
