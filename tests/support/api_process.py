"""The API alone as real server processes on a test's database; the whole system is in `desk`."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from psms.embedded.launch import tied
from psms.embedded.leash import children_of
from tests.support.databases import MigratedDatabase
from tests.support.ports import own_port
from tests.support.waiting import eventually

_PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiProcess:
    """A running API and the database below."""

    port: int
    database: MigratedDatabase
    log: Path
    pid: int

    def url(self, path: str) -> str:
        """Return the address of *path*."""
        return f"http://127.0.0.1:{self.port}{path}"

    def workers(self) -> list[int]:
        """Return the processes that answer requests, without the one that replaces them."""
        family = list(children_of(self.pid))
        return [pid for pid in family if not list(children_of(pid)) and _has_socket(pid)]


@contextmanager
def running_api(database: MigratedDatabase, home: Path, **variables: str) -> Iterator[ApiProcess]:
    """Start the API on a free port, with two processes and no Redis unless *variables* say otherwise."""
    port = own_port()
    settings = {
        "DATABASE_URL": database.app_url,
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "PSMS_HOME": str(home),
        "PSMS_PORT": str(port),
        "PSMS_API_WORKERS": "2",
    }
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            tied((sys.executable, "-m", "psms", "api"), signal.SIGKILL),
            cwd=_PROJECT,
            env={**os.environ, **settings, **variables},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        running = ApiProcess(port=port, database=database, log=home / "log", pid=process.pid)
        try:
            eventually(lambda: _answers(process, running), within=60, what="an answer at /readyz")
            yield running
        finally:
            process.terminate()
            process.wait(30)


def _answers(process: subprocess.Popen[bytes], api: ApiProcess) -> bool:
    assert process.poll() is None, api.log.read_text()
    try:
        return requests.get(api.url("/readyz"), timeout=5).status_code == 200
    except requests.ConnectionError:
        return False


def _has_socket(pid: int) -> bool:
    try:
        return any("socket:" in os.readlink(link) for link in Path(f"/proc/{pid}/fd").iterdir())  # noqa: PTH115
    except OSError:
        return False
