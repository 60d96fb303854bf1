"""PSMS processes one by one on a test's database and Redis: started, frozen, killed, started again by the test itself.

A whole stack, whose supervisor starts again what dies, is in `stacks`; the API alone in `api_process`.
"""

import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.support.commands import Running, environment_on, run_psms
from tests.support.databases import MigratedDatabase
from tests.support.keys import TEST_KEK
from tests.support.waiting import eventually

_START_S, _END_S = 90.0, 30.0
# Long enough that nothing is looked for but what somebody was asked to look for.
NO_FALLBACK = {"PSMS_FALLBACK_AFTER_MS": "600000"}


class Member:
    """One process: how it is started is kept, so that it can be started again after its death."""

    def __init__(self, name: str, arguments: tuple[str, ...], environment: Mapping[str, str], home: Path) -> None:
        self._arguments = arguments
        self._ready = home / f"{name}.ready"
        self._environment = {**environment, "PSMS_READY_FILE": str(self._ready)}
        self._log = home / f"{name}.log"
        self._process = self._started()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def log(self) -> str:
        """All that it printed, in every life."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def until_ready(self) -> None:
        """Return when it serves."""
        eventually(self._is_ready, within=_START_S, what=f"{self._ready.name}: {self.log}")

    def start_again(self) -> None:
        """Start it once more after its end."""
        assert self._process.poll() is not None, f"{self._ready.name} still runs"
        self._process = self._started()

    def kill(self) -> None:
        """Kill it, as `kill -9` does, and return when it is gone."""
        self._process.kill()
        self.until_killed()

    def until_killed(self) -> None:
        """Return when it has died by SIGKILL, whoever sent that."""
        assert self._process.wait(_START_S) == -signal.SIGKILL, self.log

    def is_running(self) -> bool:
        """Tell whether it lives."""
        return self._process.poll() is None

    def end(self) -> None:
        """End it in order, frozen or not."""
        if self.is_running():
            self._process.send_signal(signal.SIGCONT)
            self._process.terminate()
        self._process.wait(_END_S)

    def _is_ready(self) -> bool:
        assert self.is_running(), self.log
        return self._ready.exists()

    def _started(self) -> Running:
        self._ready.unlink(missing_ok=True)
        return Running(self._environment, self._arguments, (self._log, self._log))


class Crew:
    """The processes on one database, and the variables that all of them have."""

    def __init__(self, database: MigratedDatabase, redis_url: str, home: Path) -> None:
        self.home = home
        self.redis_url = redis_url
        variables = {"REDIS_URL": redis_url, "PSMS_LEASE_SECONDS": "4", "PSMS_KEK": TEST_KEK}
        self.environment = environment_on(database, home, **variables)

    @contextmanager
    def with_one(self, name: str, *arguments: str, **variables: str) -> Iterator[Member]:
        """Run one process from now to the end of the block; whoever needs it ready waits for it."""
        member = Member(name, arguments, {**self.environment, **variables}, self.home)
        try:
            yield member
        finally:
            member.end()

    @contextmanager
    def with_worker(self, name: str, queues: str = "relay,timers", **variables: str) -> Iterator[Member]:
        """Run a worker."""
        with self.with_one(name, "worker", "--queues", queues, "--name", name, **variables) as member:
            yield member

    @contextmanager
    def with_beat(self, name: str = "beat") -> Iterator[Member]:
        """Run a Beat."""
        with self.with_one(name, "beat") as member:
            yield member


def assert_webhooks_are_accounted_for(environment: Mapping[str, str]) -> None:
    """Run `psms webhooks verify`, as an operator does: it must find nothing wrong with any endpoint."""
    proof = run_psms(dict(environment), "webhooks", "verify")
    assert proof.returncode == 0, proof.stdout + proof.stderr


def assert_clocks_follow_from_their_ledgers(environment: Mapping[str, str], clocks: int | None = None) -> None:
    """Run `psms sla verify`, as an operator does: it must find no difference, and that in *clocks* clocks."""
    proof = run_psms(dict(environment), "sla", "verify")
    assert proof.returncode == 0, proof.stdout + proof.stderr
    if clocks is not None:
        counted = [int(line.partition(": ")[2].split()[0]) for line in proof.stdout.splitlines() if "clocks" in line]
        assert sum(counted) == clocks, proof.stdout
