"""The note that a running stack keeps of itself: its processes, and how its servers are reached.

Read by the commands that join a running stack, by `psms doctor`, and by the next start, which must not meet
processes of a stack that was killed.
"""

import contextlib
import json
import os
import signal
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from psms.embedded.home import Home, write_private

_POLL_S = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One process, told from a later one with the same id by when it started (clock ticks since boot)."""

    name: str
    pid: int
    started: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A stack's processes, the supervisor first, and the variables its commands run with."""

    processes: tuple[Process, ...]
    environment: Mapping[str, str]


def identify(name: str, pid: int) -> Process | None:
    """Return the process with this id as it is now, or None when there is none."""
    started = _started(pid)
    return None if started is None else Process(name=name, pid=pid, started=started)


def write_note(home: Home, note: Note) -> None:
    """Keep *note*, readable by this user only, as it holds passwords."""
    processes = [asdict(process) for process in note.processes]
    write_private(_file(home), json.dumps({"processes": processes, "environment": dict(note.environment)}, indent=1))


def read_note(home: Home) -> Note | None:
    """Return the note of the last start, or None when there is none; the stack may have been killed since."""
    try:
        kept = json.loads(_file(home).read_text(encoding="utf-8"))
        processes = tuple(Process(**process) for process in kept["processes"])
        return Note(processes=processes, environment=dict(kept["environment"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def remove_note(home: Home) -> None:
    """Forget the stack, which has ended in order."""
    _file(home).unlink(missing_ok=True)


def running_stack(home: Home) -> Note | None:
    """Return the note of the stack that runs on *home* now, or None when none does."""
    note = read_note(home)
    return note if note and note.processes and lives(note.processes[0]) else None


def join_running_stack(environment: Mapping[str, str], home: Home) -> dict[str, str]:
    """Return *environment* with the servers of the stack running on *home*, unless it names a database.

    So that `python -m psms work` in a second terminal finds what `make up` started.
    """
    own = dict(environment)
    note = running_stack(home)
    if note is None or own.get("DATABASE_URL") or own.get("DATABASE_URL_FILE"):
        return own
    return {**note.environment, **own}


def environment_of_this_command() -> dict[str, str]:
    """Return this process's environment, joined with the stack that runs on its PSMS_HOME."""
    return join_running_stack(os.environ, Home(root=Path(os.environ.get("PSMS_HOME") or ".psms").absolute()))


def outlive_last_stack(home: Home, *, patience_s: float = 5.0) -> list[Process]:
    """Return when no process of the last stack is left, having killed what stayed beyond *patience_s*.

    They follow a killed supervisor by themselves within moments, save one that is frozen. Returns the killed
    ones.
    """
    note = read_note(home)
    left = [process for process in note.processes if process.pid != os.getpid()] if note else []
    left = _wait_for_end(left, patience_s)
    for process in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
    _wait_for_end(left, patience_s)
    return left


def _wait_for_end(processes: list[Process], patience_s: float) -> list[Process]:
    deadline = time.monotonic() + patience_s
    while (left := [process for process in processes if lives(process)]) and time.monotonic() < deadline:
        time.sleep(_POLL_S)
    return left


def lives(process: Process) -> bool:
    """Answer whether *process* still runs; a later one with its id is another one."""
    return _started(process.pid) == process.started


def _started(pid: int) -> int | None:
    """Return when a running process started, field 22 of stat in proc(5); None for none and a zombie."""
    try:
        state, *fields = (
            Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        )
    except OSError:
        return None
    return None if state in "ZX" else int(fields[18])


def _file(home: Home) -> Path:
    return home.run / "stack.json"
