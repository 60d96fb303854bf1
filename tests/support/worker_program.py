"""A worker or Beat of PSMS with drains that only write down that they ran: `python -m tests.support.worker_program`.

Everything around the drains is the product's: Celery, the pool, the fallback, signals and deadlines. The first
argument is `worker` or `beat`; the second a file for the runs; then, for a worker, how long a run takes and how
long the end may take, in seconds.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event

from psms.settings import Settings
from psms.telemetry import set_up_logs
from workers.beat import run_beat
from workers.serve import WorkerPlan, serve
from workflows.names import Queue, Task


def _drain(runs: Path, task: Task, takes_s: float) -> Callable[[], int]:
    def run() -> int:
        _write(runs, f"{task} began {time.monotonic():.4f}")
        Event().wait(takes_s)
        _write(runs, f"{task} ended {time.monotonic():.4f}")
        return 0

    return run


def _write(runs: Path, line: str) -> None:
    with runs.open("a", encoding="utf-8") as file:
        file.write(line + "\n")


def main() -> int:
    """Do as the arguments say."""
    what, runs = sys.argv[1], Path(sys.argv[2])
    settings = Settings.from_env()
    set_up_logs(as_json=False, service=what)
    if what == "beat":
        run_beat(settings)
        return 0
    takes_s, stop_within_s = map(float, sys.argv[3:])
    plan = WorkerPlan(name="test", queues=tuple(Queue), threads=4, stop_within_s=stop_within_s)
    return serve(settings, plan, {task: _drain(runs, task, takes_s) for task in Task}, Event())


if __name__ == "__main__":
    sys.exit(main())
