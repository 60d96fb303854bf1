"""Gives a Python process a wrong clock before it imports anything: put this directory on its PYTHONPATH.

WRONG_CLOCK names the processes and their error in seconds, as in `worker --queues webhooks=-3600,beat=3600`. Only what
Python itself reads is wrong; the database's clock and monotonic time are not this process's.
"""

import datetime as dt
import os
import time
from pathlib import Path
from typing import Any

from typing_extensions import override


def _error_s() -> float:
    line = Path("/proc/self/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    entries = (entry.rpartition("=") for entry in os.environ.get("WRONG_CLOCK", "").split(",") if entry)
    return next((float(seconds) for part, _, seconds in entries if part in line), 0.0)


def _shift(seconds: float) -> None:
    real_time, real_ns, real = time.time, time.time_ns, dt.datetime
    error = dt.timedelta(seconds=seconds)

    class Kind(type):
        """Takes every datetime for one of the class, as makers of datetimes in C know nothing of it."""

        @override
        def __instancecheck__(cls, one: object) -> bool:
            return isinstance(one, real)

        @override
        def __subclasscheck__(cls, one: type) -> bool:
            return issubclass(one, real)

    class Wrong(dt.datetime, metaclass=Kind):
        """A datetime whose present is wrong; what it makes are plain ones."""

        def __new__(cls, *arguments: Any, **named: Any) -> Any:
            return real(*arguments, **named)

        @classmethod
        @override
        def now(cls, tz: dt.tzinfo | None = None) -> Any:
            return real.now(tz) + error

        @classmethod
        @override
        def utcnow(cls) -> Any:
            return real.now(dt.UTC).replace(tzinfo=None) + error

    Wrong.__name__ = Wrong.__qualname__ = "datetime"
    Wrong.__module__ = "datetime"
    time.time = lambda: real_time() + seconds
    time.time_ns = lambda: real_ns() + int(seconds * 1e9)
    dt.datetime = Wrong  # type: ignore[misc]


if _wrong := _error_s():
    _shift(_wrong)
