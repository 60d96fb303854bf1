"""`psms migrate` and `psms check-models`; the schema itself is in `psms.db` and `migrations`."""

import click

from psms.cli import startup
from psms.cli.keys import report
from psms.cli.lazy import load
from psms.cli.startup import unusable_database
from psms.errors import Misconfigured
from psms.settings import Settings

_BATCH = 500


@click.command()
def migrate() -> None:
    """Bring the database up to date.

    Uses PSMS_OWNER_DATABASE_URL, and gives the role of DATABASE_URL the password that stands there. Then encrypts,
    as that role, what former releases stored in clear; whoever is cut short calls `psms keys reencrypt`.
    """
    from sqlalchemy.exc import OperationalError  # noqa: PLC0415 (the command line starts fast)

    from psms.db import schema  # noqa: PLC0415

    settings = _with_database()
    try:
        before = schema.revision(settings.owner_database_url)
        revision = schema.upgrade(settings.owner_database_url, settings.database_url)
    except OperationalError as problem:
        raise unusable_database(settings.owner_database_url, "PSMS_OWNER_DATABASE_URL", problem) from problem
    if revision != before:
        _record(settings, revision)
    click.echo(f"The database is up to date: revision {revision}")
    _encrypt_what_is_in_clear(settings)


@click.command("check-models")
def check_models() -> None:
    """Compare models and database, for developers."""
    from alembic.util import CommandError  # noqa: PLC0415
    from sqlalchemy.exc import OperationalError  # noqa: PLC0415

    from psms.db import schema  # noqa: PLC0415

    settings = _with_database()
    try:
        schema.check_models(settings.owner_database_url)
    except OperationalError as problem:
        raise unusable_database(settings.owner_database_url, "PSMS_OWNER_DATABASE_URL", problem) from problem
    except CommandError as difference:
        raise Misconfigured(f"{difference}: write a migration for it") from difference


def _encrypt_what_is_in_clear(settings: Settings) -> None:
    startup.arm_crash_points(settings)
    try:
        startup.require_fit_database(settings)
    except Misconfigured as problem:
        click.echo(f"Nothing was encrypted: {problem.detail}", err=True)
        return
    rt = load("psms.runtime:build_quiet_runtime")(settings, worker="migrate")
    done = load("workflows.reencryption:reencrypt")(rt, _BATCH)
    if done.changed or done.left or done.unreadable:
        report(done)


def _record(settings: Settings, revision: str) -> None:
    from psms.db.session import Database  # noqa: PLC0415

    database = Database(settings.database_url, pool_size=1)
    load("workflows.system_events:record_migration")(database, revision)
    database.close()


def _with_database() -> Settings:
    settings = Settings.from_env()
    settings.require_database()
    return settings
