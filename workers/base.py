"""What tasks have in common: log context, counters, and that no error leaves them. No drain lives here."""

from collections.abc import Callable, Mapping
from threading import Event
from typing import cast

from celery import Celery, Task, shared_task
from prometheus_client import Counter

from psms.errors import PsmsError
from psms.telemetry import DRAINS, WAKEUPS_MISSED, bound, logger
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

    @property
    def busy(self) -> bool:
        """Whether any drain runs now."""
        return any(run.running for run in self._runs.values())

    def idle_s(self, task: names.Task) -> float:
        """Return for how many seconds *task*'s drain has not run in this process; 0 while it runs."""
        return self._runs[task].idle_s()


class DrainingApp(Celery):
    """The Celery application of a worker, which knows the drains of its process."""

    drains: Drains


def drain_task(*, name: names.Task) -> "Task[[], None]":
    """Return the Celery task called *name*, without arguments, result or retries: rows have all three."""

    @shared_task(name=name.value, bind=True)
    def look_now(task: "Task[[], None]") -> None:
        with bound(task_id=task.request.id):
            cast("DrainingApp", task.app).drains.run(name, asked_by="nudge")

    return look_now


class _Watched:
    """One drain, run so that whatever it raises ends in the log."""

    def __init__(self, task: names.Task, drain: Callable[[], int]) -> None:
        self._task = task.value
        self._drain = drain
        self._failing = ""

    def attempt(self, asked_by: str) -> None:
        DRAINS.labels(task=self._task, asked_by=asked_by).inc()
        with bound(task=self._task, asked_by=asked_by):
            found = self._run()
        if asked_by == "fallback":
            WAKEUPS_MISSED.labels(task=self._task).inc(found)

    def _run(self) -> int:
        found = 0
        try:
            found = self._drain()
        except PsmsError as refusal:
            # Such as a PostgreSQL that is down: the same each second, so it is told once.
            if self._is_new(refusal.code):
                log.warning("drain_refused", code=refusal.code, reason=refusal.detail)
        except Exception as defect:
            # The last line of defence: a worker outlives whatever its drains raise.
            trace = defect if self._is_new(type(defect).__name__) else None
            log.exception("drain_failed", reason=repr(defect), exc_info=trace)
        else:
            if self._failing:
                log.info("drain_works_again")
            self._failing = ""
        return found

    def _is_new(self, error: str) -> bool:
        DRAIN_FAILURES.labels(task=self._task, error=error).inc()
        was, self._failing = self._failing, error
        return error != was
