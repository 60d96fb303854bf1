"""Bringing the schema up to date, for `psms migrate`; what a running process asks of it is in `fitness`."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from psycopg import sql
from sqlalchemy.engine import make_url

from psms.db.fitness import APP_ROLE, HEAD, revision_of
from psms.db.session import owner_engine

_MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"


def _config(owner_url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["owner_url"] = owner_url
    return config


def upgrade(owner_url: str, app_url: str) -> str:
    """Migrate to the newest revision and return it; give the application's role its password.

    *owner_url* names a role that may create roles and owns the database; *app_url* is what the
    application will use. Safe to run again, and by several at once: they take turns.
    """
    command.upgrade(_config(owner_url), "head")
    password = make_url(app_url).password
    if make_url(app_url).username == APP_ROLE and password:
        _give_password(owner_url, str(password))
    return HEAD


def revision(owner_url: str) -> str | None:
    """Return the revision that the database has now, None before the first migration."""
    engine = owner_engine(owner_url)
    with engine.connect() as connection:
        found = revision_of(connection)
    engine.dispose()
    return found


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


def downgrade(owner_url: str, revision: str) -> None:
    """Take migrations back to *revision* (`base`: all of them)."""
    command.downgrade(_config(owner_url), revision)


def check_models(owner_url: str) -> None:
    """Raise alembic's CommandError when the models and the migrated schema differ."""
    command.check(_config(owner_url))
