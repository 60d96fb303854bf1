"""Real PostgreSQL and Valkey for the tests, from the wheels; what is in the databases is up to the fixtures.

Every server dies with the thread that started it, also when pytest is killed: start it from the main thread.
"""

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from psms.embedded import postgres, valkey
from psms.embedded.binaries import postgres_programs, valkey_program, within_reach
from psms.embedded.identity import Identity, for_postgres
from psms.embedded.launch import Launch
from psms.embedded.leash import children_of
from psms.embedded.postgres import Postgres
from psms.embedded.valkey import Valkey
from tests.support.ports import own_port
from tests.support.waiting import eventually

_PASSWORD = "test-only"
_START_S = 30.0
_STOP_S = 20.0
_MEMORY, _ROOM = Path("/dev/shm"), 8 * 1024**3
# A killed process loses nothing by these, only a power cut would.
_FAST = (("fsync", "off"), ("full_page_writes", "off"), ("max_connections", "200"))
# Each test makes connections of its own, and with the usual thousands of rounds a password takes longer than the rest.
_INITDB = ("--no-sync", "--set=scram_iterations=1")
# As production writes: a power cut loses nothing that was committed.
DURABLE = (("fsync", "on"), ("synchronous_commit", "on"), ("full_page_writes", "on"))


class _Server:
    """A server process that a test may stop, kill and start again on the same data and port."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The id of the server's main process; an error when it does not run."""
        assert self._process is not None, "the server does not run"
        return self._process.pid

    @property
    def log(self) -> str:
        """All that the server wrote since it was made."""
        return self._log.read_text(encoding="utf-8", errors="replace") if self._log.exists() else ""

    def kill(self) -> None:
        """Kill it with all its children, as a crash of the machine would."""
        if self._process is None:
            return
        family = [self.pid, *children_of(self.pid)]
        for pid in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait(_STOP_S)
        self._process = None

    def _end(self, with_signal: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(with_signal)
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def _begin(self, launch: Callable[[], Launch], answers: Callable[[], bool]) -> None:
        def is_up() -> bool:
            if self._process is None or self._process.poll() is not None:
                # PostgreSQL refuses while the last processes of a killed server still end.
                with self._log.open("ab") as output:
                    self._process = launch().start(output.fileno())
            return answers()

        assert self._process is None, "the server runs already"
        eventually(is_up, within=_START_S, what=f"the start of the server that logs to {self._log}")


class PostgresServer(_Server):
    """An embedded PostgreSQL."""

    def __init__(self, server: Postgres) -> None:
        super().__init__(server.directory / "postgres.log")
        self._server = server

    @property
    def superuser_url(self) -> str:
        """The URL of the database `postgres` for the superuser."""
        return self._server.url()

    def url(self, *, user: str, password: str, database: str) -> str:
        """Return the URL of *database* for *user*."""
        return self._server.url(user=user, password=password, database=database)

    def start(self) -> None:
        """Start it and return when it accepts connections; its data directory is made at the first start."""
        postgres.initialise(self._server)
        self._begin(lambda: postgres.launch(self._server), lambda: postgres.answers(self._server))

    def stop(self) -> None:
        """Stop it in order, ending all connections."""
        self._end(signal.SIGINT)


class ValkeyServer(_Server):
    """An embedded Valkey."""

    def __init__(self, server: Valkey) -> None:
        super().__init__(server.directory / "valkey.log")
        self._server = server

    @property
    def url(self) -> str:
        """The URL of its first database."""
        return self._server.url

    def start(self) -> None:
        """Start it and return when it has read its data."""
        self._begin(lambda: valkey.launch(self._server), lambda: valkey.answers(self._server))

    def stop(self) -> None:
        """Stop it in order."""
        if self._process is not None:
            self.thaw()
        self._end(signal.SIGTERM)

    def freeze(self) -> None:
        """Have it accept connections and answer nothing, as a machine that hangs."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen one go on."""
        os.kill(self.pid, signal.SIGCONT)


def roomy_memory() -> Path | None:
    """Return the directory of files that are kept in memory, None where there is none with room for a test run."""
    if _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _ROOM:
        return _MEMORY
    return None


@contextlib.contextmanager
def running_postgres(
    directory: Path, identity: Identity | None = None, settings: tuple[tuple[str, str], ...] = _FAST
) -> Iterator[PostgresServer]:
    """Run a PostgreSQL on *directory*, as *identity* or as whom `psms up` would choose."""
    chosen = identity or for_postgres()
    server = PostgresServer(
        Postgres(
            directory=directory,
            programs=within_reach(postgres_programs(), chosen),
            port=own_port(),
            password=_PASSWORD,
            identity=chosen,
            settings=settings,
            initdb_options=_INITDB,
        )
    )
    with contextlib.ExitStack() as stack:
        stack.callback(server.stop)
        server.start()
        yield server


@contextlib.contextmanager
def running_valkey(directory: Path) -> Iterator[ValkeyServer]:
    """Run a Valkey on *directory*."""
    server = ValkeyServer(Valkey(directory=directory, program=valkey_program(), port=own_port(), password=_PASSWORD))
    directory.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        stack.callback(server.stop)
        server.start()
        yield server
