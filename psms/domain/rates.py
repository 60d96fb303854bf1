"""How often something may be asked for: quotas over sliding windows, and what a caller is told of them.

The counts themselves are kept in `psms.adapters.rates`; who is counted is decided in `api.rate_limit`.
"""

import math
import re
from dataclasses import dataclass

_FORM = re.compile(r"([1-9][0-9]{0,8})/([1-9][0-9]{0,4})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """At most *quota* requests in any *window_s* seconds."""

    quota: int
    window_s: int

    @classmethod
    def parse(cls, text: str) -> "Rate":
        """Read `quota/seconds`; raise ValueError for any other text.

        >>> Rate.parse("600/60")
        Rate(quota=600, window_s=60)
        """
        match = _FORM.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is no rate: write requests/seconds, for example 600/60")
        return cls(quota=int(match[1]), window_s=int(match[2]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """One count against one rate: its *name* is told to the caller, its *key* says whose it is."""

    name: str
    key: str
    rate: Rate


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What is left of a rate: *remaining* requests now, the whole quota again in *reset_s* seconds at most."""

    name: str
    rate: Rate
    remaining: int
    reset_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A reading of each meter, and the first that refuses, with the seconds to wait; None: admitted."""

    readings: tuple[Reading, ...]
    refused_by: str | None = None
    retry_after_s: int = 0


def used(previous: int, current: int, elapsed: float) -> float:
    """Return how many requests count now, *elapsed* (0 to 1) into the current window.

    The window before counts by the share of it that the sliding window still covers: as if its requests
    had come evenly.
    """
    return previous * (1.0 - elapsed) + current


def wait_s(rate: Rate, previous: int, current: int, elapsed: float) -> int:
    """Return after how many whole seconds, one at least, a refused request would be admitted if nobody else asks."""
    if current < rate.quota and previous:
        until = 1.0 - (rate.quota - 1 - current) / previous
        return max(1, math.ceil((until - elapsed) * rate.window_s))
    # The current window has to end, and to slide out as far as makes room for one.
    until = 1.0 - (rate.quota - 1) / max(current, rate.quota)
    return max(1, math.ceil((1.0 - elapsed + until) * rate.window_s))
