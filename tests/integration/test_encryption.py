"""Encryption at rest over real tables: nothing readable in a dump, nothing readable in another place."""

import json
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from psycopg import sql

from psms.adapters.key_cache import KeyCache
from psms.db.models.accounts import UserRow
from psms.db.queries import records
from psms.domain.access import Role
from psms.domain.access.roles import RoleChoice
from psms.domain.accounts import NewUser
from psms.domain.answers import OnceKey
from psms.domain.pages import PageRequest
from psms.domain.webhooks import DeliveryState
from psms.errors import AlreadyExists, Undecryptable
from psms.guard import TransactionOpenError
from psms.runtime import Runtime
from tests.support.databases import MigratedDatabase
from tests.support.dump import dump_of, found_in
from tests.support.receiver import Receiver
from tests.support.tenants import Tenant, add_endpoint, file_ticket
from workflows import delivery_history, directory, endpoint_secrets
from workflows.addresses import address_of, user_with_address
from workflows.deliveries import deliver_due
from workflows.relay import relay_outbox

ALICE, BOB = "Alice@Example.com", "bob@example.com"
_REFUSALS = "SELECT target_type, target_id, after FROM logs WHERE action = 'value.decrypted' AND outcome = 'denied'"


def add_user(rt: Runtime, tenant: Tenant, email: str, once: OnceKey | None = None) -> UUID:
    """Add a person and return the id."""
    command = NewUser(email=email, name="Somebody", role=RoleChoice(role=Role.AGENT))
    return UUID(json.loads(directory.add_user(rt, tenant.actor, command, once).body)["id"])


def swap(database: MigratedDatabase, table: str, columns: str, first: object, second: object) -> None:
    """Exchange *columns* between two rows of a table, as somebody with the database in hands could."""
    names = sql.SQL(columns)
    database.run(
        sql.SQL("UPDATE {t} SET ({c}) = (SELECT {c} FROM {t} o WHERE o.id <> {t}.id AND o.id IN ({a}, {b}))").format(
            t=sql.Identifier(table), c=names, a=sql.Literal(first), b=sql.Literal(second)
        )
        + sql.SQL(" WHERE id IN ({}, {})").format(sql.Literal(first), sql.Literal(second))
    )


def test_a30_a_dump_of_every_table_shows_no_secret_and_no_address(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    add_user(rt, acme, ALICE, OnceKey(key="key", fingerprint=b"print"))
    add_user(rt, acme, BOB)
    with Receiver() as partner:
        endpoint_id, first = add_endpoint(rt, acme.actor, partner.url("/hook"))
        second = endpoint_secrets.rotate_secret(rt, acme.actor, endpoint_id).secret
        assert second is not None
        file_ticket(rt, acme.actor)
        relay_outbox(rt)
        assert deliver_due(rt) == 1
    dump = dump_of(database.superuser_url)

    assert found_in(dump, ALICE, BOB, first, second, acme.client_secret, acme.token) == []
    # The dump is one that would show them.
    assert found_in(dump, "Somebody", acme.client.client_id, partner.url("/hook")) != []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE webhook_secrets SET secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', secret_encrypted = NULL",
        "UPDATE webhook_endpoints SET description = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'",
        "UPDATE idempotency_keys SET body = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'",
        "UPDATE idempotency_keys SET body = decode('MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'base64')",
    ],
)
def test_a_secret_in_clear_is_found_in_a_dump(
    rt: Runtime, acme: Tenant, database: MigratedDatabase, statement: str
) -> None:
    add_user(rt, acme, ALICE, OnceKey(key="key", fingerprint=b"print"))
    add_endpoint(rt, acme.actor, "http://127.0.0.1:40009/hook")

    database.run(sql.SQL(statement))

    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    assert found_in(dump_of(database.superuser_url), secret) == [secret]


def test_an_address_is_shown_as_it_was_given_wherever_users_are_shown(rt: Runtime, acme: Tenant) -> None:
    user_id = add_user(rt, acme, ALICE)

    listed = {user.id: user.email for user in directory.list_users(rt, acme.actor, PageRequest()).items}

    assert directory.get_user(rt, acme.actor, user_id).email == listed[user_id] == ALICE
    assert listed[acme.actor.user_id] == f"{acme.actor.user_id}@clients.invalid"


def test_a_repeated_request_gets_the_same_answer_though_it_is_kept_encrypted(rt: Runtime, acme: Tenant) -> None:
    once = OnceKey(key="key", fingerprint=b"print")
    command = NewUser(email=ALICE, name="Alice", role=RoleChoice(role=Role.AGENT))

    first = directory.add_user(rt, acme.actor, command, once)
    again = directory.add_user(rt, acme.actor, command, once)

    assert (again.replayed, again.body, again.location) == (True, first.body, first.location)
    assert json.loads(again.body)["email"] == ALICE


def test_a34_an_address_is_found_whatever_its_case_and_in_its_own_organization_only(
    rt: Runtime, acme: Tenant, stranger: Tenant
) -> None:
    user_id = add_user(rt, acme, ALICE)

    assert user_with_address(rt, acme.organization_id, "alice@example.com") == user_id
    assert user_with_address(rt, acme.organization_id, "ALICE@EXAMPLE.COM") == user_id
    assert user_with_address(rt, stranger.organization_id, ALICE) is None
    assert user_with_address(rt, acme.organization_id, BOB) is None


def test_a_process_that_knew_no_keys_finds_what_another_one_encrypted(rt: Runtime, acme: Tenant) -> None:
    other = replace(rt, vault=replace(rt.vault, cache=KeyCache()))
    assert user_with_address(other, acme.organization_id, ALICE) is None

    user_id = add_user(rt, acme, ALICE)

    assert user_with_address(other, acme.organization_id, ALICE) == user_id
    assert directory.get_user(other, acme.actor, user_id).email == ALICE


def test_nothing_is_decrypted_while_a_transaction_is_open(rt: Runtime, acme: Tenant) -> None:
    user_id = add_user(rt, acme, ALICE)

    with rt.db.begin(acme.organization_id) as session, pytest.raises(TransactionOpenError):
        address_of(rt, records.get(session, UserRow, user_id))


def test_an_address_is_unique_in_its_organization_whatever_its_case(
    rt: Runtime, acme: Tenant, stranger: Tenant, database: MigratedDatabase
) -> None:
    add_user(rt, acme, ALICE)
    add_user(rt, stranger, ALICE)
    before = database.count("users")

    with pytest.raises(AlreadyExists, match="A user with this e-mail address already exists"):
        add_user(rt, acme, ALICE.upper())

    assert database.count("users") == before
    indexes = database.rows("SELECT email_index FROM users WHERE email_index IS NOT NULL")
    assert len(set(indexes)) == 2


def test_a32_addresses_swapped_between_two_rows_are_refused_and_noted(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    alice, bob = add_user(rt, acme, ALICE), add_user(rt, acme, BOB)

    swap(database, "users", "email_encrypted", alice, bob)

    with pytest.raises(Undecryptable) as refusal:
        directory.get_user(rt, acme.actor, alice)
    assert BOB not in str(refusal.value)
    assert database.rows(_REFUSALS) == [("users", alice, {"column": "email_encrypted"})]
    swap(database, "users", "email_encrypted", alice, bob)
    assert directory.get_user(rt, acme.actor, alice).email == ALICE


def test_a32_a_value_put_into_another_column_is_refused(rt: Runtime, acme: Tenant, database: MigratedDatabase) -> None:
    once = OnceKey(key="key", fingerprint=b"print")
    user_id = add_user(rt, acme, ALICE, once)

    # Of one row, one purpose and one key: only the column is another.
    database.run(sql.SQL("UPDATE users SET email_encrypted = (SELECT body FROM idempotency_keys) WHERE NOT is_service"))

    with pytest.raises(Undecryptable):
        directory.get_user(rt, acme.actor, user_id)
    assert database.rows(_REFUSALS) == [("users", user_id, {"column": "email_encrypted"})]


def test_a32_a_value_of_another_organization_is_refused(
    rt: Runtime, acme: Tenant, stranger: Tenant, database: MigratedDatabase
) -> None:
    mine, theirs = add_user(rt, acme, ALICE), add_user(rt, stranger, BOB)

    # Both keys have the same number, and the strangers' row even comes with the wrapped keys of its organization.
    swap(database, "users", "email_encrypted", mine, theirs)
    with pytest.raises(Undecryptable):
        directory.get_user(rt, acme.actor, mine)
    move_keys = "UPDATE data_keys a SET wrapped = b.wrapped FROM data_keys b WHERE a.organization_id = {} "
    move_keys += "AND b.organization_id = {} AND a.id = b.id"
    database.run(sql.SQL(move_keys).format(sql.Literal(acme.organization_id), sql.Literal(stranger.organization_id)))
    rt.vault.cache.forget(acme.organization_id)
    with pytest.raises(Undecryptable):
        directory.get_user(rt, acme.actor, mine)

    assert database.rows(_REFUSALS) == [
        ("users", mine, {"column": "email_encrypted"}),
        ("data_keys", None, {"column": "wrapped", "row": 1}),
    ]


def test_a32_what_does_not_open_is_noted_once_a_day_however_often_it_is_read(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    alice, bob = add_user(rt, acme, ALICE), add_user(rt, acme, BOB)
    swap(database, "users", "email_encrypted", alice, bob)

    def read() -> None:
        for user_id in (alice, bob):
            with pytest.raises(Undecryptable):
                directory.get_user(rt, acme.actor, user_id)
        with pytest.raises(Undecryptable):
            directory.list_users(rt, acme.actor, PageRequest())

    read()
    read()
    noted = database.rows(f"SELECT organization_id, actor_id, before, {_REFUSALS.removeprefix('SELECT ')} ORDER BY id")
    assert noted == [
        (acme.organization_id, None, None, "users", user_id, {"column": "email_encrypted"}) for user_id in (alice, bob)
    ]
    database.move_clock(timedelta(days=1, minutes=1))
    read()
    assert len(database.rows(_REFUSALS)) == 4
    assert database.rows("SELECT 1 FROM logs WHERE logs::text ~* 'example.com'") == []


def test_a32_swapped_signing_secrets_sign_nothing_and_what_waits_is_sent_once_they_are_back(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    with Receiver() as partner:
        endpoint_id, _ = add_endpoint(rt, acme.actor, partner.url("/one"))
        add_endpoint(rt, acme.actor, partner.url("/two"))
        secrets = [row_id for (row_id,) in database.rows("SELECT id FROM webhook_secrets ORDER BY id")]
        swap(database, "webhook_secrets", "secret_encrypted", *secrets)
        file_ticket(rt, acme.actor)
        relay_outbox(rt)

        assert deliver_due(rt) == 2
        assert partner.received == []
        page = delivery_history.list_deliveries(rt, acme.actor, endpoint_id, PageRequest(), None)
        attempts = delivery_history.get_delivery(rt, acme.actor, endpoint_id, page.items[0].id).attempts
        assert [(a.outcome, a.error) for a in attempts] == [
            ("unsigned", "Not sent: a signing secret could not be had (undecryptable).")
        ]
        assert sorted(str(row[1]) for row in database.rows(_REFUSALS)) == sorted(map(str, secrets))

        swap(database, "webhook_secrets", "secret_encrypted", *secrets)
        delivery_history.resend(rt, acme.actor, endpoint_id, page.items[0].id)
        assert deliver_due(rt) == 1
        assert len(partner.received) == 1
    again = delivery_history.list_deliveries(rt, acme.actor, endpoint_id, PageRequest(), None)
    assert again.items[0].state is DeliveryState.DELIVERED


def test_the_trail_says_that_an_address_was_set_and_not_which(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    user_id = add_user(rt, acme, ALICE)

    entries = database.rows("SELECT after FROM logs WHERE action = 'user.created' AND target_id = %s", user_id)

    assert entries == [({"email": "[not logged]", "name": "Somebody", "role": "agent", "role_id": None},)]
