"""PostgreSQL restarted, backends terminated, and what people wrote kept out of the log."""

from dataclasses import replace

import pytest
from psycopg import sql

from psms.db.session import Database
from psms.domain.access import Role
from psms.domain.access.roles import RoleChoice
from psms.domain.accounts import NewUser
from psms.errors import DependencyUnavailable, FieldError
from psms.runtime import Runtime
from psms.settings import Settings
from tests.support.databases import MigratedDatabase
from tests.support.tenants import file_ticket, make_tenant
from workflows import accounts, directory
from workflows.operations import readiness

TERMINATE = sql.SQL(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


def test_the_first_request_after_a_restart_is_answered(rt: Runtime, database: MigratedDatabase) -> None:
    tenant = make_tenant(rt)
    database.run(TERMINATE)

    assert accounts.authenticate(rt, tenant.token, "after").organization_id == tenant.organization_id
    database.run(TERMINATE)
    file_ticket(rt, tenant.actor)
    database.run(TERMINATE)
    assert [dependency.ready for dependency in readiness(rt)] == [True, True]
    assert database.count("tickets") == 1


def test_a_server_that_is_away_is_said_to_be_away(rt: Runtime, settings: Settings) -> None:
    gone = Database(settings.database_url.rsplit("@", 1)[0] + "@127.0.0.1:1/psms", pool_size=1)

    with pytest.raises(DependencyUnavailable, match="does not answer"):
        accounts.client_for(replace(rt, db=gone), "client_x")
    (postgresql, _) = readiness(replace(rt, db=gone))
    assert (postgresql.ready, postgresql.required) == (False, True)


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("53100", "cannot store anything now"),  # disk_full
        ("58030", "cannot store anything now"),  # io_error
        ("XX000", "cannot store anything now"),  # internal_error, which a full quota is, too
        ("25006", "cannot store anything now"),  # read_only_sql_transaction
        ("53200", "does not answer"),  # out_of_memory
    ],
)
def test_a_server_that_cannot_write_is_said_to_be_unable_and_nothing_changes(
    rt: Runtime, database: MigratedDatabase, state: str, said: str
) -> None:
    tenant = make_tenant(rt)
    refusing = """CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql
        AS $$ BEGIN RAISE EXCEPTION 'no room' USING ERRCODE = '{}'; END $$;
        CREATE TRIGGER refuse BEFORE INSERT ON outbox FOR EACH ROW EXECUTE FUNCTION refuse()"""
    database.run(sql.SQL(refusing.format(state)))

    with pytest.raises(DependencyUnavailable, match=said):
        file_ticket(rt, tenant.actor)

    assert {table: database.count(table) for table in ("tickets", "events", "outbox", "idempotency_keys")} == {
        "tickets": 0,
        "events": 0,
        "outbox": 0,
        "idempotency_keys": 0,
    }


def test_what_people_wrote_is_not_in_the_text_of_a_database_error(rt: Runtime) -> None:
    tenant = make_tenant(rt)
    command = NewUser(email="private@example.com", name="A NUL \x00 here", role=RoleChoice(role=Role.AGENT))

    with pytest.raises(Exception) as problem:  # noqa: PT011  (whatever it is)
        directory.add_user(rt, tenant.actor, command, None)

    assert not isinstance(problem.value, FieldError) or "private@" not in str(problem.value)
    assert "private@" not in repr(problem.value)
    assert "private@" not in str(problem.value.__cause__)
