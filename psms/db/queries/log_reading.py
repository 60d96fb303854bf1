"""Reading the log: lists with filters, exports, and what verifying walks through. Writing is in `journal`."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, literal, select, text
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from psms.db.models.logs import LogRow
from psms.domain.log_chain import Checkpoint, KeptEntry
from psms.domain.log_proof import SealedEntry
from psms.domain.logs import LogEntry, LogFilter
from psms.domain.pages import Page, PageRequest, page_of
from psms.ids import first_id_of

# JSON as text: parsed here, its numbers would become floats.
ENTRY_COLUMNS = """l.organization_id, l.id, l.at, l.action, l.outcome, l.actor_id, l.client_id, l.request_id,
        l.address, l.target_type, l.target_id, CAST(l.before AS text) AS before, CAST(l.after AS text) AS after"""

_CHAIN = text(f"""
    SELECT s.seq, s.log_id, s.hash, {ENTRY_COLUMNS}
    FROM log_seals s LEFT JOIN logs l ON l.organization_id = s.organization_id AND l.id = s.log_id
    WHERE s.organization_id = :organization_id AND s.seq > :after ORDER BY s.seq LIMIT :limit
""")  # noqa: S608  (a constant)
_SPAN = text(f"""
    SELECT s.seq, s.hash, {ENTRY_COLUMNS}
    FROM logs l LEFT JOIN log_seals s ON s.organization_id = l.organization_id AND s.log_id = l.id
    WHERE l.organization_id = :organization_id AND l.id > :after AND l.id < :until ORDER BY l.id LIMIT :limit
""")  # noqa: S608  (a constant)
_UNSEALED = text("""
    SELECT page.id, page.at, EXISTS (SELECT FROM log_seals s
        WHERE s.organization_id = page.organization_id AND s.log_id = page.id) AS sealed
    FROM (SELECT organization_id, id, at FROM logs
          WHERE organization_id = :organization_id AND id > :after AND id < :until ORDER BY id LIMIT :limit) page
    ORDER BY page.id
""")
_CHECKPOINTS = text("""
    SELECT organization_id, seq, hash, at, key_id, signature FROM log_checkpoints
    WHERE organization_id = :organization_id ORDER BY seq
""")
# From one organization to the next along the key, however many rows each has.
_ORGANIZATIONS = """
    WITH RECURSIVE found AS (
        (SELECT organization_id FROM {table} ORDER BY organization_id LIMIT 1)
        UNION ALL
        SELECT (SELECT t.organization_id FROM {table} t WHERE t.organization_id > f.organization_id
                ORDER BY t.organization_id LIMIT 1) FROM found f WHERE f.organization_id IS NOT NULL
    )
    SELECT organization_id FROM found WHERE organization_id IS NOT NULL
"""
_WITH_A_CHAIN = [text(_ORGANIZATIONS.format(table=table)) for table in ("log_seals", "log_checkpoints")]
_WITH_UNSEALED = text("SELECT DISTINCT organization_id FROM log_unsealed")
# The months that are there: what is older was dropped, not deleted row by row.
_KEPT_FROM = text("""
    SELECT COALESCE(min(to_timestamp(right(c.relname, 6), 'YYYYMM')), 'epoch') FROM pg_inherits i
    JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'logs'::regclass
""")
_TICKET = "ticket"
_IS_THERE = text("SELECT EXISTS (SELECT FROM logs WHERE organization_id = :organization_id AND id = :id)")


def entry_of(row: Row[Any]) -> KeptEntry:
    """Return the entry in a row that has ENTRY_COLUMNS."""
    return KeptEntry(**{name: getattr(row, name) for name in KeptEntry.__slots__})


def list_logs(session: Session, wanted: LogFilter, page: PageRequest) -> Page[LogEntry]:
    """Return one page of the organization's log, newest first."""
    statement = select(LogRow).where(*_conditions(wanted))
    if page.after is not None:
        statement = statement.where(LogRow.id < page.after)
    found = session.scalars(statement.order_by(LogRow.id.desc()).limit(page.limit + 1))
    entries = [LogEntry(**{name: getattr(entry, name) for name in LogEntry.__slots__}) for entry in found]
    return page_of(entries, page.limit)


def _conditions(wanted: LogFilter) -> list[ColumnElement[bool]]:
    found = [
        getattr(LogRow, name) == value
        for name in ("actor_id", "client_id", "target_type", "target_id")
        if (value := getattr(wanted, name)) is not None
    ]
    if wanted.target_type not in {None, _TICKET}:
        # Said once more, as the partial index says it: of a parameter the planner cannot tell.
        found.append(LogRow.target_type != literal(_TICKET, literal_execute=True))
    if wanted.outcome is not None:
        # Written out for the same reason: it is one of two words.
        found.append(LogRow.outcome == literal(wanted.outcome.value, literal_execute=True))
    if wanted.action is not None and not wanted.action.endswith("."):
        found.append(LogRow.action == wanted.action)
    elif wanted.action is not None:
        # These two operators, and not LIKE, are what an index serves behind row-level security.
        found.append(LogRow.action.op("~>=~", is_comparison=True)(wanted.action))
        found.append(LogRow.action.op("~<~", is_comparison=True)(_after_prefix(wanted.action)))
    if wanted.since is not None:
        found += [LogRow.id >= first_id_of(wanted.since), LogRow.at >= wanted.since]
    if wanted.until is not None:
        following = wanted.until + timedelta(milliseconds=1)
        found += [LogRow.id < first_id_of(following), LogRow.at < wanted.until]
    return found


def _after_prefix(prefix: str) -> str:
    """Return the first text, by code points, that no longer begins with *prefix*, which is ASCII."""
    return prefix[:-1] + chr(ord(prefix[-1]) + 1)


def chain(session: Session, organization_id: UUID, after: int, limit: int) -> list[SealedEntry]:
    """Return the links of a chain that follow the place *after*."""
    values = {"organization_id": organization_id, "after": after, "limit": limit}
    return [
        SealedEntry(
            seq=row.seq,
            log_id=row.log_id,
            hash=bytes(row.hash),
            entry=None if row.id is None else entry_of(row),
        )
        for row in session.execute(_CHAIN, values)
    ]


def span(session: Session, organization_id: UUID, after: UUID, until: UUID, limit: int) -> Sequence[Row[Any]]:
    """Return entries between two ids, oldest first, each with the place and hash of its seal."""
    values = {"organization_id": organization_id, "after": after, "until": until, "limit": limit}
    return session.execute(_SPAN, values).all()


def sealed_or_not(session: Session, organization_id: UUID, after: UUID, until: UUID, limit: int) -> Sequence[Row[Any]]:
    """Return ids between two ids, and whether each has its seal."""
    values = {"organization_id": organization_id, "after": after, "until": until, "limit": limit}
    return session.execute(_UNSEALED, values).all()


def checkpoints(session: Session, organization_id: UUID) -> list[Checkpoint]:
    """Return an organization's checkpoints, in the order of the chain."""
    rows = session.execute(_CHECKPOINTS, {"organization_id": organization_id})
    return [
        Checkpoint(
            organization_id=row.organization_id,
            seq=row.seq,
            hash=bytes(row.hash),
            at=row.at,
            key_id=row.key_id,
            signature=bytes(row.signature),
        )
        for row in rows
    ]


def organizations(session: Session) -> set[UUID]:
    """Return, as the claimer, every organization that has seals, checkpoints or entries without a seal."""
    statements = [*_WITH_A_CHAIN, _WITH_UNSEALED]
    return {row.organization_id for statement in statements for row in session.execute(statement)}


def kept_from(session: Session) -> datetime:
    """Return the first instant of the oldest month of the log that is still there."""
    instant: datetime = session.execute(_KEPT_FROM).scalar_one()
    return instant


def is_there(session: Session, organization_id: UUID, log_id: UUID) -> bool:
    """Tell whether the organization that this transaction is inside has an entry with this id."""
    values = {"organization_id": organization_id, "id": log_id}
    return bool(session.execute(_IS_THERE, values).scalar_one())
