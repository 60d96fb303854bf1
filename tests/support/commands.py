"""Commands of PSMS run as processes of their own on a test's database; whole stacks are in `stacks`."""

import os
import subprocess
import sys
from pathlib import Path

from tests.support.databases import MigratedDatabase

_PROJECT = Path(__file__).resolve().parents[2]
_PATIENCE_S = 60


def environment_on(database: MigratedDatabase, home: Path, **variables: str) -> dict[str, str]:
    """Return the environment of a process that works on *database*."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PSMS_", "AWS_"))}
    return {
        **kept,
        "DATABASE_URL": database.app_url,
        "PSMS_OWNER_DATABASE_URL": database.owner_url,
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "PSMS_HOME": str(home),
        **variables,
    }


def run_psms(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command of PSMS to its end; its output and the sentence that it ends with are text."""
    return subprocess.run(
        (sys.executable, "-m", "psms", *arguments),
        cwd=_PROJECT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_PATIENCE_S,
        check=False,
    )
