"""Sealing the log: what waits, the end of each chain, new seals, checkpoints. Verifying reads in `log_reading`."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from psms.db.queries.log_reading import ENTRY_COLUMNS, entry_of
from psms.domain.log_chain import GENESIS, Checkpoint, KeptEntry

_LEAD = text("SELECT pg_try_advisory_xact_lock(hashtext('psms.logs.seal'))")
_WAITING = text("""
    SELECT position, organization_id, log_id FROM log_unsealed WHERE position > :after ORDER BY position LIMIT :limit
""")
_ENTRIES = text(f"""
    SELECT {ENTRY_COLUMNS} FROM logs l
    WHERE l.organization_id = :organization_id AND l.id = ANY (CAST(:ids AS uuid[]))
      AND NOT EXISTS (SELECT FROM log_seals s WHERE s.organization_id = l.organization_id AND s.log_id = l.id)
""")  # noqa: S608  (a constant)
_HEAD = text("""
    SELECT seq, hash FROM log_seals WHERE organization_id = :organization_id ORDER BY seq DESC LIMIT 1
""")
_SEAL = text("""
    WITH sealed AS (
        INSERT INTO log_seals (organization_id, seq, log_id, hash)
        SELECT :organization_id, s.seq, s.log_id, s.hash
        FROM unnest(CAST(:seqs AS bigint[]), CAST(:log_ids AS uuid[]), CAST(:hashes AS bytea[]))
            AS s (seq, log_id, hash)
    )
    INSERT INTO log_heads AS h (organization_id, seq, unsigned_since)
    VALUES (:organization_id, :last_seq, CAST(:now AS timestamptz))
    ON CONFLICT (organization_id) DO UPDATE
        SET seq = excluded.seq, unsigned_since = COALESCE(h.unsigned_since, excluded.unsigned_since)
""")
_SETTLE = text("""
    DELETE FROM log_unsealed u WHERE u.position = ANY (CAST(:positions AS bigint[]))
      AND EXISTS (SELECT FROM log_seals s WHERE s.organization_id = u.organization_id AND s.log_id = u.log_id)
""")
_UNSIGNED = text("""
    SELECT organization_id, seq FROM log_heads
    WHERE unsigned_since <= CAST(:now AS timestamptz) - CAST(:every AS interval)
       OR (unsigned_since IS NOT NULL AND seq >= signed_seq + :rows)
    ORDER BY unsigned_since LIMIT :limit
""")
_SIGN = text("""
    WITH signed AS (
        INSERT INTO log_checkpoints (organization_id, seq, hash, at, key_id, signature)
        VALUES (:organization_id, :seq, :hash, :at, :key_id, :signature) ON CONFLICT DO NOTHING
    )
    UPDATE log_heads SET signed_seq = GREATEST(signed_seq, :seq),
        unsigned_since = CASE WHEN seq > :seq THEN CAST(:at AS timestamptz) END
    WHERE organization_id = :organization_id
""")


def lead(session: Session) -> bool:
    """Take the lead in sealing until this transaction ends; False while another process has it."""
    return bool(session.execute(_LEAD).scalar_one())


def waiting(session: Session, after: int, limit: int) -> Sequence[Row[Any]]:
    """Return, as the claimer, which entries wait for their seal, in the order in which they were written."""
    return session.execute(_WAITING, {"after": after, "limit": limit}).all()


def entries(session: Session, organization_id: UUID, ids: Sequence[UUID]) -> dict[UUID, KeptEntry]:
    """Return those of the entries *ids* that are there and have no seal."""
    rows = session.execute(_ENTRIES, {"organization_id": organization_id, "ids": list(ids)})
    return {row.id: entry_of(row) for row in rows}


def head(session: Session, organization_id: UUID) -> tuple[int, bytes]:
    """Return place and hash of the last seal; place 0 before the first."""
    row = session.execute(_HEAD, {"organization_id": organization_id}).one_or_none()
    return (0, GENESIS) if row is None else (row.seq, bytes(row.hash))


def seal(session: Session, organization_id: UUID, seals: Sequence[tuple[int, UUID, bytes]], now: datetime) -> None:
    """Append *seals*, each a place, an entry's id and a hash, to the chain."""
    seqs, log_ids, hashes = (list(column) for column in zip(*seals, strict=True))
    values = {"seqs": seqs, "log_ids": log_ids, "hashes": hashes, "last_seq": seqs[-1], "now": now}
    session.execute(_SEAL, {"organization_id": organization_id, **values})


def settle(session: Session, positions: Sequence[int]) -> None:
    """Take from those that wait the ones that have their seal."""
    session.execute(_SETTLE, {"positions": list(positions)})


def unsigned(session: Session, now: datetime, *, every: timedelta, rows: int, limit: int) -> list[UUID]:
    """Return, as the claimer, whose chains have gone on for *every* or by *rows* since they were last signed."""
    values = {"now": now, "every": every, "rows": rows, "limit": limit}
    return [row.organization_id for row in session.execute(_UNSIGNED, values)]


def sign(session: Session, checkpoint: Checkpoint) -> None:
    """Keep a checkpoint that is anchored."""
    values = {name: getattr(checkpoint, name) for name in Checkpoint.__slots__}
    session.execute(_SIGN, values)
