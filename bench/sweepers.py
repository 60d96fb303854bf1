"""Real workers that sweep, started as an installation starts them, and waited for. What they sweep is elsewhere."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from bench import processes
from bench.system import PROJECT
from psms.embedded.launch import tied
from psms.ports import Nudger
from psms.settings import Settings
from tests.support.keys import TEST_KEK
from tests.support.waiting import eventually
from workflows.boot import runtime_for
from workflows.names import Task

_IS_DUE = "SELECT EXISTS (SELECT FROM sla_timers WHERE next_at < psms_now())"
# Beat nudges once a second; here everybody is to begin at once.
_NUDGE_EVERY_S = 0.1
_START_S, _STOP_S, _WITHIN_S = 120.0, 30.0, 240.0
_READY = "ready"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweepers:
    """Workers of the queue of timers, and how to nudge them."""

    nudger: Nudger
    pids: list[int]
    superuser_url: str

    def cpu_s(self) -> float:
        """Return the CPU time that the workers have used."""
        return processes.cpu_seconds(self.pids)

    def drain(self) -> float:
        """Nudge until nothing is due any more, and return the seconds that it took."""
        with psycopg.connect(self.superuser_url, autocommit=True) as connection:
            began = time.monotonic()
            while connection.execute(_IS_DUE).fetchone() == (True,):
                assert time.monotonic() < began + _WITHIN_S, "the workers do not get on"
                self.nudger.nudge(Task.FIRE_SLA_TIMERS)
                time.sleep(_NUDGE_EVERY_S)
            return time.monotonic() - began


@contextmanager
def running_sweepers(count: int, home: Path, app_url: str, superuser_url: str, redis_url: str) -> Iterator[Sweepers]:
    """Run *count* workers of the queue of timers on a database."""
    variables = {"DATABASE_URL": app_url, "REDIS_URL": redis_url, "PSMS_KEK": TEST_KEK, "PSMS_HOME": str(home)}
    with ExitStack() as stack:
        homes = [home / f"sweeper{n}" for n in range(count)]
        workers = [stack.enter_context(_worker(one, variables)) for one in homes]
        for one in homes:
            eventually((one / _READY).exists, within=_START_S, what=f"a worker that logs to {one / 'log'}")
        nudger = runtime_for(Settings.from_env(variables)).nudger
        yield Sweepers(nudger=nudger, pids=[worker.pid for worker in workers], superuser_url=superuser_url)


@contextmanager
def _worker(directory: Path, variables: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    directory.mkdir(parents=True)
    command = (sys.executable, "-m", "psms", "worker", "--queues", "timers", "--name", directory.name, "--threads", "1")
    with (directory / "log").open("wb") as log:
        worker = subprocess.Popen(
            tied(command, signal.SIGKILL),
            cwd=PROJECT,
            env={**os.environ, **variables, "PSMS_READY_FILE": str(directory / _READY)},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        yield worker
    finally:
        worker.terminate()
        worker.wait(_STOP_S)
