"""Processes of PSMS run one by one on a test's database; whole stacks are in `stacks`, the API alone in `api_process`.

Each is forked off a process that has imported PSMS already, since a short life is spent on that mostly. How PSMS starts
from nothing is tested with the stacks, which start every process so.
"""

import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from psms.embedded.leash import die_with_parent
from tests.support.databases import MigratedDatabase

_PROJECT = Path(__file__).resolve().parents[2]
_PATIENCE_S = 60
# What most of them import; what is another one's alone costs nobody anything.
_IMPORTED = (
    "psms.cli",
    "psms.cli.doctor",
    "psms.cli.drain",
    "psms.cli.keys",
    "psms.cli.logs",
    "psms.cli.sla",
    "psms.cli.webhooks",
    "psms.cli.work",
    "psms.cli.startup",
    "psms.runtime",
    "workflows.drains",
)
_READY = multiprocessing.get_context("forkserver")
_READY.set_forkserver_preload([__name__, *_IMPORTED])


def environment_on(database: MigratedDatabase, home: Path, **variables: str) -> dict[str, str]:
    """Return the environment of a process that works on *database*."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PSMS_", "AWS_"))}
    return {
        **kept,
        "DATABASE_URL": database.app_url,
        "PSMS_OWNER_DATABASE_URL": database.owner_url,
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "PSMS_HOME": str(home),
        **variables,
    }


class Running:
    """A process of PSMS; it dies with the tests."""

    def __init__(
        self, environment: Mapping[str, str], arguments: Sequence[str], said: tuple[Path, Path], module: str = "psms"
    ) -> None:
        """Start `python -m` *module*; what it says is added to the two files, which may be one."""
        for path in said:
            path.touch()
        told = (module, arguments, dict(environment), said)
        self._process = _READY.Process(target=_become, args=told, daemon=True)
        self._process.start()

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        """Return its status, negative where a signal ended it, and None while it runs."""
        return self._process.exitcode

    def wait(self, within: float) -> int:
        """Return its status when it has ended; raise TimeoutError where that takes longer than *within* seconds."""
        self._process.join(within)
        if self._process.exitcode is None:
            message = f"process {self.pid} still runs after {within} s"
            raise TimeoutError(message)
        return self._process.exitcode

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal, unless it has ended."""
        if self._process.exitcode is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Kill it."""
        self.send_signal(signal.SIGKILL)


def run_psms(
    environment: Mapping[str, str], *arguments: str, within: float = _PATIENCE_S
) -> subprocess.CompletedProcess[str]:
    """Run a command of PSMS to its end, *within* seconds; its output and the sentence that it ends with are text.

    Raises TimeoutError for one that has to be killed.
    """
    with tempfile.TemporaryDirectory() as folder:
        stdout, stderr = (Path(folder, name) for name in ("stdout", "stderr"))
        process = Running(environment, arguments, (stdout, stderr))
        try:
            status = process.wait(within)
        finally:
            process.kill()
        said = (path.read_text(encoding="utf-8") for path in (stdout, stderr))
        return subprocess.CompletedProcess(("psms", *arguments), status, *said)


def _become(module: str, arguments: Sequence[str], environment: Mapping[str, str], said: tuple[Path, Path]) -> None:
    """Be `python -m` *module* with these arguments in this environment, and end as it ends."""
    die_with_parent(os.getppid(), signal.SIGKILL)
    for number, path in zip((0, 1, 2), (Path(os.devnull), *said), strict=True):
        opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    os.chdir(_PROJECT)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv[:] = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
