"""After a restore the log is sealed on, by what the dump holds and nothing else, whatever the new server counts."""

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from psms.db.session import Database
from psms.embedded.binaries import postgres_programs
from psms.runtime import Runtime
from tests.support.databases import MigratedDatabase, database_url, make_template
from tests.support.log_tools import found, sealed_and_signed, verified
from tests.support.servers import PostgresServer, running_postgres
from tests.support.tenants import Tenant, file_ticket
from workflows.log_seals import seal_logs

# Transactions, so many that the new server counts far fewer.
_AGES = """
    DO $$ BEGIN FOR i IN 1..20000 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$
"""
_NOW = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint"


@pytest.fixture
def new_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A second PostgreSQL, with the roles of PSMS, that has done next to nothing so far."""
    with running_postgres(tmp_path_factory.mktemp("restored")) as server:
        make_template(server)
        yield server


def restored(database: MigratedDatabase, server: PostgresServer, dump: Path) -> MigratedDatabase:
    """Dump *database* and load it into a new one of *server*."""
    programs = postgres_programs()
    subprocess.run((programs / "pg_dump", "--file", dump, database.superuser_url), check=True)
    with psycopg.connect(server.superuser_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} OWNER psms_owner TEMPLATE template0").format(sql.Identifier(database.name))
        )
    base, _, _ = server.superuser_url.rpartition("/")
    url = f"{base}/{database.name}"
    load = (programs / "psql", "--no-psqlrc", "--quiet", "-v", "ON_ERROR_STOP=1", "--file", dump, url)
    subprocess.run(load, stdout=subprocess.DEVNULL, check=True)
    return MigratedDatabase(
        name=database.name,
        superuser_url=url,
        owner_url=database_url(server, "psms_owner", database.name),
        app_url=database_url(server, "psms_app", database.name),
    )


def test_a36_a_restored_log_is_sealed_on(
    rt: Runtime, database: MigratedDatabase, acme: Tenant, new_server: PostgresServer, tmp_path: Path
) -> None:
    file_ticket(rt, acme.actor, "Sealed before the dump")
    sealed_and_signed(rt, database)
    database.run(sql.SQL(_AGES))
    file_ticket(rt, acme.actor, "Not sealed yet when dumped")
    waiting = database.count("log_unsealed")
    assert waiting > 0

    copy = restored(database, new_server, tmp_path / "dump.sql")
    assert int(str(copy.rows(_NOW)[0][0])) < int(str(database.rows(_NOW)[0][0]))
    on_copy = replace(rt, db=Database(copy.app_url, pool_size=5))
    file_ticket(on_copy, acme.actor, "Filed after the restore")

    assert seal_logs(on_copy) > waiting
    assert copy.count("log_unsealed") == 0
    assert copy.count("log_seals") == copy.count("logs")
    sealed_and_signed(on_copy, copy)
    assert found(on_copy) == []
    assert verified(on_copy, acme.organization_id).entries == copy.count("logs")
    on_copy.db.close()
