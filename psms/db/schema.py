"""The schema as a whole: bring it up to date, say which revision it has, and check who may touch it."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg import sql
from sqlalchemy import Connection, text
from sqlalchemy.engine import make_url

from psms.db.session import Database, owner_engine
from psms.errors import Misconfigured

_MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"
APP_ROLE = "psms_app"

_WALLS = text("""
    SELECT r.rolname, r.rolsuper, r.rolbypassrls,
           pg_has_role(r.rolname, c.relowner, 'MEMBER') AS owns
    FROM pg_roles r LEFT JOIN pg_class c ON c.oid = to_regclass('public.tickets')
    WHERE r.rolname = session_user
""")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    return config


def upgrade(owner_url: str, app_url: str) -> str:
    """Migrate to the newest revision and return it; give the application's role its password.

    *owner_url* names a role that may create roles and owns the database; *app_url* is what the
    application will use. Safe to run again, and by several at once: they take turns.
    """
    command.upgrade(_config(), "head")
    password = make_url(app_url).password
    if make_url(app_url).username == APP_ROLE and password:
        _give_password(owner_url, str(password))
    return head_revision()


def _give_password(owner_url: str, password: str) -> None:
    engine = owner_engine(owner_url)
    with engine.connect() as connection:
        # Hashed here, so that the password reaches neither the server's log nor its statistics.
        driver = connection.connection.driver_connection
        assert driver is not None  # noqa: S101  (the pool just opened it)
        hashed = driver.pgconn.encrypt_password(password.encode(), APP_ROLE.encode(), b"scram-sha-256").decode()
        statement = sql.SQL("ALTER ROLE {} WITH LOGIN PASSWORD {}").format(sql.Identifier(APP_ROLE), hashed)
        driver.autocommit = True
        driver.execute(statement)
    engine.dispose()


def downgrade(revision: str) -> None:
    """Take migrations back to *revision* (`base`: all of them)."""
    command.downgrade(_config(), revision)


def check_models() -> None:
    """Raise alembic's CommandError when the models and the migrated schema differ."""
    command.check(_config())


def head_revision() -> str:
    """Return the revision that this code expects."""
    return ScriptDirectory.from_config(_config()).get_current_head() or ""


def revision_of(connection: Connection) -> str | None:
    """Return the revision that the database has, None before the first migration."""
    return MigrationContext.configure(connection).get_current_revision()


def refuse_unfit_database(database: Database) -> None:
    """Raise Misconfigured unless this is a role that the walls hold, on a schema that is up to date.

    Row-level security is no wall for a superuser, for a role with BYPASSRLS, or for the tables' owner,
    who may switch it off (PostgreSQL manual, "Row Security Policies").
    """
    with database.look_up() as connection:
        role = connection.execute(_WALLS).one()
        if role.rolsuper or role.rolbypassrls or role.owns:
            message = (
                f"the database role {role.rolname} could bypass the walls between organizations: "
                f"let DATABASE_URL name the role {APP_ROLE}, and PSMS_OWNER_DATABASE_URL the owner"
            )
            raise Misconfigured(message)
        if role.owns is None:
            message = "the database is empty: run `python -m psms migrate`"
            raise Misconfigured(message)
