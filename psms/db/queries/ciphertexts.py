"""Rows that hold values to be encrypted anew, in clear or under a former data key; one statement pair a column."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import TextClause

from psms.domain.encrypted_columns import ENDPOINT_HEADERS, KEPT_USER, USER_EMAIL, WEBHOOK_SECRET, EncryptedColumn
from psms.domain.encryption import BlindIndexes, id_bytes

FIRST = UUID(int=0)
# The id of the data key stands in the second to fifth byte of a stored value; see `psms.domain.encryption`.
_FORMER = "substring({} FROM 2 FOR 4) <> :newest"
_IS_USER = "location LIKE '/v1/users/%'"
_USER_OF = f"CASE WHEN {_IS_USER} THEN CAST(right(location, 36) AS uuid) END"
# JSON begins with a brace, ciphertext with the number of its format.
_IS_CLEAR = "get_byte(body, 0) = 123"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Statements:
    """How a column's outdated rows are found (id, clear, encrypted), counted, and written."""

    outdated: TextClause
    count: TextClause
    write: TextClause


def _statements(source: str, row: str, where: str, write: str) -> _Statements:
    columns, _, table = source.partition(" FROM ")
    return _Statements(
        outdated=text(
            f"SELECT {row} AS id, {columns} FROM {table} WHERE ({where}) AND {row} > :after "  # noqa: S608  (constants)
            f"ORDER BY {row} LIMIT :limit FOR UPDATE SKIP LOCKED"
        ),
        count=text(f"SELECT count(*) FROM {table} WHERE {where}"),  # noqa: S608  (constants)
        write=text(write),
    )


_OF = {
    WEBHOOK_SECRET: _statements(
        "secret AS clear, secret_encrypted AS encrypted FROM webhook_secrets",
        "id",
        f"secret IS NOT NULL OR {_FORMER.format('secret_encrypted')}",
        "UPDATE webhook_secrets SET secret = NULL, secret_encrypted = :encrypted WHERE id = :id",
    ),
    # Never in clear: they came after encryption.
    ENDPOINT_HEADERS: _statements(
        "CAST(NULL AS text) AS clear, headers_encrypted AS encrypted FROM webhook_endpoints",
        "id",
        _FORMER.format("headers_encrypted"),
        "UPDATE webhook_endpoints SET headers_encrypted = :encrypted WHERE id = :id",
    ),
    USER_EMAIL: _statements(
        "email AS clear, email_encrypted AS encrypted FROM users",
        "id",
        f"email IS NOT NULL OR {_FORMER.format('email_encrypted')}",
        """UPDATE users SET email = NULL,
               email_encrypted = CASE WHEN is_service THEN NULL ELSE CAST(:encrypted AS bytea) END,
               email_index = CASE WHEN NOT is_service THEN COALESCE(CAST(:odd AS bytea), email_index) END,
               email_index_even = CASE WHEN NOT is_service THEN COALESCE(CAST(:even AS bytea), email_index_even) END
           WHERE id = :id""",
    ),
    KEPT_USER: _statements(
        f"CASE WHEN {_IS_CLEAR} THEN convert_from(body, 'UTF8') END AS clear, body AS encrypted FROM idempotency_keys",
        _USER_OF,
        f"{_IS_USER} AND ({_IS_CLEAR} OR {_FORMER.format('body')})",
        f"UPDATE idempotency_keys SET body = :encrypted WHERE {_USER_OF} = :id",  # noqa: S608
    ),
}

COLUMNS = tuple(_OF)


def outdated(session: Session, column: EncryptedColumn, newest: int, after: UUID, limit: int) -> Sequence[Row[Any]]:
    """Lock and return rows after one, in order, whose value is in clear or not under the key *newest*.

    What others have locked is left out. Of each there are the id, the `clear` text if any, and `encrypted`.
    """
    values = {"newest": id_bytes(newest), "after": after, "limit": limit}
    return session.execute(_OF[column].outdated, values).all()


def count_outdated(session: Session, column: EncryptedColumn, newest: int) -> int:
    """Return how many values of a column are in clear or not under the key *newest*, in one organization."""
    return int(session.execute(_OF[column].count, {"newest": id_bytes(newest)}).scalar_one())


def write(session: Session, column: EncryptedColumn, row_id: UUID, encrypted: bytes, indexes: BlindIndexes) -> None:
    """Store a locked row's value as ciphertext, with its blind indexes where the column has them."""
    values: dict[str, Any] = {"id": row_id, "encrypted": encrypted}
    if column is USER_EMAIL:
        values |= {"odd": indexes.odd, "even": indexes.even}
    session.execute(_OF[column].write, values)
