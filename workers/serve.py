"""One worker process: Celery's worker on a pool of threads, the fallback beside it, and their end."""

import gc
import logging
import os
import socket
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Event, Thread

from celery import signals
from celery.exceptions import CPendingDeprecationWarning, SecurityWarning
from celery.worker import WorkController

from psms.settings import Settings
from psms.telemetry import logger
from workers.app import make_celery
from workers.base import DrainingApp, Drains
from workers.connection import NothingLost
from workers.fallback import Fallback, FallbackStep
from workers.readiness import Readiness
from workflows.names import QUEUE_OF, Queue, Task

_FORCED = 1
_LOOK_S = 0.05
_FAREWELL_S = 3.0

log = logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerPlan:
    """What one worker process is to do: under which name, for which queues, with how many threads."""

    name: str
    queues: tuple[Queue, ...]
    threads: int
    # A drain finishes what it holds within its own deadlines; whoever asked for the end waits no longer.
    stop_within_s: float = 20.0

    @property
    def node(self) -> str:
        """The name by which Celery, Flower and delivery attempts know this process."""
        return f"{self.name}@{socket.gethostname()}"

    @property
    def tasks(self) -> tuple[Task, ...]:
        """The tasks that travel on its queues."""
        return tuple(task for task in Task if QUEUE_OF[task] in self.queues)


def serve(settings: Settings, plan: WorkerPlan, drains: Mapping[Task, Callable[[], int]], stopping: Event) -> int:
    """Run *drains* when nudged, and by the fallback otherwise, until SIGTERM; return the exit status.

    *stopping* is set at SIGTERM, so that drains claim nothing new. The process ends within the
    seconds that the plan gives it: what is cut off is leased, and others take it up when the lease ends.
    """
    readiness = Readiness(settings.ready_file)
    app = make_celery(settings)
    app.drains = Drains(drains, stopping)
    fallback = Fallback(
        app.drains,
        plan.tasks,
        after_s=settings.fallback_after_s,
        on_run=lambda: readiness.ready(f"worker {plan.name} is ready, though without nudges so far"),
    )
    app.steps["worker"].add(FallbackStep)
    _listen(plan, readiness, stopping)
    Thread(target=_end_in_time, args=(app.drains, plan.stop_within_s), name="stop deadline", daemon=True).start()
    worker = _celery_worker(app, plan, fallback)
    # What is imported by now stays: the collector, which looked at it again and again, took a third of a sweep's time.
    gc.freeze()
    worker.start()
    return worker.exitcode or 0


def _celery_worker(app: DrainingApp, plan: WorkerPlan, fallback: Fallback) -> WorkController:
    # Even as root: messages that are never unpickled carry no code to run.
    warnings.simplefilter("ignore", SecurityWarning)
    logging.getLogger("celery.worker.request").addFilter(NothingLost())
    worker = app.Worker(
        hostname=plan.node,
        queues=[queue.value for queue in plan.queues],
        # Threads wait on PostgreSQL and on partners; they need neither a fork nor a greenlet.
        pool_cls="threads",
        concurrency=plan.threads,
        # Neither is needed, and each is one more thing to recover after Redis was away.
        without_gossip=True,
        without_mingle=True,
        quiet=True,
        fallback=fallback,
    )
    # That a drain goes on when the connection is lost is decided. Celery has just switched its warning on.
    warnings.simplefilter("ignore", CPendingDeprecationWarning)
    return worker


def _listen(plan: WorkerPlan, readiness: Readiness, stopping: Event) -> None:
    def leave_logging_alone(**_: object) -> None:
        """Celery configures no logging once this signal has a receiver."""

    def ready(**_: object) -> None:
        readiness.ready(f"worker {plan.name} is ready: queues {', '.join(plan.queues)}")

    def stop(**_: object) -> None:
        if not stopping.is_set():
            stopping.set()

    signals.setup_logging.connect(leave_logging_alone, weak=False)
    signals.worker_ready.connect(ready, weak=False)
    signals.worker_shutting_down.connect(stop, weak=False)


def _end_in_time(drains: Drains, within_s: float) -> None:
    drains.stopping.wait()
    deadline = time.monotonic() + within_s
    while drains.busy and time.monotonic() < deadline:
        time.sleep(_LOOK_S)
    if drains.busy:
        log.warning("worker_stop_forced", after_s=within_s)
        os._exit(_FORCED)
    # All work is done and recorded. What remains is Celery's farewell to Redis, which may be frozen.
    time.sleep(_FAREWELL_S)
    os._exit(0)
