"""The owner role and the database of an embedded PostgreSQL; the other roles come with migration 0001."""

from typing import LiteralString

import psycopg
from psycopg import sql

OWNER = "psms_owner"
APPLICATION = "psms_app"
DATABASE = "psms"


def ensure_owner_and_database(superuser_url: str, owner_password: str) -> None:
    """Make role and database where they are missing, and set the role's password; may be run again.

    The owner may make roles, as the migrations do, but is no superuser, whom no wall would stop.
    """
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        if not _exists(connection, "SELECT 1 FROM pg_roles WHERE rolname = %s", OWNER):
            connection.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(OWNER)))
        connection.execute(
            sql.SQL("ALTER ROLE {} LOGIN CREATEROLE NOSUPERUSER NOBYPASSRLS PASSWORD {}").format(
                sql.Identifier(OWNER), sql.Literal(owner_password)
            )
        )
        if not _exists(connection, "SELECT 1 FROM pg_database WHERE datname = %s", DATABASE):
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(DATABASE), sql.Identifier(OWNER))
            )


def _exists(connection: psycopg.Connection[tuple[object, ...]], query: LiteralString, name: str) -> bool:
    return connection.execute(query, (name,)).fetchone() is not None
