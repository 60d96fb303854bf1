"""What `psms doctor` says of the keys: present, private, the right ones, rotated to the end. It changes nothing."""

from dataclasses import replace
from pathlib import Path

import pytest
from psycopg import sql

from psms.adapters.vault import vault_of
from psms.runtime import Runtime
from psms.settings import Settings
from tests.support.commands import environment_on, run_psms
from tests.support.databases import MigratedDatabase
from tests.support.keys import kek_file
from tests.support.tenants import Tenant
from workflows.data_keys import keyring_to_write


def told(environment: dict[str, str]) -> dict[str, tuple[str, str]]:
    """Return the grade and the sentence that the doctor gives about each subject."""
    lines = run_psms(environment, "doctor").stdout.splitlines()
    # A grade in four columns, a subject in seventeen.
    return {line[6:23].strip(): (line[:4].strip(), line[24:]) for line in lines if line[4:6] == "  "}


@pytest.fixture
def ring(tmp_path: Path) -> Path:
    return kek_file(tmp_path / "ring", "old", "new")


@pytest.fixture
def environment(database: MigratedDatabase, tmp_path: Path, ring: Path) -> dict[str, str]:
    """An installation whose canary and keys are under `old`."""
    variables = {"PSMS_KEK_FILE": str(ring), "PSMS_KEK_PRIMARY": "old"}
    found = environment_on(database, tmp_path / "home", **variables)
    assert run_psms(found, "keys", "status").returncode == 0
    return found


def test_keys_that_are_right_are_in_order(environment: dict[str, str], ring: Path) -> None:
    found = told(environment)
    assert found["keys"] == ("ok", f"the primary key is 'old', from {ring} (mode 0600)")
    assert found["canary"] == ("ok", "the keys open what is stored in the database")


def test_a_key_that_is_not_there_yet_is_made_by_the_first_start_and_not_by_the_doctor(
    database: MigratedDatabase, tmp_path: Path
) -> None:
    environment = environment_on(database, tmp_path / "home")

    file = tmp_path / "home" / "keys.json"
    assert told(environment)["keys"] == ("ok", f"a key for development will be made at the first start, in {file}")
    assert not file.exists()
    key = str(kek_file(tmp_path / "ring", "a"))
    assert told(environment | {"PSMS_KEK_FILE": key})["canary"] == (
        "ok",
        "nothing is encrypted in this database yet",
    )
    assert database.count("key_canary") == 0


def test_a_file_that_is_missing_or_that_others_may_read_is_told(environment: dict[str, str], ring: Path) -> None:
    ring.chmod(0o640)
    grade, sentence = told(environment)["keys"]
    assert (grade, sentence.partition(" holds")[2]) == (
        "fail",
        f" keys and has mode 0640, so others may read it: run `chmod 0400 {ring}`",
    )
    ring.unlink()
    grade, sentence = told(environment)["keys"]
    assert (grade, sentence.startswith(f"PSMS_KEK_FILE names {ring}, which cannot be read (")) == ("fail", True)


def test_a_primary_that_is_not_among_the_keys_is_told(environment: dict[str, str]) -> None:
    grade, sentence = told(environment | {"PSMS_KEK_PRIMARY": "other"})["keys"]

    assert (grade, sentence) == (
        "fail",
        "PSMS_KEK_PRIMARY is 'other', which is not among the keys old, new: correct it",
    )


def test_another_key_than_the_one_that_encrypted_is_told(environment: dict[str, str], tmp_path: Path) -> None:
    other = kek_file(tmp_path / "other", "x", "new")
    other.write_text(other.read_text(encoding="utf-8").replace('"x"', '"old"'), encoding="utf-8")

    grade, sentence = told(environment | {"PSMS_KEK_FILE": str(other)})["canary"]

    assert (grade, sentence.partition(":")[0]) == (
        "fail",
        "the key 'old' is not the one that this database was encrypted with",
    )


def test_what_is_left_of_a_rotation_and_a_worn_key_are_told(
    rt: Runtime, acme: Tenant, database: MigratedDatabase, environment: dict[str, str]
) -> None:
    settings = Settings.from_env({name: environment[name] for name in ("PSMS_KEK_FILE", "PSMS_KEK_PRIMARY")})
    keyring_to_write(replace(rt, vault=vault_of(settings, rt.chance)), acme.organization_id)
    database.run(sql.SQL("UPDATE data_keys SET messages = 536870912 WHERE purpose = 'personal'"))
    rotating = environment | {"PSMS_KEK_PRIMARY": "new"}

    found = told(rotating)
    grade, sentence = found["rotation"]
    assert (grade, sentence.partition(":")[0]) == ("warn", "data keys are still wrapped under 'old'")
    grade, sentence = found["data keys"]
    assert (grade, sentence.partition(" values")[0]) == ("warn", "one has encrypted up to 536870912")
    assert run_psms(rotating, "keys", "rotate-kek").returncode == 0
    assert "rotation" not in told(rotating)
