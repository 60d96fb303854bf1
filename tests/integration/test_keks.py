"""Keepers of key-encryption keys: one contract for those from a file, from the environment, and in AWS KMS."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from psms.adapters.keks import LocalKeks
from psms.adapters.key_kms import KmsKek
from psms.adapters.system import SystemChance
from psms.adapters.vault import vault_of
from psms.domain.access import Role
from psms.domain.access.roles import RoleChoice
from psms.domain.accounts import NewUser
from psms.domain.pages import PageRequest
from psms.errors import DependencyUnavailable, Misconfigured, Undecryptable
from psms.guard import TransactionOpenError, transaction_marked
from psms.ports import KeyWrapper
from psms.runtime import Runtime
from psms.settings import Settings
from tests.support.databases import MigratedDatabase
from tests.support.keys import kek_file, keks
from tests.support.kms import CREDENTIALS, Kms, running_kms
from tests.support.tenants import Tenant
from workflows import directory, keys
from workflows.canary import refuse_wrong_keys

DATA_KEY = bytes(range(32))
CONTEXT = {"organization": "acme", "purpose": "webhooks"}


@pytest.fixture(scope="module")
def kms() -> Iterator[Kms]:
    with running_kms() as server:
        yield server


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)


def vault_from(tmp_path: Path, **variables: str) -> KeyWrapper:
    """Return the keeper of KEKs that these variables ask for."""
    settings = Settings.from_env({"PSMS_HOME": str(tmp_path), **variables})
    return vault_of(settings, SystemChance()).keks


@pytest.fixture(params=["file", "environment", "development", "kms"])
def keeper(request: pytest.FixtureRequest, tmp_path: Path) -> KeyWrapper:
    if request.param == "kms":
        server: Kms = request.getfixturevalue("kms")
        return vault_from(tmp_path, PSMS_KMS_KEY_ID=server.new_key(), PSMS_KMS_ENDPOINT_URL=server.url)
    variables = {
        "file": {"PSMS_KEK_FILE": str(kek_file(tmp_path / "ring", "a", "b")), "PSMS_KEK_PRIMARY": "b"},
        "environment": {"PSMS_KEK": keks("a")},
        "development": {},
    }
    return vault_from(tmp_path, **variables[request.param])


def test_a_data_key_comes_back_and_is_not_to_be_seen_in_its_wrapping(keeper: KeyWrapper) -> None:
    wrapped = keeper.wrap(DATA_KEY, CONTEXT)

    assert keeper.unwrap(keeper.primary, wrapped, CONTEXT) == DATA_KEY
    assert DATA_KEY not in wrapped
    assert keeper.wrap(DATA_KEY, CONTEXT) != wrapped
    assert keeper.knows(keeper.primary)
    assert not keeper.knows("unheard-of")


def test_a_wrapped_key_is_bound_to_its_context_and_cannot_be_changed(keeper: KeyWrapper) -> None:
    wrapped = keeper.wrap(DATA_KEY, CONTEXT)

    for other in ({**CONTEXT, "organization": "stranger"}, {**CONTEXT, "purpose": "personal"}, {}):
        with pytest.raises(Undecryptable):
            keeper.unwrap(keeper.primary, wrapped, other)
    with pytest.raises(Undecryptable):
        keeper.unwrap(keeper.primary, wrapped[:-1] + bytes([wrapped[-1] ^ 1]), CONTEXT)


def test_what_another_kek_wrapped_is_refused(kms: Kms, tmp_path: Path) -> None:
    first, second = kms.new_key(), kms.new_key()
    keeper = KmsKek(first, endpoint_url=kms.url)
    wrapped = keeper.wrap(DATA_KEY, CONTEXT)

    # AWS says IncorrectKeyException; this server says AccessDeniedException, as for a key that one may not use.
    with pytest.raises((Undecryptable, DependencyUnavailable)):
        keeper.unwrap(f"aws-kms:{second}", wrapped, CONTEXT)
    with pytest.raises(Undecryptable):
        vault_from(tmp_path, PSMS_KEK=keks("a")).unwrap(keeper.primary, wrapped, CONTEXT)
    # The key of one KMS key unwraps with it although another one is the primary now: that is its rotation.
    assert KmsKek(second, endpoint_url=kms.url).unwrap(keeper.primary, wrapped, CONTEXT) == DATA_KEY


def test_a_kms_is_never_called_while_a_transaction_is_open(kms: Kms) -> None:
    keeper = KmsKek(kms.new_key(), endpoint_url=kms.url)

    with transaction_marked(), pytest.raises(TransactionOpenError):
        keeper.wrap(DATA_KEY, CONTEXT)


def test_a_kms_that_does_not_answer_is_a_dependency_that_is_away() -> None:
    keeper = KmsKek("key", endpoint_url="http://127.0.0.1:9")

    with pytest.raises(DependencyUnavailable, match="AWS KMS does not answer"):
        keeper.wrap(DATA_KEY, CONTEXT)


def test_an_installation_moves_from_a_file_to_a_kms_and_back(
    rt: Runtime, acme: Tenant, database: MigratedDatabase, kms: Kms, tmp_path: Path
) -> None:
    def restarted(**variables: str) -> Runtime:
        settings = Settings.from_env({"PSMS_HOME": str(tmp_path), **variables})
        return replace(rt, vault=vault_of(settings, SystemChance()))

    ring = {"PSMS_KEK": keks("ring")}
    hosted = {"PSMS_KMS_KEY_ID": kms.new_key(), "PSMS_KMS_ENDPOINT_URL": kms.url}
    first = restarted(**ring)
    refuse_wrong_keys(first.db, first.vault.keks)
    directory.add_user(
        first, acme.actor, NewUser(email="alice@example.com", name="Alice", role=RoleChoice(role=Role.AGENT)), None
    )

    assert keys.rotate_kek(restarted(**ring, **hosted)) == 4
    alone = restarted(**hosted)
    refuse_wrong_keys(alone.db, alone.vault.keks)
    listed = directory.list_users(alone, acme.actor, PageRequest()).items

    assert "alice@example.com" in {user.email for user in listed}
    assert database.rows("SELECT DISTINCT kek_id FROM data_keys") == [(f"aws-kms:{hosted['PSMS_KMS_KEY_ID']}",)]
    with pytest.raises(Misconfigured, match="which is not configured"):
        refuse_wrong_keys(first.db, first.vault.keks)


@pytest.mark.parametrize("mode", [0o440, 0o644, 0o604, 0o660])
def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = kek_file(tmp_path / "ring", "a", mode=mode)

    with pytest.raises(Misconfigured, match=rf"has mode {mode:04o}, so others may read it: run `chmod 0400 "):
        vault_from(tmp_path, PSMS_KEK_FILE=str(path))


@pytest.mark.parametrize("mode", [0o400, 0o600])
def test_a_key_file_of_ones_own_is_read(tmp_path: Path, mode: int) -> None:
    assert vault_from(tmp_path, PSMS_KEK_FILE=str(kek_file(tmp_path / "ring", "a", mode=mode))).primary == "a"


@pytest.mark.parametrize("text", ["", "{}", "[]", "x", '{"a": 1}', '{"a": "c2hvcnQ="}', '{"": "' + "A" * 43 + '="}'])
def test_keys_that_cannot_be_used_are_refused_without_being_shown(tmp_path: Path, text: str) -> None:
    path = tmp_path / "ring"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)

    with pytest.raises(Misconfigured, match="holds no keys that can be used") as refusal:
        vault_from(tmp_path, PSMS_KEK_FILE=str(path))

    assert "c2hvcnQ" not in str(refusal.value)


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"PSMS_KEK_FILE": "/nonexistent/keys.json"}, "which cannot be read"),
        ({"PSMS_KEK": keks("a", "b")}, "set PSMS_KEK_PRIMARY to one of a, b"),
        ({"PSMS_KEK": keks("a"), "PSMS_KEK_PRIMARY": "b"}, "PSMS_KEK_PRIMARY is 'b', which is not among the keys a"),
        ({"PSMS_ENV": "staging"}, "set PSMS_KEK_FILE or PSMS_KMS_KEY_ID: PSMS_ENV=staging makes no key by itself"),
    ],
)
def test_settings_that_name_no_usable_key_are_refused(tmp_path: Path, variables: dict[str, str], says: str) -> None:
    with pytest.raises(Misconfigured, match=says):
        vault_from(tmp_path, **variables)


def test_development_makes_one_key_for_itself_and_keeps_it(tmp_path: Path) -> None:
    made: list[KeyWrapper] = []
    threads = [threading.Thread(target=lambda: made.append(vault_from(tmp_path / "home"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    path = tmp_path / "home" / "keys.json"

    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]
    assert list(json.loads(path.read_text(encoding="utf-8"))) == ["development"]
    wrapped = made[0].wrap(DATA_KEY, CONTEXT)
    assert {one.unwrap("development", wrapped, CONTEXT) for one in made} == {DATA_KEY}


def test_the_context_is_bound_whatever_its_order() -> None:
    keeper = LocalKeks({"a": bytes(32)}, "a", SystemChance())
    wrapped = keeper.wrap(DATA_KEY, CONTEXT)

    assert keeper.unwrap("a", wrapped, dict(reversed(CONTEXT.items()))) == DATA_KEY
