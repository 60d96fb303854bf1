"""Rows whose blind index is to be written or emptied while the index key changes. Look-ups by it are in `people`."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

# By the parity of the index key's version: even ones first.
_COLUMNS = ("email_index_even", "email_index")
_LACKING = tuple(
    text(
        f"SELECT id, email_encrypted AS encrypted FROM users "  # noqa: S608  (constants)
        f"WHERE email_encrypted IS NOT NULL AND {column} IS NULL AND id > :after ORDER BY id LIMIT :limit FOR UPDATE"
    )
    for column in _COLUMNS
)
_IS_LACKING = tuple(
    text(f"SELECT EXISTS (SELECT FROM users WHERE email_encrypted IS NOT NULL AND {column} IS NULL)")  # noqa: S608
    for column in _COLUMNS
)
_WRITE = tuple(text(f"UPDATE users SET {column} = :index WHERE id = :id") for column in _COLUMNS)  # noqa: S608
_IS_USED = tuple(text(f"SELECT EXISTS (SELECT FROM users WHERE {column} IS NOT NULL)") for column in _COLUMNS)  # noqa: S608
# Materialized: a sub-select with a limit may be run again for each row of a join, and then finds others.
_EMPTY = tuple(
    text(
        f"WITH batch AS MATERIALIZED (SELECT id FROM users "  # noqa: S608  (constants)
        f"WHERE num_nonnulls(email_index, email_index_even) = 2 LIMIT :limit FOR UPDATE) "
        f"UPDATE users SET {column} = NULL FROM batch WHERE users.id = batch.id"
    )
    for column in _COLUMNS
)


def lacking(session: Session, version: int, after: UUID, limit: int) -> Sequence[Row[Any]]:
    """Lock and return rows after one, in order, without an index under the key of *version*: id and `encrypted`."""
    return session.execute(_LACKING[version % 2], {"after": after, "limit": limit}).all()


def is_lacking(session: Session, version: int) -> bool:
    """Tell whether any row has no index under the key of *version*."""
    return bool(session.execute(_IS_LACKING[version % 2]).scalar_one())


def write(session: Session, version: int, row_id: UUID, index: bytes | None) -> None:
    """Store a locked row's index under the key of *version*."""
    session.execute(_WRITE[version % 2], {"id": row_id, "index": index})


def is_used(session: Session, version: int) -> bool:
    """Tell whether any row has an index in the column of *version*."""
    return bool(session.execute(_IS_USED[version % 2]).scalar_one())


def empty(session: Session, version: int, limit: int) -> int:
    """Empty the column of *version* in up to *limit* rows that have the other index too, and return in how many."""
    return int(session.execute(_EMPTY[version % 2], {"limit": limit}).rowcount)  # type: ignore[attr-defined]
