"""Waiting for something to become true, with a deadline; never a bare sleep in a test."""

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

T = TypeVar("T")

_POLL_S = 0.02


def eventually(check: Callable[[], T], *, within: float = 5.0, what: str = "the condition") -> T:
    """Return the first truthy answer of *check*; fail the test when none came *within* seconds."""
    deadline = time.monotonic() + within
    while True:
        answer = check()
        if answer:
            return answer
        if time.monotonic() > deadline:
            message = f"{what} did not come true within {within} s; the last answer was {answer!r}"
            raise AssertionError(message)
        time.sleep(_POLL_S)


def paced(count: int, per_second: float) -> Iterator[int]:
    """Yield 0 to *count* - 1 at a steady pace that does not slow down when the caller is late."""
    start = time.monotonic()
    for number in range(count):
        time.sleep(max(0.0, start + number / per_second - time.monotonic()))
        yield number
