"""Migrated databases for the tests: one template for each PostgreSQL, a fresh copy for each test."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

import psycopg
from psycopg import sql

from psms.db import schema
from tests.support.servers import PostgresServer

# A request has half of a lease: a machine that stands still for a second makes no partner late.
LEASE_S = 6
LEASE_OVER = timedelta(seconds=LEASE_S + 1)
_OWNER, _APP, _PASSWORD, _TEMPLATE = "psms_owner", "psms_app", "test-only", "psms_template"


@dataclass(frozen=True, slots=True, kw_only=True)
class MigratedDatabase:
    """A migrated database and the ways into it."""

    name: str
    superuser_url: str
    owner_url: str
    app_url: str

    def move_clock(self, ahead: timedelta) -> None:
        """Let `psms_now()` run *ahead* of the server's clock, for every process that uses this database."""
        running = sql.SQL("clock_timestamp() + make_interval(secs => {})")
        self.run(clock_of(running.format(sql.Literal(ahead.total_seconds()))))

    def stop_clock(self, at: datetime) -> None:
        """Let `psms_now()` stand at the instant *at*, to the microsecond, until somebody moves it."""
        self.run(stopped_clock(at))
        # What is logged in that month has a partition.
        self.run(sql.SQL("SELECT psms_ensure_partitions(0)"))

    def run(self, statement: sql.SQL | sql.Composed) -> None:
        """Run a statement as the superuser."""
        with psycopg.connect(self.superuser_url, autocommit=True) as connection:
            connection.execute(statement)

    def rows(self, query: str, *parameters: object) -> list[tuple[object, ...]]:
        """Return the rows of a query as the superuser, who sees every organization."""
        with psycopg.connect(self.superuser_url) as connection:
            return connection.execute(query.encode(), parameters).fetchall()

    def count(self, table: str) -> int:
        """Return how many rows *table* has."""
        with psycopg.connect(self.superuser_url) as connection:
            row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))).fetchone()
        assert row is not None
        return int(row[0])


def clock_of(instant: sql.Composed) -> sql.Composed:
    """Return the statement that makes *instant* what `psms_now()` reads."""
    head = sql.SQL("CREATE OR REPLACE FUNCTION psms_now() RETURNS timestamptz LANGUAGE sql VOLATILE PARALLEL SAFE ")
    return head + sql.SQL("RETURN {}").format(instant)


def stopped_clock(at: datetime) -> sql.Composed:
    """Return the statement that stops the clock at the instant *at*."""
    return clock_of(sql.SQL("CAST({} AS timestamptz)").format(sql.Literal(at.isoformat())))


def database_url(server: PostgresServer, user: str, database: str) -> str:
    """Return the URL of *database* for one of the test roles."""
    return server.url(user=user, password=_PASSWORD, database=database)


def make_template(server: PostgresServer) -> None:
    """Make the owner and a migrated template."""
    with psycopg.connect(server.superuser_url, autocommit=True) as connection:
        owner = sql.Identifier(_OWNER)
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEROLE PASSWORD {}").format(owner, sql.Literal(_PASSWORD)))
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(_TEMPLATE), owner))
    schema.upgrade(database_url(server, _OWNER, _TEMPLATE), database_url(server, _APP, _TEMPLATE))


@contextmanager
def fresh_database(server: PostgresServer) -> Iterator[MigratedDatabase]:
    """Lend a copy of the template, and drop it afterwards."""
    name = f"psms_{uuid4().hex[:12]}"
    with psycopg.connect(server.superuser_url, autocommit=True) as connection:
        copy = sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {} STRATEGY file_copy")
        connection.execute(copy.format(sql.Identifier(name), sql.Identifier(_TEMPLATE), sql.Identifier(_OWNER)))
    base, _, _ = server.superuser_url.rpartition("/")
    try:
        yield MigratedDatabase(
            name=name,
            superuser_url=f"{base}/{name}",
            owner_url=database_url(server, _OWNER, name),
            app_url=database_url(server, _APP, name),
        )
    finally:
        with psycopg.connect(server.superuser_url, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
