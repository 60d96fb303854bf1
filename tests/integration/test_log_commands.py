"""`psms logs` as an operator calls it: exit status, sentences, reports; and production, which wants a key."""

import json
import os
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import pytest

from psms.runtime import Runtime
from tests.support.databases import MigratedDatabase
from tests.support.keys import kek_file
from tests.support.log_tools import sealed_and_signed, tamper
from tests.support.tenants import Tenant, file_ticket

PROJECT = Path(__file__).resolve().parents[2]
Ended = subprocess.CompletedProcess[str]


def psms(rt: Runtime, *arguments: str, **variables: str) -> Ended:
    """Call the command line on the test's database."""
    environment = {
        **os.environ,
        "DATABASE_URL": rt.settings.database_url,
        "REDIS_URL": rt.settings.redis_url,
        "PSMS_HOME": str(rt.settings.home),
        **variables,
    }
    command = (sys.executable, "-m", "psms", *arguments)
    return subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def proven(rt: Runtime, database: MigratedDatabase, acme: Tenant) -> UUID:
    """An organization whose log is sealed, signed and anchored."""
    for number in range(4):
        file_ticket(rt, acme.actor, f"Ticket {number}")
    sealed_and_signed(rt, database)
    return acme.organization_id


def test_a_log_that_is_as_it_was_written_verifies(rt: Runtime, proven: UUID) -> None:
    ended = psms(rt, "logs", "verify")

    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith(f"organization {proven}: as it was written: ")


def test_tampering_is_told_of_in_sentences_and_in_a_report(
    rt: Runtime, database: MigratedDatabase, proven: UUID
) -> None:
    of_third = """organization_id = %(organization)s
        AND id = (SELECT log_id FROM log_seals WHERE organization_id = %(organization)s AND seq = 3)"""
    assert tamper(database, f"UPDATE logs SET action = 'ticket.nothing' WHERE {of_third}", organization=proven) == 1

    sentences = psms(rt, "logs", "verify", "--organization", str(proven))
    report = psms(rt, "logs", "verify", "--json")

    assert (sentences.returncode, report.returncode) == (1, 1)
    expected = f"organization {proven}, seq 3: edited_entry: the entry was changed after it was sealed"
    assert sentences.stdout.splitlines()[1].strip() == expected
    told = json.loads(report.stdout)
    assert told["verified"] is False
    (finding,) = told["organizations"][0]["findings"]
    assert (finding["organization_id"], finding["seq"], finding["kind"]) == (str(proven), 3, "edited_entry")


def test_what_cannot_be_told_is_not_called_good(rt: Runtime, proven: UUID, tmp_path: Path) -> None:
    nobody = tmp_path / "no.pem"

    ended = psms(rt, "logs", "verify", PSMS_LOG_SIGNING_KEY_FILE=str(nobody))

    assert (ended.returncode, ended.stdout) == (2, "")
    assert f"the key of the log, {nobody}, cannot be read" in ended.stderr


def test_an_export_is_checked_by_its_file_and_a_public_key_alone(
    rt: Runtime, database: MigratedDatabase, proven: UUID, tmp_path: Path
) -> None:
    exported = psms(rt, "logs", "export", "--organization", str(proven), "--from", "2020-01-01")
    file, forged = tmp_path / "export.jsonl", tmp_path / "forged.jsonl"
    file.write_text(exported.stdout, encoding="utf-8")
    forged.write_text(exported.stdout.replace("Ticket 2", "Ticket 3"), encoding="utf-8")
    key = ("--public-key", str(rt.settings.home / "keys" / "log-signing.pub"))
    elsewhere = {"DATABASE_URL": "", "REDIS_URL": "", "PSMS_HOME": str(tmp_path / "elsewhere")}

    good = psms(rt, "logs", "verify-export", str(file), *key, **elsewhere)
    bad = psms(rt, "logs", "verify-export", str(forged), *key, **elsewhere)
    unknown = psms(rt, "logs", "verify-export", str(file), **elsewhere)

    entries = len(exported.stdout.splitlines()) - 1
    assert (good.returncode, good.stdout) == (0, f"The export is as it was made: {entries} entries.\n")
    assert bad.returncode == 1
    assert "The entries are not those that the manifest was signed for." in bad.stdout
    assert (unknown.returncode, unknown.stdout) == (1, "The manifest was not signed by a trusted key.\n")
    by_operator = "SELECT after->>'by' FROM logs WHERE action = 'log.exported' AND organization_id = %s"
    assert database.rows(by_operator, proven) == [("operator",)]


def test_in_production_nobody_seals_without_a_key(rt: Runtime, tmp_path: Path) -> None:
    variables = {
        "PSMS_ENV": "production",
        "PSMS_FLOWER_PASSWORD": "test-only",
        "PSMS_PUBLIC_URL": "https://desk.example.com",
        "PSMS_KEK_FILE": str(kek_file(tmp_path / "keks.json", "test")),
    }

    sealer = psms(rt, "worker", "--queues", "upkeep", "--name", "core", **variables)

    assert sealer.returncode == 1
    assert (
        "psms: set PSMS_LOG_SIGNING_KEY_FILE: in production the log is sealed with a key of your own" in sealer.stderr
    )
