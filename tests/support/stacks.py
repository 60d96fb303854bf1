"""A whole stack, started as `psms up` starts it, that a test may interrupt and kill."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

from psms.embedded.launch import tied
from tests.support.ports import own_port
from tests.support.waiting import eventually

_PROJECT = Path(__file__).resolve().parents[2]
_STANDIN = str(Path(__file__).with_name("standin.py"))
_WITH_STANDIN = (
    "import sys; from psms.embedded.start import start; from psms.errors import PsmsError\n"
    "try: sys.exit(start(psms_command=(sys.executable, sys.argv[1])))\n"
    "except PsmsError as problem: sys.exit(problem.detail)\n"
)
STANDIN_COMMAND = (sys.executable, "-c", _WITH_STANDIN, _STANDIN)
UP_COMMAND = (sys.executable, "-m", "psms", "up")
READY = "PSMS is ready"


class RunningStack:
    """A supervisor that was started, and what it printed so far."""

    def __init__(self, home: Path, command: tuple[str, ...], variables: Mapping[str, str]) -> None:
        self.home = home
        self.lines: list[str] = []
        self._process = subprocess.Popen(
            tied(command, signal.SIGTERM),
            cwd=_PROJECT,
            env={**_inherited(), **variables, "PSMS_HOME": str(home)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """The supervisor's process id."""
        return self._process.pid

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the supervisor alone."""
        self._process.send_signal(number)

    def until_line(self, part: str, *, within: float = 60.0) -> str:
        """Return the first line that contains *part*, once it was printed."""

        def found() -> str | None:
            line = next((line for line in tuple(self.lines) if part in line), None)
            assert line or self._process.poll() is None, f"ended without {part!r}; it printed: {self.lines}"
            return line

        return eventually(found, within=within, what=f"a line with {part!r}") or ""

    def until_ready(self, *, within: float = 60.0) -> None:
        """Return when the line that says so was printed."""
        eventually(lambda: self.until_line(READY, within=within) == READY)

    def until_end(self, *, within: float = 30.0) -> int:
        """Return the exit status of the supervisor, once it ended and all it printed was read."""
        status = self._process.wait(within)
        self._reader.join(within)
        return status

    def close(self) -> None:
        """End what a test may have left running."""
        if self._process.poll() is None:
            self.send(signal.SIGTERM)
            self.until_end()
        self._reader.join(5)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with contextlib.suppress(ValueError):
            self.lines.extend(line.rstrip("\n") for line in self._process.stdout)


@contextlib.contextmanager
def started_stack(
    home: Path, command: tuple[str, ...] = STANDIN_COMMAND, variables: Mapping[str, str] | None = None
) -> Iterator[RunningStack]:
    """Start a stack on *home*, on free ports where *variables* name none, and end it with the block."""
    ports = {"PSMS_PORT": str(own_port()), "PSMS_FLOWER_PORT": str(own_port())}
    stack = RunningStack(home, command, {**ports, **(variables or {})})
    try:
        yield stack
    finally:
        stack.close()


def processes_of(home: Path) -> dict[int, str]:
    """Return, by process id, the command line of every live process of the stack on *home*.

    It is told by its environment, its command line or its working directory.
    """
    return {
        int(entry.name): _text(entry / "cmdline")
        for entry in Path("/proc").iterdir()
        if entry.name.isdecimal() and int(entry.name) != os.getpid() and _names(entry, str(home))
    }


def process_of(home: Path, part: str) -> int:
    """Return the id of the one process of the stack, leashes apart, whose command line contains *part*."""
    lines = processes_of(home)
    found = [pid for pid, line in lines.items() if part in line and "leash.py" not in line]
    assert len(found) == 1, f"{part!r} is in {found} of {lines}"
    return found[0]


def _names(entry: Path, home: str) -> bool:
    try:
        where = str((entry / "cwd").readlink())  # a zombie has none
    except OSError:
        return False
    return home in where or home in _text(entry / "environ") or home in _text(entry / "cmdline")


def _text(path: Path) -> str:
    try:
        return path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def _inherited() -> dict[str, str]:
    unwanted = {"DATABASE_URL", "PSMS_OWNER_DATABASE_URL", "REDIS_URL", "PSMS_ENV"}
    return {name: value for name, value in os.environ.items() if name not in unwanted}
