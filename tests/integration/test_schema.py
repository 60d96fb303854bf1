"""The schema: models and migrations agree, partitions are made ahead, old attempts are dropped."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import text

from psms.db import schema
from psms.db.fitness import HEAD
from psms.domain.access import Permission, Role
from psms.runtime import Runtime
from tests.support.databases import MigratedDatabase
from tests.support.offices import add_custom_caller
from tests.support.tenants import add_caller, file_ticket, make_tenant
from workflows.upkeep import keep_house

_PARTITIONS = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass ORDER BY 1"


def partitions(database: MigratedDatabase, table: str) -> list[str]:
    """Return the names of a table's partitions."""
    return [str(name) for (name,) in database.rows(_PARTITIONS, table)]


def test_the_newest_migration_is_the_revision_that_the_code_expects() -> None:
    files = sorted(path.name for path in Path("migrations/versions").glob("*.py"))

    assert files[-1].split("_")[0] == HEAD


def test_models_and_migrations_agree(database: MigratedDatabase) -> None:
    schema.check_models(database.owner_url)


def test_everything_can_be_taken_back_and_built_again(database: MigratedDatabase) -> None:
    schema.downgrade(database.owner_url, "base")
    assert database.rows("SELECT relname FROM pg_class WHERE relname = 'tickets'") == []

    assert schema.upgrade(database.owner_url, database.app_url) == HEAD
    assert database.count("tickets") == 0


def test_migrating_again_changes_nothing(database: MigratedDatabase) -> None:
    before = database.rows("SELECT relname, relfilenode FROM pg_class ORDER BY 1, 2")

    schema.upgrade(database.owner_url, database.app_url)

    assert database.rows("SELECT relname, relfilenode FROM pg_class ORDER BY 1, 2") == before


@pytest.mark.parametrize("table", ["logs", "events", "webhook_attempts"])
def test_partitions_reach_six_months_ahead(database: MigratedDatabase, table: str) -> None:
    now = datetime.now(UTC)
    months = [divmod(now.year * 12 + now.month - 1 + ahead, 12) for ahead in range(-1, 7)]

    assert partitions(database, table) == [f"{table}_{year}{month + 1:02}" for year, month in months]


def test_upkeep_makes_the_partitions_that_time_asks_for_and_only_once(rt: Runtime, database: MigratedDatabase) -> None:
    database.move_clock(timedelta(days=62))

    assert keep_house(rt) > 0
    made = partitions(database, "logs")
    assert keep_house(rt) == 0

    assert len(made) == 8 + 2
    file_ticket(rt, make_tenant(rt).actor)


def test_old_attempts_are_dropped_and_young_ones_refused(rt: Runtime, database: MigratedDatabase) -> None:
    database.move_clock(timedelta(days=200))
    with rt.db.begin_system() as session:
        session.execute(text("SELECT psms_ensure_partitions(6)"))
    with pytest.raises(Exception, match="at least 30 days"), rt.db.begin_system() as session:
        session.execute(text("SELECT psms_drop_attempts_before(psms_now())"))
    before = partitions(database, "webhook_attempts")

    keep_house(rt)

    after = partitions(database, "webhook_attempts")
    assert set(before) - set(after)
    assert len(partitions(database, "logs")) >= len(before)


def test_old_attempts_are_dropped_whatever_the_planner_does(rt: Runtime, database: MigratedDatabase) -> None:
    database.move_clock(timedelta(days=200))
    with rt.db.begin_system() as session:
        session.execute(text("SELECT psms_ensure_partitions(6)"))
    # So that every other relation of the catalogue is looked at, before it is known whose partition it is.
    for wish in ("nestloop", "mergejoin", "indexscan", "bitmapscan"):
        database.run(sql.SQL("ALTER ROLE psms_app SET {} = off").format(sql.Identifier(f"enable_{wish}")))
    before = partitions(database, "webhook_attempts")
    try:
        rt.db.close()
        keep_house(rt)
    finally:
        database.run(sql.SQL("ALTER ROLE psms_app RESET ALL"))

    assert set(before) - set(partitions(database, "webhook_attempts"))


def test_a_row_beyond_the_partitions_is_refused_rather_than_misplaced(database: MigratedDatabase) -> None:
    insert = sql.SQL(
        "INSERT INTO events (organization_id, id, type, schema_version, occurred_at, body)"
        " VALUES (gen_random_uuid(), 'ffffffff-0000-7000-8000-000000000000', 'x', 1, now(), '')"
    )
    with pytest.raises(psycopg.errors.CheckViolation, match="no partition"):
        database.run(insert)


def test_look_ups_by_id_read_one_partition(rt: Runtime, database: MigratedDatabase) -> None:
    tenant = make_tenant(rt)
    file_ticket(rt, tenant.actor)
    (event_id,) = database.rows("SELECT id FROM events")[0]
    with rt.db.begin(tenant.organization_id) as session:
        plan = session.execute(text("EXPLAIN SELECT body FROM events WHERE id = :id"), {"id": event_id})
        lines = "\n".join(str(line) for (line,) in plan)

    assert lines.count("Scan") == 1 + lines.count("Bitmap Heap Scan"), lines


def test_who_managed_users_and_clients_before_there_were_roles_may_manage_roles(
    rt: Runtime, database: MigratedDatabase
) -> None:
    wanted = {
        "all": (Role.ADMIN, ("users:write", "clients:manage", "tickets:read")),
        "some": (Role.ADMIN, ("users:write", "tickets:read")),
        "no admin": (Role.MANAGER, ("users:write", "clients:manage")),
    }
    acme = make_tenant(rt)
    ids = {name: add_caller(rt, acme.organization_id, *of).client.id for name, of in wanted.items()}
    narrow = add_custom_caller(rt, acme, Role.ADMIN, (Permission.TICKET_READ,)).client.id

    schema.downgrade(database.owner_url, "0002")
    off = database.rows("SELECT id FROM oauth_clients WHERE NOT active")
    schema.upgrade(database.owner_url, database.app_url)

    found = {row[0]: row[1] for row in database.rows("SELECT id, scopes FROM oauth_clients")}
    assert off == [(narrow,)]
    assert found[ids["all"]] == ["clients:manage", "tickets:read", "users:write", "roles:manage"]
    assert found[ids["some"]] == ["tickets:read", "users:write"]
    assert found[ids["no admin"]] == ["clients:manage", "users:write"]
