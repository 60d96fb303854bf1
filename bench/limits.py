"""The limits of a system under measurement: the same statements with less around them, on the same server."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import processes
from bench.load import Asked, Load
from bench.system import CREATE, LIST, PROJECT, Run, System, generate
from psms.embedded.addresses import free_port, is_free
from tests.support.waiting import eventually

_CALLERS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limit application on granian, and the recordings that it and the bare loops replay."""

    system: System
    port: int
    pid: int
    recordings: Path

    def flask(self, name: str, *, connections: int, seconds: float) -> Run:
        """Load the bare Flask view that does the statements of *name*."""
        return self._run(_asked(f"/same/{name}", CREATE if name == "create" else LIST), connections, seconds)

    def core(self, *, connections: int, seconds: float) -> Run:
        """Load the creation that does one SQLAlchemy Core statement after the other."""
        return self._run(_asked("/core/create", CREATE), connections, seconds)

    def hello(self, *, connections: int, seconds: float) -> Run:
        """Load the view without SQL: what the generator and the server can do at most."""
        return self._run(Asked(method="GET", path="/hello"), connections, seconds)

    def bare(self, name: str, *, seconds: float) -> float:
        """Return how often a second two loops on bare psycopg do the statements of *name*."""
        command = (sys.executable, "-m", "bench.bare", self.system.database_url, str(self.recordings), name)
        loops = [
            subprocess.Popen((*command, str(seconds)), cwd=PROJECT, stdout=subprocess.PIPE, text=True)
            for _ in range(_CALLERS)
        ]
        return sum(int(loop.communicate()[0]) for loop in loops) / seconds

    def _run(self, asked: Asked, connections: int, seconds: float) -> Run:
        load = Load(port=self.port, token=self.system.token, requests=[asked], connections=connections, seconds=seconds)
        charged = [*processes.descendants(self.pid), *self.system.postgres()]
        before = processes.cpu_seconds(charged)
        outcome = generate(load)
        return Run(outcome=outcome, cpu_s={"limit": processes.cpu_seconds(charged) - before}).expect("200")


def _asked(path: str, like: Asked) -> Asked:
    return Asked(method=like.method, path=path, body=like.body)


@contextmanager
def running_limits(system: System) -> Iterator[Limits]:
    """Record the product's statements and serve the limit application as the product is served."""
    # Not in the system's home, by which its processes are known.
    with tempfile.TemporaryDirectory(prefix="psms-limits-") as directory:
        recordings = Path(directory, "recordings")
        _record(system, recordings)
        with _serving(system, recordings) as limits:
            yield limits


def _record(system: System, recordings: Path) -> None:
    command = (sys.executable, "-m", "bench.record", str(recordings), system.token)
    subprocess.run(command, cwd=PROJECT, env=environment_of(system), check=True)


@contextmanager
def _serving(system: System, recordings: Path) -> Iterator[Limits]:
    port = free_port()
    serve = ("--interface", "wsgi", "--workers", "2", "--blocking-threads", "1", "--port", str(port))
    with ExitStack() as stack:
        server = subprocess.Popen(
            (sys.executable, "-m", "granian", *serve, "--backpressure", "4096", "--no-log", "bench.limit_app:app"),
            cwd=PROJECT,
            env=environment_of(system) | {"BENCH_RECORDINGS": str(recordings)},
        )
        stack.callback(server.wait, 20)
        stack.callback(server.terminate)
        eventually(lambda: not is_free("127.0.0.1", port), within=20, what="the limit application")
        yield Limits(system=system, port=port, pid=server.pid, recordings=recordings)


def environment_of(system: System) -> dict[str, str]:
    """Return the variables with which a program is the product of *system*."""
    return os.environ | {
        "BENCH_DATABASE_URL": system.database_url,
        "DATABASE_URL": system.database_url,
        "REDIS_URL": system.valkey.url,
        "PSMS_HOME": "/nonexistent",
        "PSMS_KEK_FILE": str(system.home / "keys.json"),
    }
