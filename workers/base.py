"""What every task has in common: its log context, its counters, and that no error leaves it. No drain lives here."""

from collections.abc import Callable, Mapping
from threading import Event
from typing import cast

from celery import Celery, Task, shared_task
from prometheus_client import Counter

from psms.errors import PsmsError
from psms.telemetry import DRAINS, bound, logger
from workers.coalescing import Coalesced
from workflows import names

DRAIN_FAILURES = Counter("psms_drain_failures", "Drains that raised, by error.", ["task", "error"])

log = logger(__name__)


class Drains:
    """The drains of this process by the name of their task, each running at most once at a time."""

    def __init__(self, drains: Mapping[names.Task, Callable[[], int]], stopping: Event) -> None:
        """Take what to run for each task; once *stopping* is set, nothing new is begun."""
        self.stopping = stopping
        self._runs = {task: Coalesced(_Watched(task, drain).attempt, stopping) for task, drain in drains.items()}

    def run(self, task: names.Task, *, asked_by: str) -> None:
        """Run *task*'s drain, or have its run in progress followed by one more. Nothing is raised."""
        self._runs[task].ask(asked_by)

    def idle_s(self, task: names.Task) -> float:
        """Return for how many seconds *task*'s drain has not run in this process; 0 while it runs."""
        return self._runs[task].idle_s()


class DrainingApp(Celery):
    """The Celery application of a worker, which knows the drains of its process."""

    drains: Drains
    fallback: "Fallback"


def drain_task(*, name: names.Task) -> "Task[[], None]":
    """Return the Celery task called *name*: it has no arguments, no result and no retry, since rows have all three."""

    @shared_task(name=name.value, bind=True)
    def look_now(task: "Task[[], None]") -> None:
        with bound(task=name.value, task_id=task.request.id):
            cast("DrainingApp", task.app).drains.run(name, asked_by="nudge")

    return look_now


class _Watched:
    """One drain, run so that whatever it raises ends in the log."""

    def __init__(self, task: names.Task, drain: Callable[[], int]) -> None:
        self._task = task.value
        self._drain = drain
        self._last_failure = ""

    def attempt(self, asked_by: str) -> None:
        DRAINS.labels(task=self._task, asked_by=asked_by).inc()
        try:
            self._drain()
        except PsmsError as refusal:
            self._count(refusal.code)
            log.warning("drain_refused", drain=self._task, code=refusal.code, reason=refusal.detail)
        except Exception as defect:  # noqa: BLE001 - the last line of defence: the worker outlives any drain
            name = type(defect).__name__
            # The same trouble comes back each second, for instance while PostgreSQL is down: trace it once.
            trace = defect if name != self._last_failure else None
            self._count(name)
            log.error("drain_failed", drain=self._task, error=name, reason=str(defect).partition("\n")[0], exc_info=trace)
        else:
            self._last_failure = ""

    def _count(self, error: str) -> None:
        self._last_failure = error
        DRAIN_FAILURES.labels(task=self._task, error=error).inc()
