"""`psms keys`, and starting with other keys than those that the data were encrypted with."""

from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import text

from psms.adapters.key_cache import KeyCache
from psms.adapters.vault import vault_of
from psms.domain.access import Role
from psms.domain.access.roles import RoleChoice
from psms.domain.accounts import NewUser
from psms.domain.answers import OnceKey
from psms.domain.pages import PageRequest
from psms.domain.webhooks import NewEndpoint
from psms.errors import KeysShredded, NotAuthenticated, Undecryptable
from psms.runtime import Runtime
from psms.settings import Settings
from tests.support.commands import environment_on, run_psms
from tests.support.databases import MigratedDatabase
from tests.support.keys import kek_file
from tests.support.log_tools import findings, sealed_and_signed, verified
from tests.support.tenants import Tenant, add_endpoint, file_ticket
from workflows import accounts, directory, endpoints
from workflows.data_keys import keyring_to_write
from workflows.deliveries import deliver_due
from workflows.relay import relay_outbox

PAGE = PageRequest()
ALICE = NewUser(email="alice@example.com", name="Alice", role=RoleChoice(role=Role.AGENT))
COMMANDS = [
    ("api",),
    ("worker", "--queues", "webhooks", "--name", "hooks"),
    ("drain",),
    ("seed",),
    ("work", "list"),
    ("keys", "status"),
]


def restarted(rt: Runtime) -> Runtime:
    """Return the runtime of a process that has unwrapped nothing yet."""
    return replace(rt, vault=replace(rt.vault, cache=KeyCache()))


def user_id_of(location: str) -> UUID:
    """Return the id at the end of an address."""
    return UUID(location.rpartition("/")[2])


@pytest.mark.parametrize("arguments", COMMANDS, ids="-".join)
def test_a34_another_key_under_the_same_name_refuses_to_start(
    database: MigratedDatabase, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    ring = kek_file(tmp_path / "ring", "first")
    environment = environment_on(database, tmp_path / "home", PSMS_KEK_FILE=str(ring))
    assert run_psms(environment, "keys", "status").returncode == 0
    before = database.rows("SELECT * FROM key_canary")
    other = kek_file(tmp_path / "other", "second")
    other.write_text(other.read_text(encoding="utf-8").replace("second", "first"), encoding="utf-8")

    refused = run_psms(environment | {"PSMS_KEK_FILE": str(other)}, *arguments)

    assert refused.returncode == 1
    assert refused.stderr.splitlines()[-1] == (
        "psms: the key 'first' is not the one that this database was encrypted with: restore the right key to the "
        "file that PSMS_KEK_FILE names, or let DATABASE_URL name the database that belongs to this key"
    )
    assert database.rows("SELECT * FROM key_canary") == before
    assert database.count("users") == 0


@pytest.mark.parametrize("arguments", COMMANDS, ids="-".join)
def test_a34_a_key_that_is_missing_refuses_to_start(
    database: MigratedDatabase, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    environment = environment_on(database, tmp_path / "home")
    assert run_psms(environment, "migrate").returncode == 0

    refused = run_psms(environment | {"PSMS_KEK_FILE": str(kek_file(tmp_path / "ring", "new"))}, *arguments)

    assert refused.returncode == 1
    assert refused.stderr.splitlines()[-1] == (
        "psms: what is stored is encrypted under the key 'development', which is not configured: add it to the file "
        "that PSMS_KEK_FILE names, and remove it only once `python -m psms keys status` shows it unused"
    )


def test_a34_a_key_that_still_wraps_one_data_key_cannot_be_left_out(
    rt: Runtime, acme: Tenant, database: MigratedDatabase, tmp_path: Path
) -> None:
    home, ring = tmp_path / "home", str(kek_file(tmp_path / "ring", "a", "b"))
    both = environment_on(database, home, PSMS_KEK_FILE=ring, PSMS_KEK_PRIMARY="a")
    assert run_psms(both, "keys", "status").returncode == 0
    # The canary is under one key, what an organization has under the other.
    settings = Settings.from_env({"PSMS_KEK_FILE": ring, "PSMS_KEK_PRIMARY": "b"})
    keyring_to_write(replace(rt, vault=vault_of(settings, rt.chance)), acme.organization_id)

    assert run_psms(both, "keys", "status").returncode == 0
    refused = run_psms(both | {"PSMS_KEK_FILE": str(kek_file(tmp_path / "less", "a"))}, "keys", "status")

    assert (refused.returncode, "under the key 'b', which is not configured" in refused.stderr) == (1, True)


def test_production_makes_no_key_by_itself(database: MigratedDatabase, tmp_path: Path) -> None:
    production = {"PSMS_ENV": "production", "PSMS_FLOWER_PASSWORD": "x", "PSMS_PUBLIC_URL": "https://desk.example.com"}

    refused = run_psms(environment_on(database, tmp_path / "home", **production), "api")

    assert refused.returncode == 1
    assert refused.stderr.startswith("psms: set PSMS_KEK_FILE or PSMS_KMS_KEY_ID: PSMS_ENV=production makes no key")
    assert not (tmp_path / "home" / "keys.json").exists()


def test_status_says_which_key_wraps_what_and_what_is_left_to_do(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    directory.add_user(rt, acme.actor, ALICE, None)
    command = NewEndpoint(url="http://127.0.0.1:40009/hook", headers={"X-Key": "mine"})
    endpoints.add_endpoint(rt, acme.actor, command, None)
    environment = environment_on(database, rt.settings.home)

    before = run_psms(environment, "keys", "status")
    rotated = run_psms(environment, "keys", "rotate-dek", "--organization", str(acme.organization_id))
    between = run_psms(environment, "keys", "status")
    moved = run_psms(environment, "keys", "reencrypt")
    after = run_psms(environment, "keys", "status")

    assert before.stdout.splitlines() == [
        "KEK development: wraps 4 data keys (primary)",
        "shredded data keys: 0",
        "values under one data key: at most 1024; at 268435456 workers rotate it by themselves",
        "webhook_secrets.secret_encrypted: 0 in clear or under a former data key",
        "webhook_endpoints.headers_encrypted: 0 in clear or under a former data key",
        "users.email_encrypted: 0 in clear or under a former data key",
        "idempotency_keys.body: 0 in clear or under a former data key",
    ]
    assert rotated.returncode == 0
    assert "KEK development: wraps 7 data keys (primary)" in between.stdout
    assert "webhook_secrets.secret_encrypted: 1 in clear" in between.stdout
    assert "webhook_endpoints.headers_encrypted: 1 in clear" in between.stdout
    assert "users.email_encrypted: 1 in clear" in between.stdout
    assert moved.stdout == "3 values were encrypted anew.\n"
    assert after.stdout == before.stdout.replace("wraps 4", "wraps 7")
    assert directory.list_users(restarted(rt), acme.actor, PAGE).items[-1].email == ALICE.email


def test_reencryption_names_what_it_cannot_read_and_does_the_rest(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    bad = user_id_of(directory.add_user(rt, acme.actor, ALICE, None).location)
    good = user_id_of(directory.add_user(rt, acme.actor, replace(ALICE, email="bob@example.com"), None).location)
    environment = environment_on(database, rt.settings.home)
    with rt.db.begin(acme.organization_id) as session:
        changed = "set_byte(email_encrypted, 20, 255 - get_byte(email_encrypted, 20))"
        session.execute(text(f"UPDATE users SET email_encrypted = {changed} WHERE id = :id"), {"id": bad})
    run_psms(environment, "keys", "rotate-dek", "--organization", str(acme.organization_id))

    done = run_psms(environment, "keys", "reencrypt")

    assert (done.returncode, done.stdout) == (1, "1 values were encrypted anew.\n")
    assert done.stderr.splitlines()[-1] == f"users/{bad} cannot be decrypted: see `docs/security.md`"
    noted = database.rows("SELECT target_type, target_id, after FROM logs WHERE action = 'value.decrypted'")
    assert noted == [("users", bad, {"column": "email_encrypted"})]
    assert directory.get_user(restarted(rt), acme.actor, good).email == "bob@example.com"


def test_a_damaged_data_key_stops_the_rotation_and_is_noted(
    rt: Runtime, acme: Tenant, database: MigratedDatabase, tmp_path: Path
) -> None:
    ring = str(kek_file(tmp_path / "ring", "a", "b"))
    environment = environment_on(database, tmp_path / "home", PSMS_KEK_FILE=ring, PSMS_KEK_PRIMARY="a")
    assert run_psms(environment, "keys", "status").returncode == 0
    settings = Settings.from_env({"PSMS_KEK_FILE": ring, "PSMS_KEK_PRIMARY": "a"})
    keyring_to_write(replace(rt, vault=vault_of(settings, rt.chance)), acme.organization_id)
    with rt.db.begin(acme.organization_id) as session:
        changed = "set_byte(wrapped, 20, 255 - get_byte(wrapped, 20))"
        session.execute(text(f"UPDATE data_keys SET wrapped = {changed} WHERE id = 2"))

    done = run_psms(environment | {"PSMS_KEK_PRIMARY": "b"}, "keys", "rotate-kek")

    assert done.returncode == 1
    noted = database.rows("SELECT organization_id, target_type, after FROM logs WHERE action = 'value.decrypted'")
    assert noted == [(acme.organization_id, "data_keys", {"column": "wrapped", "row": 2})]


def test_a64_what_a_shredded_organization_stored_is_lost_and_its_chain_still_verifies(
    rt: Runtime, acme: Tenant, stranger: Tenant, database: MigratedDatabase
) -> None:
    once = OnceKey(key="key", fingerprint=b"print")
    mine = user_id_of(directory.add_user(rt, acme.actor, ALICE, once).location)
    theirs = user_id_of(directory.add_user(rt, stranger.actor, ALICE, None).location)
    add_endpoint(rt, acme.actor, "http://127.0.0.1:40009/hook")
    file_ticket(rt, acme.actor)
    relay_outbox(rt)
    trail = database.rows("SELECT * FROM logs WHERE organization_id = %s ORDER BY id", acme.organization_id)
    sealed_and_signed(rt, database)
    (stored,) = database.rows("SELECT email_encrypted FROM users WHERE id = %s", mine)

    command = ("keys", "shred", "--yes", "--organization", str(acme.organization_id))
    done = run_psms(environment_on(database, rt.settings.home), *command)

    assert done.stdout.startswith("4 data keys destroyed, 2 clients deactivated, 1 endpoints deleted.")
    after = restarted(rt)
    with pytest.raises(Undecryptable):
        directory.get_user(after, acme.actor, mine)
    with pytest.raises(KeysShredded):
        directory.add_user(after, acme.actor, replace(ALICE, email="eve@example.com"), None)
    with pytest.raises(NotAuthenticated):
        accounts.authenticate(after, acme.token, "request")
    assert deliver_due(after) == 0
    assert directory.get_user(after, stranger.actor, theirs).email == ALICE.email
    kept = database.rows("SELECT * FROM logs WHERE organization_id = %s ORDER BY id", acme.organization_id)
    assert kept[: len(trail)] == trail
    assert kept[len(trail)][3] == "organization.shredded"
    # What is stored is as it was: it is the key that is gone, and the chain of entries is whole, to its new end.
    assert database.rows("SELECT email_encrypted FROM users WHERE id = %s", mine) == [stored]
    sealed_and_signed(rt, database)
    verdict = verified(rt, acme.organization_id)
    assert (findings(rt), verdict.findings, verdict.entries) == ([], [], len(kept))
    assert database.rows("SELECT count(*) FROM data_keys WHERE wrapped IS NOT NULL") == [(4,)]


def test_shredding_asks_first_and_knows_organizations_only(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    keyring_to_write(rt, acme.organization_id)
    environment = environment_on(database, rt.settings.home)

    unasked = run_psms(environment, "keys", "shred", "--organization", str(acme.organization_id))
    unknown = run_psms(environment, "keys", "shred", "--yes", "--organization", str(UUID(int=1)))

    assert (unasked.returncode, unasked.stderr.splitlines()[-1]) == (1, "Aborted!")
    assert (unknown.returncode, unknown.stderr) == (1, "psms: There is no such thing here, or you may not see it.\n")
    assert database.rows("SELECT count(*) FROM data_keys WHERE wrapped IS NULL") == [(0,)]
