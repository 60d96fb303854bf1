"""Checks of PSMS_HOME, of the stack that runs on it, and of the ports that it listens on."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from psms.embedded.addresses import is_free, same_port
from psms.embedded.findings import Finding, fail, ok, warn
from psms.embedded.home import Home
from psms.embedded.running import Note, lives, running_stack
from psms.settings import Settings

_OTHERS = 0o077


def check_home(settings: Settings) -> Iterator[Finding]:
    """Yield what was found about the directory, the stack that runs on it, and its ports."""
    home = Home(root=settings.home)
    yield _directory(home.root)
    yield from (_private(path) for path in (home.secrets_file, home.credentials_file) if path.exists())
    note = running_stack(home)
    yield from _stack(home, note)
    yield _port("PSMS_PORT", settings.host, settings.port, note)
    yield _port("PSMS_FLOWER_PORT", settings.flower_host, settings.flower_port, note)
    if problem := same_port(settings):
        yield fail("PSMS_FLOWER_PORT", problem)


def _directory(root: Path) -> Finding:
    place = next(path for path in (root, *root.parents) if path.exists())
    if not os.access(place, os.W_OK | os.X_OK):
        advice = "correct its owner, or set PSMS_HOME to a directory of your own"
        return fail("home", f"this user cannot write to {place}: {advice}")
    if place == root and root.stat().st_uid != os.geteuid():
        return fail("home", f"{root} belongs to the user with id {root.stat().st_uid}: be that user, or set PSMS_HOME")
    return ok("home", str(root) if place == root else f"{root} will be made at the first start")


def _private(path: Path) -> Finding:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & _OTHERS:
        return fail(
            path.name,
            f"others can read it (mode {mode:04o}): run 'chmod 600 {path}' and change what is in it",
        )
    return ok(path.name, f"for this user only (mode {mode:04o})")


def _stack(home: Home, note: Note | None) -> Iterator[Finding]:
    if note is None:
        yield ok("supervisor", "PSMS is not running here; 'make up' starts it")
        return
    supervisor, *others = note.processes
    yield ok("supervisor", f"PSMS is running here as process {supervisor.pid}")
    for process in others:
        if not lives(process):
            log = home.logs / f"{process.name}.log"
            yield fail(process.name, f"process {process.pid} has ended and is not back yet: see {log}")
        elif process.name not in _WITHOUT_FILE and not (home.ready / process.name).exists():
            yield warn(
                process.name,
                f"process {process.pid} runs but is not ready: see {home.logs / process.name}.log",
            )
        else:
            yield ok(process.name, f"process {process.pid} runs")


# Their readiness is asked of themselves: see the ports, the database and Redis.
_WITHOUT_FILE = {"postgres", "valkey", "api", "flower"}


def _port(variable: str, host: str, port: int, note: Note | None) -> Finding:
    free = is_free(host, port)
    if note is None and free:
        return ok(variable, f"port {port} of {host} is free")
    if note is None:
        return fail(variable, f"port {port} of {host} is taken by another program: stop it, or set {variable}")
    if free:
        return fail(variable, f"PSMS runs, but nothing listens on port {port} of {host}: look at its log")
    return ok(variable, f"port {port} of {host} is held by the PSMS that runs here")
