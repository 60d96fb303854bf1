"""The fallback: drains that no nudge asked for lately run all the same, so that progress needs no Redis."""

import time
from collections.abc import Callable, Iterable
from threading import Thread
from typing import Any

from celery.bootsteps import StartStopStep
from celery.worker import WorkController
from typing_extensions import override

from beat_schedule import EVERY
from workers.base import Drains
from workflows.names import Task

_BEAT_S = 1.0
# Without a connection to Redis no nudge can come. An event on its way to a partner passes two drains, each of
# which waits for this: both together stay within what one lost nudge costs.
_CUT_OFF_S = 0.5
_SHORTEST_WAIT_S = 0.02
_LONGEST_WAIT_S = 0.25
_JOIN_S = 20.0


class Fallback:
    """One thread for each of *tasks*, so that a long drain delays no other."""

    def __init__(self, drains: Drains, tasks: Iterable[Task], *, after_s: float, on_run: Callable[[], None]) -> None:
        """Run each drain that has not run for *after_s* seconds, or longer if Beat sends it less often.

        *on_run* is called after every such run.
        """
        self._drains = drains
        self._after_s = after_s
        self._on_run = on_run
        self._is_cut_off: Callable[[], bool] = lambda: False
        self._threads = [
            Thread(target=self._watch, args=(task,), name=f"fallback {task}", daemon=True) for task in tasks
        ]

    def start(self, is_cut_off: Callable[[], bool] = lambda: False) -> None:
        """Begin to watch; while *is_cut_off* no nudge can come, and drains are run sooner."""
        self._is_cut_off = is_cut_off
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Begin nothing more, and wait for what runs."""
        if not self._drains.stopping.is_set():
            self._drains.stopping.set()
        deadline = time.monotonic() + _JOIN_S
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _watch(self, task: Task) -> None:
        left_s = _SHORTEST_WAIT_S
        while not self._drains.stopping.wait(min(_LONGEST_WAIT_S, max(_SHORTEST_WAIT_S, left_s))):
            patience_s = self._patience_s(task)
            if self._drains.idle_s(task) >= patience_s:
                self._drains.run(task, asked_by="fallback")
                self._on_run()
            left_s = patience_s - self._drains.idle_s(task)

    def _patience_s(self, task: Task) -> float:
        after_s = min(self._after_s, _CUT_OFF_S) if self._is_cut_off() else self._after_s
        return after_s + EVERY[task].total_seconds() - _BEAT_S


class _CutOff:
    """Tells whether a worker has lost its connection to Redis and has no new one yet."""

    def __init__(self, worker: WorkController) -> None:
        self._worker = worker
        self._was_connected = False

    def __call__(self) -> bool:
        # Celery takes the connection from its consumer when it is lost, and gives it the new one.
        is_connected = getattr(getattr(self._worker, "consumer", None), "connection", None) is not None
        self._was_connected |= is_connected
        return self._was_connected and not is_connected


class FallbackStep(StartStopStep):
    """Starts the fallback with the worker, before Redis is first looked for, and stops it with the worker.

    A step of the worker, not of its consumer: that one is torn down with each lost connection.
    """

    requires = ("celery.worker.components:Pool",)

    def __init__(self, parent: WorkController, *, fallback: Fallback, **options: Any) -> None:
        """Take the *fallback* that was given to the worker as an option."""
        super().__init__(parent, **options)
        self._fallback = fallback

    @override
    def start(self, parent: WorkController) -> None:
        self._fallback.start(_CutOff(parent))

    @override
    def stop(self, parent: WorkController) -> None:
        self._fallback.stop()
