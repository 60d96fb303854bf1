"""A bounded pool of threads, without a queue, for work that waits on others; what it is, it does not know."""

import contextvars
import os
import time
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Condition, Thread
from typing import TypeVar

T = TypeVar("T")


class SlotsFull(RuntimeError):
    """Work was submitted although no slot was free: ask `free` first."""


class SlotsClosed(RuntimeError):
    """Work was submitted after the pool was closed."""


class Slots:
    """*size* slots, each a daemon thread that starts when first needed, called by *name* and a number.

    Not `concurrent.futures.ThreadPoolExecutor`, which queues without a bound and whose threads keep a process
    from ending while one of them waits on a dead partner. Make one a process and kind of work.
    """

    def __init__(self, size: int, *, name: str = "psms-slot") -> None:
        self._size = size
        self._name = name
        self._start_empty()
        # Threads do not survive a fork, and a lock held at that instant would never be released.
        os.register_at_fork(after_in_child=self._start_empty)

    def _start_empty(self) -> None:
        self._changed = Condition()
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._busy = 0
        self._threads = 0
        self._closed = False

    @property
    def size(self) -> int:
        """How many pieces of work may be under way at once."""
        return self._size

    @property
    def free(self) -> int:
        """How many more pieces of work may be submitted now; none after `close`."""
        with self._changed:
            return 0 if self._closed else self._size - self._busy

    def submit(self, work: Callable[..., T], /, *args: object) -> Future[T]:
        """Start *work* with *args* in a slot, in a copy of the caller's context; the future is its outcome.

        Raises SlotsFull when every slot is taken, and SlotsClosed after `close`.
        """
        future: Future[T] = Future()
        context = contextvars.copy_context()
        with self._changed:
            if self._closed:
                raise SlotsClosed("these slots are closed: the process is ending")
            if self._busy >= self._size:
                raise SlotsFull(f"all {self._size} slots are taken: submit no more than `free` says")
            if self._threads <= self._busy:
                Thread(target=self._serve, name=f"{self._name}-{self._threads + 1}", daemon=True).start()
                self._threads += 1
            self._busy += 1
            self._jobs.put(lambda: self._run(future, lambda: context.run(work, *args)))
        return future

    def close(self, wait_s: float) -> bool:
        """Take no more work, wait at most *wait_s* seconds for what runs, and tell whether all is done."""
        deadline = time.monotonic() + wait_s
        with self._changed:
            if not self._closed:
                self._closed = True
                for _ in range(self._threads):
                    self._jobs.put(None)
            return self._changed.wait_for(lambda: not self._busy, deadline - time.monotonic())

    def _serve(self) -> None:
        jobs = self._jobs
        while (job := jobs.get()) is not None:
            job()

    def _run(self, future: Future[T], work: Callable[[], T]) -> None:
        try:
            answer = work()
        except BaseException as problem:  # noqa: BLE001 - whatever it was, it belongs to the reader of the future
            self._release()
            future.set_exception(problem)
        else:
            self._release()
            future.set_result(answer)

    def _release(self) -> None:
        # Before the future is set: whoever learns of the end may submit at once.
        with self._changed:
            self._busy -= 1
            self._changed.notify_all()
