"""Waiting for something to become true, with a deadline; never a bare sleep in a test."""

import time
from collections.abc import Callable
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
