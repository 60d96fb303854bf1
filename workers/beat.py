"""Celery Beat as a metronome: when to nudge is in `beat_schedule`, sending is the nudger's."""

from functools import partial
from typing import Any

from celery import signals
from celery.beat import ScheduleEntry, Scheduler
from typing_extensions import override

from beat_schedule import BEAT_SCHEDULE
from psms.adapters.broker import CeleryNudger
from psms.ports import Nudger
from psms.settings import Settings
from workers.app import make_celery
from workers.readiness import Readiness
from workflows.names import QUEUE_OF


class Metronome(Scheduler):
    """Celery's own scheduler, which keeps its schedule in memory.

    The default one keeps in a file when each entry ran last: a file that goes stale, breaks and cannot be
    shared. Nothing needs remembering here: every entry may be sent at any time, by any number of Beats.

    Sends through *nudger*: a Redis that is down or frozen stops neither the schedule nor the process, nudges
    resume by themselves, and a queue that nobody reads stays short.
    """

    def __init__(self, *args: Any, nudger: Nudger, **kwargs: Any) -> None:
        self._nudger = nudger
        super().__init__(*args, **kwargs)

    @property
    @override
    def producer(self) -> Any:
        """Return nothing: Beat's loop asks for it before each entry, and would wait for Redis to have it."""

    @override
    def apply_entry(self, entry: ScheduleEntry, producer: object = None) -> None:
        self._nudger.nudge(str(entry.task))


def run_beat(settings: Settings) -> None:
    """Nudge by the schedule until SIGTERM, which raises SystemExit."""
    readiness = Readiness(settings.ready_file)
    nudger = CeleryNudger(settings.redis_url, {task.value: queue.value for task, queue in QUEUE_OF.items()})
    options: dict[str, Any] = {"scheduler": partial(Metronome, nudger=nudger)}
    app = make_celery(settings)
    app.conf.beat_schedule = BEAT_SCHEDULE

    def ready(**_: object) -> None:
        readiness.ready(f"beat is ready: {len(BEAT_SCHEDULE)} drains")

    def leave_logging_alone(**_: object) -> None:
        """Celery configures no logging once this signal has a receiver."""

    signals.setup_logging.connect(leave_logging_alone, weak=False)
    signals.beat_init.connect(ready, weak=False)
    app.Beat(quiet=True, **options).run()
