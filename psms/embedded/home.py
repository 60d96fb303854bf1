"""PSMS_HOME: what lies where in it, its secrets, and the lock that admits one supervisor at a time.

Knows no server and starts nothing.
"""

import contextlib
import fcntl
import json
import os
import secrets
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from psms.adapters.key_files import KEY_FILE, keep_key_file
from psms.errors import Misconfigured

_PRIVATE_DIRECTORY = 0o700
_OTHERS = 0o077


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """Where everything of one installation lies; `root` is absolute."""

    root: Path

    @property
    def postgres(self) -> Path:
        """PostgreSQL's data, kept from start to start."""
        return self.root / "postgres"

    @property
    def valkey(self) -> Path:
        """Valkey's append-only files, kept from start to start."""
        return self.root / "valkey"

    @property
    def logs(self) -> Path:
        """One file for each process, with every line it wrote."""
        return self.root / "logs"

    @property
    def run(self) -> Path:
        """What belongs to the present start, and the ports, which are kept."""
        return self.root / "run"

    @property
    def ready(self) -> Path:
        """One empty file for each process that says by it that it is ready."""
        return self.run / "ready"

    @property
    def crashes(self) -> Path:
        """One file for each crash point at which a process died, by the wish of a fault test."""
        return self.run / "crashes"

    @property
    def metrics(self) -> Path:
        """Counters that the processes of one start share."""
        return self.root / "metrics"

    @property
    def secrets_file(self) -> Path:
        """The passwords made at the first start, mode 0600."""
        return self.root / "secrets.json"

    @property
    def key_file(self) -> Path:
        """The key that everything encrypted is readable with, made at the first start, mode 0600."""
        return self.root / KEY_FILE

    @property
    def credentials_file(self) -> Path:
        """What a newcomer needs to use the demo organization; `psms seed` writes it."""
        return self.root / "credentials.json"

    @property
    def lock_file(self) -> Path:
        """Locked by the running supervisor, and holds its process id."""
        return self.run / "supervisor.lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """The random passwords of one installation; letters, digits, `-` and `_`, so that they fit a URL."""

    postgres: str
    owner: str
    application: str
    valkey: str
    flower: str


def prepare_home(root: Path) -> Home:
    """Make PSMS_HOME with its directories where they are missing, readable by this user only.

    Raises Misconfigured when this user cannot write there, or is root and the directory is somebody else's.
    """
    home = Home(root=root.absolute())
    try:
        for directory in (home.root, home.logs, home.run, home.valkey):
            directory.mkdir(mode=_PRIVATE_DIRECTORY, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=home.run):
            pass
    except OSError as problem:
        raise Misconfigured(
            f"PSMS_HOME is {home.root}, and this user cannot write there ({problem.strerror}): "
            "set PSMS_HOME to a directory of your own, or correct its owner"
        ) from problem
    _refuse_to_take_over(home.root)
    return home


def _refuse_to_take_over(root: Path) -> None:
    owner = root.stat().st_uid
    if owner != os.geteuid():
        raise Misconfigured(
            f"PSMS_HOME is {root}, which belongs to the user with id {owner}, who could not start PSMS "
            "there any more if you did: start PSMS as that user, or set PSMS_HOME to a directory of your own"
        )


def keep_secrets(home: Home) -> Secrets:
    """Return the installation's passwords, making them at the first call.

    Raises Misconfigured when the file is there but cannot be understood.
    """
    path = home.secrets_file
    names = [field.name for field in fields(Secrets)]
    if not path.exists():
        write_private(
            path, json.dumps(asdict(Secrets(**{name: secrets.token_urlsafe(24) for name in names})), indent=1)
        )
    try:
        path.chmod(path.stat().st_mode & ~_OTHERS)
        return Secrets(**{name: str(value) for name, value in json.loads(path.read_text(encoding="utf-8")).items()})
    except (OSError, ValueError, TypeError, AttributeError) as problem:
        raise Misconfigured(
            f"{path} cannot be read as the passwords of this installation ({problem}): "
            f"restore it from a backup, or move {home.root} away and start anew"
        ) from problem


def keep_keys(home: Home) -> Path:
    """Return the file of the installation's key-encryption key, making both at the first call."""
    return keep_key_file(home.key_file, secrets.token_bytes)


def write_private(path: Path, text: str) -> None:
    """Write *text* to *path* in one step, readable by this user only: no reader ever sees half of it."""
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    Path(draft).replace(path)


@contextlib.contextmanager
def locked(home: Home) -> Iterator[None]:
    """Be the only supervisor of *home*; the lock ends with this process, however it ends.

    Raises Misconfigured, naming the process, while another holds it.
    """
    with home.lock_file.open("a+", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as problem:
            file.seek(0)
            pid = file.read().strip() or "unknown"
            raise Misconfigured(
                f"PSMS already runs on {home.root}, as process {pid}: use that one, stop it with "
                f"'kill {pid}', or set PSMS_HOME, PSMS_PORT and PSMS_FLOWER_PORT to start another beside it"
            ) from problem
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
