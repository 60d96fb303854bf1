"""Is this database fit to be used: its revision, and a role that the walls hold. Migrating: `schema`."""

from sqlalchemy import Connection, text

from psms.db.session import Database
from psms.errors import Misconfigured

# The revision that this code expects: the newest file of `migrations/versions`, as a test makes sure.
HEAD = "0026"
APP_ROLE = "psms_app"

_EXISTS = text("SELECT to_regclass('public.alembic_version') IS NOT NULL")
_REVISION = text("SELECT version_num FROM alembic_version")
_WALLS = text("""
    SELECT r.rolname, r.rolsuper, r.rolbypassrls, pg_has_role(r.rolname, c.relowner, 'MEMBER') AS owns
    FROM pg_roles r LEFT JOIN pg_class c ON c.oid = to_regclass('public.tickets')
    WHERE r.rolname = session_user
""")


def revision_of(connection: Connection) -> str | None:
    """Return the revision that the database has, None before the first migration."""
    if not connection.execute(_EXISTS).scalar_one():
        return None
    revision: str | None = connection.execute(_REVISION).scalar_one_or_none()
    return revision


def refuse_unfit_database(database: Database) -> None:
    """Raise Misconfigured unless this is a role that the walls hold, on a schema that is up to date.

    Row-level security is no wall for a superuser, for a role with BYPASSRLS, or for the tables' owner,
    who may switch it off (PostgreSQL manual, "Row Security Policies").
    """
    role = database.ask(lambda connection: connection.execute(_WALLS).one())
    if role.rolsuper or role.rolbypassrls or role.owns:
        message = (
            f"the database role {role.rolname} could bypass the walls between organizations: "
            f"let DATABASE_URL name the role {APP_ROLE}, and PSMS_OWNER_DATABASE_URL the owner"
        )
        raise Misconfigured(message)
    revision = database.ask(revision_of)
    if revision != HEAD:
        message = f"the schema is at revision {revision}, this release needs {HEAD}: run `python -m psms migrate`"
        raise Misconfigured(message)
