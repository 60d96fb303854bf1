"""Real worker and Beat processes for tests, started, watched and ended. What their drains do is in `worker_program`."""

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

from tests.support.commands import Running
from tests.support.waiting import eventually
from workflows.names import Task

_START_S = 30.0
# Long enough that a run within a second or so was asked for by a nudge, not by the fallback.
NO_FALLBACK_MS = 60_000


class WorkerProcess:
    """A process and what it wrote: its lines, and the runs of its drains."""

    def __init__(self, directory: Path, what: str, redis_url: str, *, fallback_ms: int, arguments: list[str]) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._ready, self._log, self._runs = directory / "ready", directory / "log", directory / "runs"
        variables = {
            "REDIS_URL": redis_url,
            "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
            "PSMS_READY_FILE": str(self._ready),
            "PSMS_FALLBACK_AFTER_MS": str(fallback_ms),
        }
        told = (what, str(self._runs), *arguments)
        said = (self._log, self._log)
        self._process = Running({**os.environ, **variables}, told, said, "tests.support.worker_program")

    @property
    def log(self) -> str:
        """All that it printed so far."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def until_ready(self) -> None:
        """Return when it touched its ready file."""
        eventually(self._is_ready, within=_START_S, what="the ready file")

    def _is_ready(self) -> bool:
        assert self._process.poll() is None, self.log
        return self._ready.exists()

    def runs(self, task: Task, what: str = "ended") -> list[float]:
        """Return when each run of *task* `began` or `ended`, by the monotonic clock of this machine."""
        if not self._runs.exists():
            return []
        lines = [line.split() for line in self._runs.read_text(encoding="utf-8").splitlines()]
        return [float(line[2]) for line in lines if line[:2] == [task, what]]

    def until_runs(self, task: Task, count: int, *, what: str = "ended", within: float = 10.0) -> None:
        """Return when *task* has run at least *count* times."""
        eventually(lambda: len(self.runs(task, what)) >= count, within=within, what=f"run {count} of {task}")

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def until_end(self, *, within: float) -> int:
        """Return its exit status once it ended; fails when it has not *within* seconds."""
        return self._process.wait(within)

    def close(self) -> None:
        """Kill it if it still runs."""
        if self._process.poll() is None:
            self.send(signal.SIGKILL)
            self._process.wait(10)


@contextlib.contextmanager
def running_worker(
    directory: Path,
    redis_url: str,
    *,
    fallback_ms: int = NO_FALLBACK_MS,
    takes_s: float = 0.0,
    stop_within_s: float = 20.0,
) -> Iterator[WorkerProcess]:
    """Run a worker for all queues whose drains take *takes_s* seconds each."""
    arguments = [str(takes_s), str(stop_within_s)]
    process = WorkerProcess(directory, "worker", redis_url, fallback_ms=fallback_ms, arguments=arguments)
    with contextlib.ExitStack() as stack:
        stack.callback(process.close)
        yield process


@contextlib.contextmanager
def running_beat(directory: Path, redis_url: str) -> Iterator[WorkerProcess]:
    """Run a Beat."""
    process = WorkerProcess(directory, "beat", redis_url, fallback_ms=NO_FALLBACK_MS, arguments=[])
    with contextlib.ExitStack() as stack:
        stack.callback(process.close)
        yield process
