"""Work that runs once at a time, however often it is asked for; what the work is, is not known here."""

import time
from collections.abc import Callable
from threading import Event, Lock


class Coalesced:
    """Runs *work* when asked. Being asked during a run causes exactly one more run after it.

    *work* is told by whom it was asked. Once *stopping* is set, asking does nothing and nothing is repeated.
    """

    def __init__(self, work: Callable[[str], None], stopping: Event) -> None:
        self._work = work
        self._stopping = stopping
        self._lock = Lock()
        self._running = False
        self._asked_meanwhile: str | None = None
        self._ended = time.monotonic()

    def ask(self, asked_by: str) -> None:
        """Run the work now, in this thread, or have the run in progress followed by one more."""
        asker: str | None = asked_by if self._begin(asked_by) else None
        try:
            while asker is not None and not self._stopping.is_set():
                self._work(asker)
                asker = self._next()
        finally:
            if asker is not None:
                self._end()

    @property
    def running(self) -> bool:
        """Whether a run is in progress."""
        with self._lock:
            return self._running

    def idle_s(self) -> float:
        """Return the seconds since the last run ended, or since the start; 0 during a run."""
        with self._lock:
            return 0.0 if self._running else time.monotonic() - self._ended

    def _begin(self, asked_by: str) -> bool:
        with self._lock:
            if self._running:
                self._asked_meanwhile = asked_by
                return False
            self._running = True
            return True

    def _next(self) -> str | None:
        with self._lock:
            asker, self._asked_meanwhile = self._asked_meanwhile, None
            if asker is None:
                self._running, self._ended = False, time.monotonic()
            return asker

    def _end(self) -> None:
        with self._lock:
            self._running, self._asked_meanwhile, self._ended = False, None, time.monotonic()
