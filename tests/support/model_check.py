"""Do the models describe what the migrations make? `python -m tests.support.model_check` says, on a new server."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from psms.embedded.existing import with_user
from psms.embedded.roles import APPLICATION, DATABASE, OWNER, ensure_owner_and_database
from tests.support.servers import running_postgres

_PASSWORD = "for-this-check"


def main() -> int:
    """Migrate an empty database and compare it with the models; return the exit status."""
    with (
        tempfile.TemporaryDirectory() as directory,
        running_postgres(Path(directory, "postgres")) as server,
    ):
        ensure_owner_and_database(server.superuser_url, _PASSWORD)
        owner = server.url(user=OWNER, password=_PASSWORD, database=DATABASE)
        variables = {
            "PSMS_OWNER_DATABASE_URL": owner,
            "DATABASE_URL": with_user(owner, APPLICATION, _PASSWORD),
            "PSMS_HOME": directory,
        }
        for command in ("migrate", "check-models"):
            ended = subprocess.run(
                (sys.executable, "-m", "psms", command), env={**os.environ, **variables}, check=False
            )
            if ended.returncode != 0:
                return ended.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
