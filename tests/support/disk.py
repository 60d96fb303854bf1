"""A PostgreSQL that may write no more: its files grow up to a limit, which the kernel keeps, and no further.

To PostgreSQL it is what a full disk or quota is: the system refuses, and the server says so in its log. It needs no
mount and no privilege. Files of the write-ahead log must be as small as the limit: `initialise_with_small_logs`.
"""

import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from psms.embedded import postgres
from psms.embedded.binaries import postgres_programs, within_reach
from psms.embedded.home import keep_secrets, prepare_home
from psms.embedded.identity import for_postgres
from psms.embedded.leash import children_of
from psms.embedded.postgres import Postgres
from tests.support.extras import postmaster_of

_LOG_BYTES = 1024 * 1024


def initialise_with_small_logs(root: Path) -> None:
    """Make the data of a stack on *root*, before its first start, with log files of 1 MB."""
    home, identity = prepare_home(root), for_postgres()
    postgres.initialise(
        Postgres(
            directory=home.postgres,
            programs=within_reach(postgres_programs(), identity),
            port=0,
            password=keep_secrets(home).postgres,
            identity=identity,
            initdb_options=("--no-sync", f"--wal-segsize={_LOG_BYTES // 1024**2}"),
        )
    )


@contextmanager
def full_disk(home: Path) -> Iterator[None]:
    """Let no file of the stack's PostgreSQL outgrow the largest that there is now, during the block."""
    tables = (home / "postgres" / "data" / "base").rglob("*")
    _limit_files(home, max(_LOG_BYTES, *(file.stat().st_size for file in tables)))
    try:
        yield
    finally:
        _limit_files(home, resource.RLIM_INFINITY)


def _limit_files(home: Path, most: int) -> None:
    main = postmaster_of(home)
    # The main process first: those that it forks from now on have its limit.
    _limit(main, most)
    for pid in children_of(main):
        _limit(pid, most)


def _limit(pid: int, most: int) -> None:
    try:
        _set_limit(pid, most)
    except ProcessLookupError:
        return
    except PermissionError:
        # A root without CAP_SYS_RESOURCE may limit only processes of the account that it is: so become it.
        owner = Path(f"/proc/{pid}").stat()
        subprocess.run(
            ("true",),
            check=True,
            cwd="/",
            user=owner.st_uid,
            group=owner.st_gid,
            extra_groups=[],
            preexec_fn=partial(_set_limit, pid, most),
        )


def _set_limit(pid: int, most: int) -> None:
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, hard))
