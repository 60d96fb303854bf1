"""The blind index's key changes while processes with former keys go on: addresses are found, and unique, throughout."""

import signal
from dataclasses import replace
from datetime import timedelta

import pytest
from psycopg import sql

from psms.adapters.key_cache import KeyCache
from psms.domain.access import Role
from psms.domain.access.roles import RoleChoice
from psms.domain.accounts import NewUser
from psms.domain.data_keys import IndexStep
from psms.errors import AlreadyExists, KeysShredded, NotFound
from psms.runtime import Runtime
from tests.support.commands import environment_on, run_psms
from tests.support.databases import MigratedDatabase
from tests.support.tenants import Tenant
from workflows import directory, keys
from workflows.addresses import user_with_address
from workflows.data_keys import keyring
from workflows.index_rotation import rotate_index
from workflows.reencryption import reencrypt

LATER = timedelta(minutes=16)
_INDEXED = "SELECT count(email_index), count(email_index_even) FROM users WHERE NOT is_service"


def process(rt: Runtime, tenant: Tenant) -> Runtime:
    """Return the runtime of another process, which knows the keys as they are now."""
    other = replace(rt, vault=replace(rt.vault, cache=KeyCache()))
    keyring(other, tenant.organization_id)
    return other


def add_user(rt: Runtime, tenant: Tenant, name: str) -> None:
    """Add a person."""
    command = NewUser(email=f"{name}@Example.com", name=name, role=RoleChoice(role=Role.AGENT))
    directory.add_user(rt, tenant.actor, command, None)


def assert_whole(tenant: Tenant, processes: list[Runtime], names: list[str]) -> None:
    """Assert that every process finds every address, and lets none be given twice."""
    for rt in processes:
        for name in names:
            assert user_with_address(rt, tenant.organization_id, f"{name}@example.COM") is not None
            with pytest.raises(AlreadyExists):
                add_user(rt, tenant, name.upper())


def test_a34_addresses_are_found_and_unique_at_every_step_for_every_process(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    add_user(rt, acme, "first")
    before = process(rt, acme)

    begun = rotate_index(process(rt, acme), acme.organization_id, 500)
    assert (begun.step, begun.changed) == (IndexStep.BOTH, 1)
    both = process(rt, acme)
    add_user(before, acme, "by-former")
    add_user(both, acme, "by-both")
    assert database.rows(_INDEXED) == [(3, 2)]
    assert_whole(acme, [before, both], ["first", "by-former", "by-both"])
    # Too early: whoever does not know the new key yet still writes with the former alone.
    again = rotate_index(rt, acme.organization_id, 500)
    assert (again.step, again.changed, again.again_at) == (IndexStep.BOTH, 1, begun.again_at)

    database.move_clock(LATER)
    assert rotate_index(rt, acme.organization_id, 500).step is IndexStep.RETIRED
    after = process(rt, acme)
    add_user(both, acme, "by-both-late")
    add_user(after, acme, "by-new")
    assert database.rows(_INDEXED) == [(4, 5)]
    assert_whole(acme, [both, after], ["first", "by-former", "by-both", "by-both-late", "by-new"])
    assert rotate_index(rt, acme.organization_id, 500).step is IndexStep.RETIRED

    database.move_clock(2 * LATER)
    done = rotate_index(rt, acme.organization_id, 2)
    assert (done.step, done.changed, done.unreadable) == (IndexStep.FINISHED, 4, ())
    assert database.rows(_INDEXED) == [(0, 5)]
    assert_whole(acme, [after, process(rt, acme)], ["first", "by-former", "by-both", "by-both-late", "by-new"])


def test_the_key_can_be_changed_a_second_time(rt: Runtime, acme: Tenant, database: MigratedDatabase) -> None:
    add_user(rt, acme, "first")
    for number in range(6):
        database.move_clock(number * LATER)
        rotate_index(rt, acme.organization_id, 500)

    assert database.rows(_INDEXED) == [(1, 0)]
    versions = "SELECT version, retired_at IS NULL FROM data_keys WHERE purpose = 'index' ORDER BY version"
    assert database.rows(versions) == [(1, False), (2, False), (3, True)]
    assert_whole(acme, [process(rt, acme)], ["first"])


def test_two_processes_that_know_different_keys_cannot_both_give_one_address(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    add_user(rt, acme, "first")
    before = process(rt, acme)
    rotate_index(rt, acme.organization_id, 500)
    add_user(before, acme, "same")
    # The check before the insertion saw nothing: what is left is the unique index.
    twice = """INSERT INTO users (organization_id, id, email_encrypted, email_index, email_index_even, name, role,
        created_at, updated_at) SELECT organization_id, {}, email_encrypted, email_index, {}, name, role, created_at,
        updated_at FROM users WHERE name = 'same'"""
    with pytest.raises(Exception, match="uq_users_email_index"):
        database.run(sql.SQL(twice).format(sql.Literal(acme.client.id), sql.Literal(b"another")))


def test_reencryption_beside_the_change_takes_no_index_away(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    add_user(rt, acme, "first")
    rotate_index(rt, acme.organization_id, 500)
    keys.rotate_data_keys(rt, acme.organization_id)

    assert reencrypt(rt, 500).changed == 1

    assert database.rows(_INDEXED) == [(1, 1)]
    assert_whole(acme, [process(rt, acme)], ["first"])


def test_a_killed_command_goes_on_and_says_when_to_call_it_again(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    for number in range(5):
        add_user(rt, acme, f"p{number}")
    dying = environment_on(database, rt.settings.home, PSMS_CRASH_AT="index_filled")
    command = ("keys", "rotate-index", "--batch", "2", "--organization", str(acme.organization_id))

    killed = run_psms(dying, *command)
    half_way = database.rows(_INDEXED)
    resumed = run_psms(dying, *command)

    assert (killed.returncode, half_way) == (-signal.SIGKILL, [(5, 2)])
    assert resumed.stdout.startswith("3 addresses were indexed under the new key; both are in use. Go on with the ")
    database.move_clock(LATER)
    assert run_psms(dying, *command).stdout.startswith("The former key is in use no longer. Go on with the same ")
    database.move_clock(2 * LATER)
    assert run_psms(dying, *command).stdout == (
        "The key was changed: 5 former indexes were removed. This is finished.\n"
    )
    assert database.rows(_INDEXED) == [(0, 5)]


def test_an_address_that_does_not_open_is_named_and_keeps_the_former_key_in_use(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    add_user(rt, acme, "good")
    add_user(rt, acme, "bad")
    changed = "set_byte(email_encrypted, 20, 255 - get_byte(email_encrypted, 20))"
    database.run(sql.SQL("UPDATE users SET email_encrypted = " + changed + " WHERE name = 'bad'"))
    ((bad,),) = database.rows("SELECT id FROM users WHERE name = 'bad'")
    rotate_index(rt, acme.organization_id, 500)
    database.move_clock(LATER)

    done = rotate_index(rt, acme.organization_id, 500)

    assert (done.step, done.unreadable) == (IndexStep.BOTH, (f"users/{bad}",))
    assert database.rows(_INDEXED) == [(2, 1)]
    assert database.rows("SELECT target_id FROM logs WHERE action = 'value.decrypted'") == [(bad,)]


def test_only_organizations_with_keys_can_change_them(rt: Runtime, acme: Tenant, stranger: Tenant) -> None:
    with pytest.raises(NotFound):
        rotate_index(rt, acme.client.id, 500)
    add_user(rt, stranger, "first")
    keys.shred(rt, stranger.organization_id)
    with pytest.raises(KeysShredded):
        rotate_index(rt, stranger.organization_id, 500)
