"""A20: no process of PSMS starts on a database role that the walls between organizations would not hold."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg import sql

from tests.support.commands import run_psms
from tests.support.databases import MigratedDatabase

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = {"api": ("api",), "worker": ("worker", "--name", "core", "--queues", "relay"), "drain": ("drain",)}


@pytest.fixture(params=["superuser", "bypassing"])
def unfit_url(request: pytest.FixtureRequest, database: MigratedDatabase) -> Iterator[str]:
    """The address of a role that row-level security does not bind."""
    if request.param == "superuser":
        yield database.superuser_url
        return
    database.run(sql.SQL("DROP ROLE IF EXISTS psms_unbound"))
    database.run(sql.SQL("CREATE ROLE psms_unbound LOGIN BYPASSRLS PASSWORD 'test-only'"))
    yield database.app_url.replace("//psms_app:", "//psms_unbound:")
    database.run(sql.SQL("DROP ROLE psms_unbound"))


@pytest.mark.parametrize("name", COMMANDS)
def test_a20_a_process_refuses_to_start_as_a_role_that_passes_walls(
    database: MigratedDatabase, unfit_url: str, name: str, tmp_path: Path
) -> None:
    variables = {"DATABASE_URL": unfit_url, "REDIS_URL": "redis://127.0.0.1:1/0", "PSMS_HOME": str(tmp_path)}

    done = run_psms({**os.environ, **variables}, *COMMANDS[name])

    assert done.returncode != 0
    assert "could bypass the walls between organizations" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert "test-only" not in done.stdout + done.stderr
