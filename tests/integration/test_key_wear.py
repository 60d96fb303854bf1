"""Values are counted under each data key before they are encrypted, and a key that has encrypted enough is rotated."""

from dataclasses import replace
from datetime import timedelta

from psycopg import sql

from psms.adapters.key_cache import KeyCache
from psms.adapters.message_counts import MessageCounts
from psms.domain.access import Role
from psms.domain.access.roles import RoleChoice
from psms.domain.accounts import NewUser
from psms.domain.encryption import Purpose
from psms.runtime import Runtime
from tests.support.commands import environment_on, run_psms
from tests.support.databases import MigratedDatabase
from tests.support.statements import heard
from tests.support.tenants import Tenant, add_endpoint
from workflows import directory
from workflows.data_keys import keyring_to_write, reserve_messages
from workflows.upkeep import keep_house

_COUNTS = "SELECT purpose, messages FROM data_keys ORDER BY purpose"
_NEWEST = "SELECT purpose, max(version) FROM data_keys WHERE organization_id = %s GROUP BY 1 ORDER BY 1"


def counted(count: int) -> list[tuple[str, int]]:
    """Return what is counted under the keys of one organization when each that encrypts has *count*."""
    return [("files", count), ("index", 0), ("personal", count), ("webhooks", count)]


def add_user(rt: Runtime, tenant: Tenant, number: int) -> None:
    """Add a person."""
    command = NewUser(email=f"{number}@example.com", name="Somebody", role=RoleChoice(role=Role.AGENT))
    directory.add_user(rt, tenant.actor, command, None)


def restarted(rt: Runtime) -> Runtime:
    """Return the runtime of another process: what the former one had reserved is lost."""
    return replace(rt, vault=replace(rt.vault, cache=KeyCache(), counts=MessageCounts()))


def test_values_are_counted_before_they_are_encrypted_and_many_at_once(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    keys = keyring_to_write(rt, acme.organization_id)
    assert database.rows(_COUNTS) == counted(1024)

    for number in range(3):
        add_user(rt, acme, number)
    assert database.rows(_COUNTS) == counted(1024)
    # As few left as one act may need: the next act counts anew, for the key that needs it.
    personal = keys.newest(Purpose.PERSONAL)
    for _ in range(1024 - 3 - 63):
        rt.vault.counts.spend(acme.organization_id, personal)
    keyring_to_write(rt, acme.organization_id)

    assert database.rows(_COUNTS) == [("files", 1024), ("index", 0), ("personal", 2048), ("webhooks", 1024)]


def test_what_a_killed_process_had_reserved_is_counted_and_never_used_again(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    add_user(rt, acme, 1)
    add_user(restarted(rt), acme, 2)

    assert database.rows(_COUNTS) == counted(2048)


def test_more_than_usual_is_counted_before_it_is_encrypted(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    keys = keyring_to_write(rt, acme.organization_id)

    reserve_messages(rt, acme.organization_id, keys, 5000)

    assert database.rows(_COUNTS) == counted(1024 + 5000)


def test_a_key_that_has_encrypted_enough_is_rotated_by_upkeep_in_its_organization_only(
    rt: Runtime, acme: Tenant, stranger: Tenant, database: MigratedDatabase
) -> None:
    add_user(rt, acme, 1)
    add_user(rt, stranger, 1)
    wear = sql.SQL("UPDATE data_keys SET messages = {} WHERE purpose = 'personal' AND organization_id = {}")
    database.run(wear.format(sql.Literal(2**28 - 1), sql.Literal(acme.organization_id)))
    keep_house(rt)
    before = database.rows(_NEWEST, acme.organization_id)
    assert before == [("files", 1), ("index", 1), ("personal", 1), ("webhooks", 1)]

    database.run(wear.format(sql.Literal(2**28), sql.Literal(acme.organization_id)))
    database.move_clock(timedelta(minutes=11))
    told = run_psms(environment_on(database, rt.settings.home), "keys", "status")
    keep_house(rt)

    assert "values under one data key: at most 268435456; at 268435456 workers rotate it" in told.stdout
    rotated = [("files", 2), ("index", 1), ("personal", 2), ("webhooks", 2)]
    assert database.rows(_NEWEST, acme.organization_id) == rotated
    assert database.rows(_NEWEST, stranger.organization_id) == before
    add_user(restarted(rt), acme, 2)
    newest = "SELECT count(*) FROM users WHERE substring(email_encrypted FROM 2 FOR 4) = %s"
    (last,) = database.rows("SELECT max(id) FROM data_keys WHERE purpose = 'personal'")[0]
    assert isinstance(last, int)
    assert database.rows(newest, last.to_bytes(4)) == [(1,)]
    # The worn key encrypts no longer, so the next slot leaves everything as it is.
    database.move_clock(timedelta(minutes=22))
    keep_house(rt)
    assert database.rows(_NEWEST, acme.organization_id) == rotated


def test_counting_adds_no_statement_to_the_acts_that_encrypt(rt: Runtime, acme: Tenant) -> None:
    add_user(rt, acme, 1)
    add_endpoint(rt, acme.actor, "http://127.0.0.1:40009/hook")

    statements: list[str] = []
    with heard(lambda statement: statement, lambda statement, _: statements.append(statement)):
        add_user(rt, acme, 2)
        add_endpoint(rt, acme.actor, "http://127.0.0.1:40009/hook")

    assert [one for one in statements if "data_keys" in one] == []
    assert any("INSERT INTO users" in one for one in statements)
