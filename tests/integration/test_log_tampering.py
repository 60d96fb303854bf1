"""`psms logs verify` on a log that was tampered with: it ends with 1 and names organization, place and kind."""

import json
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from psms.adapters.anchors import anchor_of
from psms.adapters.log_keys import LogSigner, signer_of
from psms.domain.log_chain import checkpoint_message
from psms.runtime import Runtime
from tests.support.databases import MigratedDatabase
from tests.support.log_tools import found, psms, sealed_and_signed, tamper
from tests.support.tenants import Tenant, file_ticket
from workflows.log_checkpoints import sign_chain
from workflows.log_seals import seal_logs

THIRD = """organization_id = %(organization)s
    AND id = (SELECT log_id FROM log_seals WHERE organization_id = %(organization)s AND seq = 3)"""
OF_TAIL = "organization_id = %(organization)s AND seq > %(last)s - 2"
WAYS = {
    "edited_entry": (f"UPDATE logs SET outcome = 'denied' WHERE {THIRD}",),
    "deleted_entry": (f"DELETE FROM logs WHERE {THIRD}",),
    "deleted_seal": (
        f"DELETE FROM logs WHERE {THIRD}",
        "DELETE FROM log_seals WHERE organization_id = %(organization)s AND seq = 3",
    ),
    "deleted_tail": (
        f"DELETE FROM logs WHERE id IN (SELECT log_id FROM log_seals WHERE {OF_TAIL})",
        f"DELETE FROM log_seals WHERE {OF_TAIL}",
        "DELETE FROM log_checkpoints WHERE organization_id = %(organization)s",
    ),
    "swapped_organization": (f"UPDATE logs SET organization_id = %(other)s WHERE {THIRD}",),
    "forged_seal": (
        "UPDATE log_seals SET hash = sha256('forged') WHERE organization_id = %(organization)s AND seq = 3",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """An organization whose log is sealed, signed and anchored: its id and the place of its last seal."""

    id: UUID
    last: int


@pytest.fixture
def proven(rt: Runtime, database: MigratedDatabase, acme: Tenant, stranger: Tenant) -> Proven:
    """Two organizations with proven logs; the first of them."""
    for tenant in (acme, stranger):
        for number in range(4):
            file_ticket(rt, tenant.actor, f"Ticket {number}")
    sealed_and_signed(rt, database)
    assert found(rt) == []
    ((last,),) = database.rows("SELECT max(seq) FROM log_seals WHERE organization_id = %s", acme.organization_id)
    return Proven(id=acme.organization_id, last=int(str(last)))


@pytest.fixture
def stranger_s_key(rt: Runtime, tmp_path: Path) -> LogSigner:
    """A key that this installation does not trust."""
    return signer_of(replace(rt.settings, home=tmp_path / "elsewhere"))


def file_of(rt: Runtime, proven: Proven) -> Path:
    """Return the file that anchors an organization's checkpoints."""
    return rt.settings.home / "anchors" / f"{proven.id}.jsonl"


def told(rt: Runtime) -> tuple[int, set[str]]:
    """Return how `logs verify` ended, and what it found: organization, place and kind."""
    ended = psms(rt, "logs", "verify")
    findings = [line.strip() for line in ended.stdout.splitlines() if line.startswith("  ")]
    return ended.returncode, {":".join(sentence.split(":")[:2]) for sentence in findings}


@pytest.mark.parametrize("kind", WAYS)
def test_a37_verifying_ends_with_1_and_names_organization_and_place(
    rt: Runtime, database: MigratedDatabase, proven: Proven, stranger: Tenant, kind: str
) -> None:
    values = {"organization": proven.id, "last": proven.last, "other": stranger.organization_id}
    assert tamper(database, *WAYS[kind], **values) >= 1

    seq = proven.last - 1 if kind == "deleted_tail" else 3
    assert told(rt) == (1, {f"organization {proven.id}, seq {seq}: {kind}"})


@pytest.mark.parametrize("claims_to_be_ours", [False, True])
def test_a38_a_checkpoint_signed_by_another_key_is_found(
    rt: Runtime, database: MigratedDatabase, proven: Proven, stranger_s_key: LogSigner, *, claims_to_be_ours: bool
) -> None:
    ((chain_hash,),) = database.rows(
        "SELECT hash FROM log_seals WHERE organization_id = %s AND seq = %s", proven.id, proven.last
    )
    assert isinstance(chain_hash, bytes)
    signature = stranger_s_key.sign(checkpoint_message(proven.id, proven.last, chain_hash))
    key_id = signer_of(rt.settings).key_id if claims_to_be_ours else stranger_s_key.key_id
    forge = """UPDATE log_checkpoints SET signature = %(signature)s, key_id = %(key_id)s
        WHERE organization_id = %(organization)s"""
    assert tamper(database, forge, organization=proven.id, signature=signature, key_id=key_id) == 1

    assert told(rt) == (1, {f"organization {proven.id}, seq {proven.last}: forged_checkpoint"})


def test_a38_a_log_made_anew_and_signed_by_another_key_is_found(
    rt: Runtime, database: MigratedDatabase, proven: Proven, stranger_s_key: LogSigner
) -> None:
    again = """INSERT INTO log_unsealed (organization_id, log_id)
        SELECT organization_id, log_id FROM log_seals WHERE organization_id = %(organization)s ORDER BY seq"""
    proofs = [
        f"DELETE FROM {table} WHERE organization_id = %(organization)s"
        for table in ("log_seals", "log_checkpoints", "log_heads")
    ]
    edit = f"UPDATE logs SET outcome = 'denied' WHERE {THIRD}"
    tamper(database, edit, again, *proofs, organization=proven.id)
    file_of(rt, proven).unlink()
    assert seal_logs(rt) == proven.last
    sign_chain(rt, stranger_s_key, anchor_of(rt.settings), proven.id)

    assert told(rt) == (1, {f"organization {proven.id}, seq {proven.last}: forged_checkpoint"})


def test_a38_an_anchor_that_differs_is_found(rt: Runtime, proven: Proven) -> None:
    line = json.loads(file_of(rt, proven).read_text(encoding="utf-8"))
    file_of(rt, proven).write_text(json.dumps({**line, "hash": "00" * 32}) + "\n", encoding="utf-8")

    place = f"organization {proven.id}, seq {proven.last}"
    assert told(rt) == (1, {f"{place}: anchor_differs", f"{place}: forged_checkpoint"})


def test_a38_an_anchor_that_is_missing_is_found(rt: Runtime, proven: Proven) -> None:
    file_of(rt, proven).unlink()

    assert told(rt) == (1, {f"organization {proven.id}, seq {proven.last}: anchor_differs"})


def test_a38_without_any_checkpoint_a_log_is_not_called_proven(
    rt: Runtime, database: MigratedDatabase, proven: Proven
) -> None:
    tamper(database, "DELETE FROM log_checkpoints WHERE organization_id = %(organization)s", organization=proven.id)
    file_of(rt, proven).unlink()
    assert found(rt) == []

    # As long as the next checkpoint may still be due nothing can be said.
    database.move_clock(timedelta(minutes=16))

    assert told(rt) == (1, {f"organization {proven.id}, seq 1: unsigned_entries"})
