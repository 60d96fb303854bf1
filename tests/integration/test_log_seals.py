"""The log is sealed, signed and anchored; each way to tamper with it is found and named."""

import json
from datetime import timedelta
from uuid import UUID

import pytest

from psms.runtime import Runtime
from tests.support.databases import MigratedDatabase
from tests.support.log_tools import found, sealed_and_signed, tamper, verified
from tests.support.tenants import Tenant, file_ticket
from workflows.log_seals import seal_logs

TICKETS = 6


@pytest.fixture
def proven(rt: Runtime, database: MigratedDatabase, acme: Tenant, stranger: Tenant) -> UUID:
    """Two organizations whose logs are sealed, signed and anchored; the first one's id."""
    for tenant in (acme, stranger):
        for number in range(TICKETS):
            file_ticket(rt, tenant.actor, f"Ticket {number}")
    sealed_and_signed(rt, database)
    assert found(rt) == []
    return acme.organization_id


def last_seq(database: MigratedDatabase, organization_id: UUID) -> int:
    """Return the place of an organization's last seal."""
    ((seq,),) = database.rows("SELECT max(seq) FROM log_seals WHERE organization_id = %s", organization_id)
    return int(str(seq))


ONE = "organization_id = %(organization)s AND id = (SELECT log_id FROM log_seals"
ONE += " WHERE organization_id = %(organization)s AND seq = 3)"


def test_every_committed_entry_is_sealed_signed_and_anchored(
    rt: Runtime, database: MigratedDatabase, acme: Tenant
) -> None:
    for number in range(TICKETS):
        file_ticket(rt, acme.actor, f"Ticket {number}")

    sealed_and_signed(rt, database)

    assert database.count("log_unsealed") == 0
    assert database.count("log_seals") == database.count("logs")
    proof = verified(rt, acme.organization_id)
    assert proof.findings == []
    assert proof.entries == proof.last_seq == proof.signed_seq >= TICKETS
    assert proof.checkpoints == proof.anchored == 1


def test_a37_an_edited_entry_is_found(rt: Runtime, database: MigratedDatabase, proven: UUID) -> None:
    edit = 'UPDATE logs SET after = \'{"subject": "Nothing happened"}\' WHERE ' + ONE
    assert tamper(database, edit, organization=proven) == 1

    assert found(rt) == [(proven, 3, "edited_entry")]


def test_a37_an_edit_of_the_last_entry_is_found(rt: Runtime, database: MigratedDatabase, proven: UUID) -> None:
    last = last_seq(database, proven)
    edit = "UPDATE logs SET actor_id = NULL WHERE " + ONE.replace("seq = 3", f"seq = {last}")
    assert tamper(database, edit, organization=proven) == 1

    assert found(rt) == [(proven, last, "edited_entry")]


def test_a37_a_deleted_entry_is_found(rt: Runtime, database: MigratedDatabase, proven: UUID) -> None:
    assert tamper(database, "DELETE FROM logs WHERE " + ONE, organization=proven) == 1

    assert found(rt) == [(proven, 3, "deleted_entry")]


def test_a37_an_entry_deleted_with_its_seal_is_found(rt: Runtime, database: MigratedDatabase, proven: UUID) -> None:
    of_seal = "DELETE FROM log_seals WHERE organization_id = %(organization)s AND seq = 3"
    assert tamper(database, "DELETE FROM logs WHERE " + ONE, of_seal, organization=proven) == 2

    assert found(rt) == [(proven, 3, "deleted_seal")]


def test_a37_a_deleted_tail_is_found(rt: Runtime, database: MigratedDatabase, proven: UUID) -> None:
    last = last_seq(database, proven)
    entries = """DELETE FROM logs l USING log_seals s WHERE s.organization_id = %(organization)s AND s.seq > %(last)s
        AND l.organization_id = s.organization_id AND l.id = s.log_id"""
    seals = "DELETE FROM log_seals WHERE organization_id = %(organization)s AND seq > %(last)s"
    checkpoints = "DELETE FROM log_checkpoints WHERE organization_id = %(organization)s"
    assert tamper(database, entries, seals, checkpoints, organization=proven, last=last - 2) == 5

    assert found(rt) == [(proven, last - 1, "deleted_tail")]


def test_a37_a_log_that_is_gone_altogether_is_found(rt: Runtime, database: MigratedDatabase, proven: UUID) -> None:
    tables = ("logs", "log_seals", "log_checkpoints", "log_heads")
    tamper(
        database,
        *(f"DELETE FROM {table} WHERE organization_id = %(organization)s" for table in tables),
        organization=proven,
    )

    assert found(rt) == [(proven, 1, "deleted_tail")]


def test_a37_an_entry_moved_to_another_organization_is_found(
    rt: Runtime, database: MigratedDatabase, proven: UUID, stranger: Tenant
) -> None:
    move = "UPDATE logs SET organization_id = %(other)s WHERE " + ONE
    assert tamper(database, move, organization=proven, other=stranger.organization_id) == 1

    assert found(rt) == [(proven, 3, "swapped_organization")]


def test_a37_a_forged_seal_is_found(rt: Runtime, database: MigratedDatabase, proven: UUID) -> None:
    forge = "UPDATE log_seals SET hash = sha256('forged') WHERE organization_id = %(organization)s AND seq = 3"
    assert tamper(database, forge, organization=proven) == 1

    assert found(rt) == [(proven, 3, "forged_seal")]


def test_a37_a_chain_that_was_made_anew_is_found_by_its_checkpoint(
    rt: Runtime, database: MigratedDatabase, proven: UUID
) -> None:
    last = last_seq(database, proven)
    again = """INSERT INTO log_unsealed (organization_id, log_id)
        SELECT organization_id, log_id FROM log_seals WHERE organization_id = %(organization)s ORDER BY seq"""
    seals = "DELETE FROM log_seals WHERE organization_id = %(organization)s"
    tamper(database, "UPDATE logs SET action = 'ticket.nothing' WHERE " + ONE, again, seals, organization=proven)
    assert seal_logs(rt) == last

    assert found(rt) == [(proven, last, "forged_seal")]


def test_a38_a_checkpoint_with_a_signature_that_no_key_made_is_found(
    rt: Runtime, database: MigratedDatabase, proven: UUID
) -> None:
    forge = """UPDATE log_checkpoints SET signature = decode(repeat('00', 64), 'hex')
        WHERE organization_id = %(organization)s"""
    assert tamper(database, forge, organization=proven) == 1

    assert found(rt) == [(proven, last_seq(database, proven), "forged_checkpoint")]


def test_a38_an_anchor_that_was_changed_is_found(rt: Runtime, database: MigratedDatabase, proven: UUID) -> None:
    anchor = rt.settings.home / "anchors" / f"{proven}.jsonl"
    line = json.loads(anchor.read_text(encoding="utf-8"))
    anchor.write_text(json.dumps({**line, "hash": "00" * 32}) + "\n", encoding="utf-8")
    last = last_seq(database, proven)

    assert sorted(found(rt)) == [(proven, last, "anchor_differs"), (proven, last, "forged_checkpoint")]


def test_an_entry_kept_from_being_sealed_is_found(rt: Runtime, database: MigratedDatabase, proven: UUID) -> None:
    add = """INSERT INTO logs (organization_id, id, at, action, outcome, target_type)
        SELECT organization_id, (left(id::text, 24) || 'ffffffffffff')::uuid, at, 'ticket.hidden', 'done', 'ticket'
        FROM logs WHERE """
    assert tamper(database, add + ONE, organization=proven) == 1

    assert found(rt) == []
    database.move_clock(timedelta(minutes=2))
    assert [kind for _, _, kind in found(rt)] == ["unsealed_entry"]


def test_what_was_found_is_written_into_the_log_that_it_was_found_in(
    rt: Runtime, database: MigratedDatabase, proven: UUID
) -> None:
    tamper(database, "DELETE FROM logs WHERE " + ONE, organization=proven)

    found(rt)

    entries = database.rows("SELECT organization_id, after FROM logs WHERE action = 'log.verify_failed'")
    assert entries == [(proven, {"findings": {"deleted_entry": 1}})]
