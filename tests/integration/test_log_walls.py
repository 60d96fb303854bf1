"""The log can only be added to, by whoever asks, in whatever table or partition; old months can be dropped whole."""

from datetime import timedelta

import psycopg
import pytest
from psycopg import errors, sql
from sqlalchemy import text

from psms.runtime import Runtime
from tests.support.databases import MigratedDatabase
from tests.support.log_tools import found, sealed_and_signed, verified
from tests.support.tenants import Tenant, file_ticket
from workflows.log_seals import seal_logs

TABLES = ("logs", "log_seals", "log_checkpoints")
CHANGES = (
    "UPDATE {} SET organization_id = organization_id",
    "DELETE FROM {}",
    "TRUNCATE {}",
    "ALTER TABLE {} DISABLE TRIGGER ALL",
)
PARTITIONS = """
    SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'logs'::regclass
"""


@pytest.fixture
def filled(rt: Runtime, database: MigratedDatabase, acme: Tenant) -> Tenant:
    """An organization with an entry in each of the tables."""
    file_ticket(rt, acme.actor)
    sealed_and_signed(rt, database)
    return acme


def everything(database: MigratedDatabase) -> list[str]:
    """Return the tables of the log with all partitions."""
    return [*TABLES, *(str(name) for (name,) in database.rows(PARTITIONS))]


@pytest.mark.parametrize("change", CHANGES)
def test_a35_the_application_may_change_nothing(database: MigratedDatabase, filled: Tenant, change: str) -> None:
    for table in everything(database):
        with psycopg.connect(database.app_url) as connection:
            connection.execute("SELECT set_config('psms.organization_id', %s, true)", [str(filled.organization_id)])
            with pytest.raises(errors.InsufficientPrivilege, match=r"permission denied|must be owner"):
                connection.execute(sql.SQL(change).format(sql.Identifier(table)))


@pytest.mark.parametrize("change", CHANGES[:3])
def test_a35_a_trigger_stops_a_superuser_too(database: MigratedDatabase, filled: Tenant, change: str) -> None:
    for table in everything(database):
        with psycopg.connect(database.superuser_url) as connection:
            # Row by row: where there is none there is nothing to stop.
            if not change.startswith("TRUNCATE") and not database.count(table):
                continue
            with pytest.raises(errors.InsufficientPrivilege, match=rf"{table}\w* is append-only"):
                connection.execute(sql.SQL(change).format(sql.Identifier(table)))


@pytest.mark.parametrize("change", CHANGES[:3])
def test_a35_a_trigger_stops_the_owner_who_takes_the_walls_away(
    database: MigratedDatabase, filled: Tenant, change: str
) -> None:
    for table in everything(database):
        if not change.startswith("TRUNCATE") and not database.count(table):
            continue
        with psycopg.connect(database.owner_url) as connection:
            # The owner is bound by the walls too, and may take them away: no row is hidden from the triggers then.
            connection.execute(sql.SQL("ALTER TABLE {} NO FORCE ROW LEVEL SECURITY").format(sql.Identifier(table)))
            with pytest.raises(errors.InsufficientPrivilege, match=rf"{table}\w* is append-only"):
                connection.execute(sql.SQL(change).format(sql.Identifier(table)))
            connection.rollback()


def test_a35_a_month_that_is_made_later_is_protected_as_well(rt: Runtime, database: MigratedDatabase) -> None:
    database.run(sql.SQL("DROP TABLE logs_202705"))
    with rt.db.begin_system() as session:
        assert session.execute(text("SELECT psms_make_months(6)")).scalar_one() == 1
    with (
        psycopg.connect(database.superuser_url) as connection,
        pytest.raises(errors.InsufficientPrivilege, match="logs_202705 is append-only"),
    ):
        connection.execute("TRUNCATE logs_202705")


def test_a_month_that_is_dropped_leaves_a_log_that_verifies(
    rt: Runtime, database: MigratedDatabase, filled: Tenant
) -> None:
    before = verified(rt, filled.organization_id)
    (oldest, current) = sorted(str(name) for (name,) in database.rows(PARTITIONS))[:2]
    dropped = before.entries
    # As time does: the present month becomes one of the past.
    database.move_clock(timedelta(days=31))
    file_ticket(rt, filled.actor, "Next month")
    sealed_and_signed_later(rt, database)
    # As docs/security-log.md tells: taken out, then dropped.
    for month in (oldest, current):
        database.run(sql.SQL("ALTER TABLE logs DETACH PARTITION {}").format(sql.Identifier(month)))
    assert verified(rt, filled.organization_id).findings == []
    database.run(sql.SQL("DROP TABLE {}, {}").format(sql.Identifier(oldest), sql.Identifier(current)))

    after = verified(rt, filled.organization_id)

    assert (after.findings, after.dropped) == ([], dropped)
    assert after.entries > 0
    assert after.last_seq == after.dropped + after.entries
    assert found(rt) == []


def sealed_and_signed_later(rt: Runtime, database: MigratedDatabase) -> None:
    """Seal and sign by a clock that is a month ahead."""
    seal_logs(rt)
    database.move_clock(timedelta(days=31, minutes=6))
    seal_logs(rt)
