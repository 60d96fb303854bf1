"""Data keys as stored, and the canary. What they encrypted is in `ciphertexts`; unwrapping is a workflow's."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, text
from sqlalchemy.orm import Session

from psms.domain.data_keys import MOST_MESSAGES, WrappedKey

_ALL = text("SELECT id, purpose, version, kek_id, wrapped, created_at, retired_at FROM data_keys ORDER BY id")
_TAKE_TURNS = text("SELECT pg_advisory_xact_lock(hashtext('psms.data_keys'), hashtext(CAST(:organization_id AS text)))")
_INSERT = text("""
    INSERT INTO data_keys (organization_id, id, purpose, version, kek_id, wrapped, created_at)
    SELECT :organization_id, (SELECT COALESCE(max(id), 0) + 1 FROM data_keys),
           :purpose, COALESCE(max(version), 0) + 1, :kek_id, :wrapped, :now
    FROM data_keys WHERE purpose = :purpose
""")
_UNDER_ANOTHER = text("""
    SELECT organization_id, id FROM data_keys
    WHERE kek_id <> :kek_id AND shredded_at IS NULL AND (organization_id, id) > (:organization_id, :id)
    ORDER BY organization_id, id LIMIT :limit
""")
_REWRAP = text("""
    UPDATE data_keys SET kek_id = :kek_id, wrapped = :wrapped WHERE id = :id AND wrapped = :former
""")
_BY_KEK = text("""
    SELECT kek_id, count(*) AS data_keys FROM data_keys WHERE shredded_at IS NULL GROUP BY kek_id ORDER BY kek_id
""")
_SHREDDED = text("SELECT count(*) FROM data_keys WHERE shredded_at IS NOT NULL")
_SHRED = text("UPDATE data_keys SET wrapped = NULL, shredded_at = :now WHERE shredded_at IS NULL")
_RESERVE = text("UPDATE data_keys SET messages = messages + :count WHERE id = :id")
_RETIRE = text("UPDATE data_keys SET retired_at = :now WHERE id = :id")
# The one that encrypts is the newest: of a former one it no longer matters.
_ENCRYPTS = """
    shredded_at IS NULL AND NOT EXISTS (
        SELECT FROM data_keys n
        WHERE n.organization_id = k.organization_id AND n.purpose = k.purpose AND n.version > k.version)
"""
_WORN = text(f"""
    SELECT DISTINCT organization_id FROM data_keys k WHERE messages >= {MOST_MESSAGES} AND {_ENCRYPTS}
    ORDER BY organization_id LIMIT :limit
""")  # noqa: S608  (constants)
_MOST_MESSAGES = text(f"SELECT COALESCE(max(messages), 0) FROM data_keys k WHERE {_ENCRYPTS}")  # noqa: S608
_ORGANIZATIONS = text("SELECT psms_organization_ids(:after, :limit)")
_CANARY = text("SELECT kek_id, wrapped FROM key_canary")
_SET_CANARY = text("""
    INSERT INTO key_canary (kek_id, wrapped, created_at) VALUES (:kek_id, :wrapped, psms_now()) ON CONFLICT DO NOTHING
""")
_CHANGE_CANARY = text("UPDATE key_canary SET kek_id = :kek_id, wrapped = :wrapped")


def of_organization(session: Session) -> list[WrappedKey]:
    """Return all data keys of the transaction's organization, the shredded ones too."""
    return [WrappedKey(**row._mapping) for row in session.execute(_ALL)]  # noqa: SLF001  (SQLAlchemy's public name)


def take_turns(session: Session, organization_id: UUID) -> None:
    """Wait until nobody else makes data keys of this organization, and let nobody until the commit."""
    session.execute(_TAKE_TURNS, {"organization_id": organization_id})


def add(session: Session, values: dict[str, Any]) -> None:
    """Write the next version of a key; *values* are named as in the statement. Take turns first."""
    session.execute(_INSERT, values)


def under_another_kek(session: Session, kek_id: str, after: tuple[UUID, int], limit: int) -> Sequence[Row[Any]]:
    """Return, as the claimer, the organizations and ids of keys after a place that another KEK wraps."""
    values = {"kek_id": kek_id, "organization_id": after[0], "id": after[1], "limit": limit}
    return session.execute(_UNDER_ANOTHER, values).all()


def rewrap(session: Session, key: WrappedKey, kek_id: str, wrapped: bytes) -> bool:
    """Store *key* wrapped anew; False when somebody else has done so, or shredded it, meanwhile."""
    values = {"id": key.id, "former": key.wrapped, "kek_id": kek_id, "wrapped": wrapped}
    return int(session.execute(_REWRAP, values).rowcount) == 1  # type: ignore[attr-defined]


def by_kek(session: Session) -> dict[str, int]:
    """Return, as the claimer, how many data keys each KEK wraps."""
    return {row.kek_id: row.data_keys for row in session.execute(_BY_KEK)}


def count_shredded(session: Session) -> int:
    """Return, as the claimer, how many data keys were shredded."""
    return int(session.execute(_SHREDDED).scalar_one())


def reserve(session: Session, key_id: int, count: int) -> None:
    """Count *count* more values under a key of the transaction's organization."""
    session.execute(_RESERVE, {"id": key_id, "count": count})


def worn(session: Session, limit: int) -> list[UUID]:
    """Return, as the claimer, organizations with a key that encrypts and has encrypted as much as it should."""
    return list(session.execute(_WORN, {"limit": limit}).scalars())


def most_messages(session: Session) -> int:
    """Return, as the claimer, how many values were counted under the most used of the keys that encrypt."""
    return int(session.execute(_MOST_MESSAGES).scalar_one())


def retire(session: Session, key_id: int, now: datetime) -> None:
    """Have no process use a key of the transaction's organization any longer."""
    session.execute(_RETIRE, {"id": key_id, "now": now})


def shred(session: Session, now: datetime) -> int:
    """Destroy the data keys of the transaction's organization and return how many."""
    return int(session.execute(_SHRED, {"now": now}).rowcount)  # type: ignore[attr-defined]


def organizations_after(session: Session, after: UUID, limit: int) -> list[UUID]:
    """Return the ids of all organizations after one, in order."""
    return list(session.execute(_ORGANIZATIONS, {"after": after, "limit": limit}).scalars())


def canary(connection: Connection) -> tuple[str, bytes] | None:
    """Return the canary's KEK and its wrapped form; None before the first start."""
    row = connection.execute(_CANARY).one_or_none()
    return None if row is None else (row.kek_id, bytes(row.wrapped))


def set_canary(session: Session, kek_id: str, wrapped: bytes) -> None:
    """Write the canary unless there is one."""
    session.execute(_SET_CANARY, {"kek_id": kek_id, "wrapped": wrapped})


def change_canary(session: Session, kek_id: str, wrapped: bytes) -> None:
    """Wrap the canary anew."""
    session.execute(_CHANGE_CANARY, {"kek_id": kek_id, "wrapped": wrapped})
