"""More processes beside a running stack's own: another worker, another Beat; and which of its own there are."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from psms.embedded.home import Home
from psms.embedded.launch import tied
from psms.embedded.running import read_note
from tests.support.stacks import processes_of
from tests.support.waiting import eventually

_PROJECT = Path(__file__).resolve().parents[2]
_END_S = 30.0


def environment_of(home: Path) -> dict[str, str]:
    """Return the variables with which a command joins the stack that runs on *home*."""
    note = read_note(Home(root=home))
    assert note is not None, f"no stack runs on {home}"
    return {**os.environ, **note.environment}


@contextmanager
def one_more(home: Path, name: str, *arguments: str, **variables: str) -> Iterator[int]:
    """Run a command of PSMS beside the stack on *home*, from ready to the end of the block; lend its process id."""
    ready = home / "run" / f"{name}.ready"
    ready.unlink(missing_ok=True)
    with (home / "logs" / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            tied((sys.executable, "-m", "psms", *arguments), signal.SIGKILL),
            cwd=_PROJECT,
            env={**environment_of(home), **variables, "PSMS_READY_FILE": str(ready)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        eventually(ready.exists, within=30, what=f"{name} to be ready")
        yield process.pid
    finally:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        process.wait(_END_S)


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """Have a process stand still during the block."""
    os.kill(pid, signal.SIGSTOP)
    try:
        eventually(lambda: state_of(pid) == "T", what=f"process {pid} to stand still")
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def postmaster_of(home: Path) -> int:
    """Return PostgreSQL's main process; 0 while there is none."""
    file = home / "postgres" / "data" / "postmaster.pid"
    try:
        written = file.read_text(encoding="ascii").partition("\n")[0]
    except FileNotFoundError:
        return 0
    # It is there for an instant before anything is written to it.
    return int(written or 0)


def state_of(pid: int) -> str:
    """Return the state of a process, as in proc(5)."""
    return _stat(pid)[0]


def family_of(home: Path, part: str) -> tuple[int, set[int]]:
    """Return the process whose command line contains *part*, and those that it forked from itself."""
    pids = {pid for pid, line in processes_of(home).items() if part in line and "leash.py" not in line}
    parents = {pid for pid in pids if int(_stat(pid)[1]) not in pids}
    assert len(parents) == 1, f"{part!r} is in {processes_of(home)}"
    return parents.pop(), {pid for pid in pids if int(_stat(pid)[1]) in pids}


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
