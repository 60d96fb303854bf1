"""From a release that stored in clear: `migrate` leaves no clear text, also when it is killed on its way."""

import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from standardwebhooks import Webhook

from psms.db import schema
from psms.domain.access import Role
from psms.domain.access.roles import RoleChoice
from psms.domain.accounts import NewUser
from psms.domain.answers import OnceKey
from psms.errors import AlreadyExists
from psms.ids import uuid7
from psms.runtime import Runtime
from tests.support.commands import environment_on, run_psms
from tests.support.databases import MigratedDatabase
from tests.support.dump import dump_of, found_in
from tests.support.receiver import Receiver
from tests.support.tenants import Tenant, add_endpoint, file_ticket, make_tenant
from workflows import directory
from workflows.deliveries import deliver_due
from workflows.relay import relay_outbox

PEOPLE = 12
SECRETS = ["whsec_" + letter * 43 + "=" for letter in "AE"]
_CLEAR = """
    SELECT (SELECT count(*) FROM users WHERE email IS NOT NULL),
           (SELECT count(*) FROM webhook_secrets WHERE secret IS NOT NULL)
"""


def address(n: int) -> str:
    """Return the address of one of the people."""
    return f"Person.{n}@Example.com"


def add_in_clear(database: MigratedDatabase, acme: Tenant, endpoint_id: UUID) -> list[UUID]:
    """Write what a former release would have written; return the ids of the people."""
    now = datetime.now(UTC)
    people = [uuid7(now, n) for n in range(PEOPLE)]
    organization, client = acme.organization_id, acme.client.id
    with psycopg.connect(database.superuser_url) as connection:
        connection.execute("DELETE FROM webhook_secrets")
        for n, secret in enumerate(SECRETS):
            connection.execute(
                "INSERT INTO webhook_secrets (organization_id, id, endpoint_id, secret, created_at) "
                "VALUES (%s, %s, %s, %s, now() - make_interval(hours => %s))",
                (organization, uuid7(now, n), endpoint_id, secret, n),
            )
        for n, person in enumerate(people):
            connection.execute(
                "INSERT INTO users (organization_id, id, email, name, role, created_at, updated_at) "
                "VALUES (%s, %s, %s, 'Person', 'agent', now(), now())",
                (organization, person, address(n)),
            )
        connection.execute(
            "INSERT INTO idempotency_keys (organization_id, client_id, key, fingerprint, body, location, etag, "
            "created_at, expires_at) VALUES (%s, %s, 'key', 'print', convert_to(%s, 'UTF8'), %s, '1', now(), "
            "now() + interval '1 day')",
            (organization, client, f'{{"email":"{address(0)}"}}', f"/v1/users/{people[0]}"),
        )
        connection.execute(
            "INSERT INTO logs (organization_id, id, at, action, outcome, target_type, target_id, after) "
            "VALUES (%s, %s, now(), 'user.created', 'done', 'user', %s, jsonb_build_object('email', %s::text))",
            (organization, uuid7(now, 99), people[0], address(0)),
        )
    return people


@pytest.fixture
def former(rt: Runtime, database: MigratedDatabase) -> Iterator[tuple[Tenant, list[UUID], Receiver]]:
    """A database of the former release, with two clients, an endpoint with two secrets, and people."""
    acme = make_tenant(rt)
    with Receiver() as partner:
        endpoint_id, _ = add_endpoint(rt, acme.actor, partner.url("/hook"))
        schema.downgrade(database.owner_url, "0002")
        rt.vault.cache.forget(acme.organization_id)
        yield acme, add_in_clear(database, acme, endpoint_id), partner


def test_migrate_encrypts_what_a_former_release_left_in_clear(
    rt: Runtime, database: MigratedDatabase, former: tuple[Tenant, list[UUID], Receiver], tmp_path: Path
) -> None:
    acme, people, partner = former
    done = run_psms(environment_on(database, tmp_path / "home"), "migrate")

    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, f"{2 + PEOPLE + 2 + 1} values were encrypted anew.")
    assert found_in(dump_of(database.superuser_url), *map(address, range(PEOPLE)), *SECRETS) == []
    assert [directory.get_user(rt, acme.actor, person).email for person in people] == [
        address(n) for n in range(PEOPLE)
    ]
    file_ticket(rt, acme.actor)
    relay_outbox(rt)
    assert deliver_due(rt) == 1
    request = partner.received[0]
    assert len(request.headers["webhook-signature"].split()) == 2
    for secret in SECRETS:
        Webhook(secret).verify(request.body, dict(request.headers))
    again = directory.add_user(
        rt,
        acme.actor,
        NewUser(email="x@y.zz", name="X", role=RoleChoice(role=Role.AGENT)),
        OnceKey(key="key", fingerprint=b"print"),
    )
    assert (again.replayed, again.body) == (True, f'{{"email":"{address(0)}"}}'.encode())
    assert run_psms(environment_on(database, tmp_path / "home"), "migrate").stdout.count("\n") == 1


@pytest.mark.parametrize("point", ["reencryption_uncommitted", "reencryption_committed"])
def test_a_killed_reencryption_resumes(
    rt: Runtime, database: MigratedDatabase, former: tuple[Tenant, list[UUID], Receiver], tmp_path: Path, point: str
) -> None:
    acme, people, _ = former
    schema.upgrade(database.owner_url, database.app_url)
    environment = environment_on(database, tmp_path / "home", PSMS_CRASH_AT=point)

    killed = run_psms(environment, "keys", "reencrypt", "--batch", "5")
    left = database.rows(_CLEAR)

    assert killed.returncode == -signal.SIGKILL
    assert left == [(2 + PEOPLE, 2) if point.endswith("uncommitted") else (2 + PEOPLE, 0)]
    # What is in clear is read meanwhile, and its address is taken.
    assert directory.get_user(rt, acme.actor, people[0]).email == address(0)
    with pytest.raises(AlreadyExists):
        directory.add_user(
            rt, acme.actor, NewUser(email=address(3).upper(), name="X", role=RoleChoice(role=Role.AGENT)), None
        )
    resumed = run_psms(environment, "keys", "reencrypt", "--batch", "5")
    assert (resumed.returncode, resumed.stderr, database.rows(_CLEAR)) == (0, "", [(0, 0)])
    assert found_in(dump_of(database.superuser_url), *map(address, range(PEOPLE)), *SECRETS) == []
    assert directory.get_user(rt, acme.actor, people[0]).email == address(0)


def test_the_trail_of_a_former_release_keeps_its_entries_without_their_addresses(
    database: MigratedDatabase, former: tuple[Tenant, list[UUID], Receiver]
) -> None:
    entries = "SELECT id, action, after FROM logs ORDER BY id"
    before = database.rows(entries)

    schema.upgrade(database.owner_url, database.app_url)

    after = database.rows(entries)
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert [new[2] for _, new in changed] == [{"email": "[not logged]"}]
    with pytest.raises(psycopg.errors.InsufficientPrivilege), psycopg.connect(database.superuser_url) as connection:
        connection.execute("UPDATE logs SET id = id")
