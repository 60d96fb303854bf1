"""Wall-clock deadlines for sockets: one thread shuts down what is overdue, whatever it is busy with.

A socket's own timeout starts anew with every byte: a peer that drips one byte a second holds it for ever.
"""

import heapq
import os
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from math import inf
from threading import Condition, Thread
from typing import Self


@dataclass(slots=True, kw_only=True, eq=False)
class _Entry:
    """A deadline on the clock of `time.monotonic`, and the duplicate of the socket that it ends."""

    deadline: float
    connection: socket.socket | None = None
    fired: bool = False


class Watchdog:
    """The deadlines of this process, in a heap, and the thread that keeps them. Make one a process.

    The thread starts with the first deadline, and again in a forked child. An entry that was moved or ended
    stays in the heap until its time comes and is skipped then: a deadline that is met costs no wake-up.
    """

    def __init__(self) -> None:
        self._start_empty()
        # Threads do not survive a fork, and a lock held at that instant would never be released.
        os.register_at_fork(after_in_child=self._start_empty)

    def _start_empty(self) -> None:
        self._changed = Condition()
        self._heap: list[tuple[float, int, _Entry]] = []
        self._order = count()
        self._wakes_at = inf
        self._thread: Thread | None = None

    def guard(self, deadline: float) -> "Watch":
        """Return a watch that ends at *deadline*, on the clock of `time.monotonic`.

        Use it in a `with`, or call its `close`.
        """
        return Watch(self, _Entry(deadline=deadline))

    def attach(self, entry: _Entry, connection: socket.socket | None) -> None:
        """Shut *connection* at the entry's deadline, and close the one that it had before."""
        with self._changed:
            if entry.connection is not None:
                entry.connection.close()
            entry.connection = connection
            self._expect(entry)

    def move(self, entry: _Entry, deadline: float) -> bool:
        """Give the entry another deadline, and tell whether the one that it had was not reached before."""
        with self._changed:
            entry.deadline = deadline
            self._expect(entry)
            return not entry.fired

    def _expect(self, entry: _Entry) -> None:
        if entry.connection is None:
            return
        heapq.heappush(self._heap, (entry.deadline, next(self._order), entry))
        if self._thread is None:
            thread = Thread(target=self._keep, name="psms-watchdog", daemon=True)
            # Where a limit forbids it, the next deadline tries again.
            thread.start()
            self._thread = thread
        elif entry.deadline < self._wakes_at:
            self._changed.notify()

    def _keep(self) -> None:
        with self._changed:
            while True:
                self._shut_overdue()
                self._wakes_at = self._heap[0][0] if self._heap else inf
                self._changed.wait(self._wakes_at - time.monotonic() if self._heap else None)

    def _shut_overdue(self) -> None:
        now = time.monotonic()
        while self._heap:
            deadline, _, entry = self._heap[0]
            current = entry.connection is not None and entry.deadline == deadline
            if current and deadline > now:
                return
            heapq.heappop(self._heap)
            if current:
                _shut(entry)


class Watch:
    """One deadline, valid until it is closed."""

    def __init__(self, watchdog: Watchdog, entry: _Entry) -> None:
        self._watchdog = watchdog
        self._entry = entry

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Watch no more; the connection is left as it is."""
        self._watchdog.attach(self._entry, None)

    @property
    def deadline(self) -> float:
        """When the connection is shut, on the clock of `time.monotonic`."""
        return self._entry.deadline

    @property
    def fired(self) -> bool:
        """Whether a connection was shut because its time was up."""
        return self._entry.fired

    def attach(self, connection: socket.socket) -> None:
        """Shut *connection* down in both directions at the deadline.

        Works on a duplicate of the descriptor, because TLS detaches the socket that it wraps.
        """
        self._watchdog.attach(self._entry, socket.socket(fileno=os.dup(connection.fileno())))

    def move(self, deadline: float) -> bool:
        """Set another *deadline*; False where the one before was reached already, and the connection is shut."""
        return self._watchdog.move(self._entry, deadline)


def _shut(entry: _Entry) -> None:
    entry.fired = True
    if entry.connection is not None:
        # The peer may have gone already.
        with suppress(OSError):
            entry.connection.shutdown(socket.SHUT_RDWR)
