"""Writing down what happened: log entries, events with their outbox rows, and remembered answers."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from psms.db.models.tickets import LogRow
from psms.domain.logs import LogEntry, LogFilter
from psms.domain.pages import Page, PageRequest, page_of

_LOG = text("""
    INSERT INTO logs (organization_id, id, at, action, outcome, actor_id, client_id, request_id,
        target_type, target_id, before, after)
    VALUES (:organization_id, :id, :at, :action, :outcome, :actor_id, :client_id, :request_id,
        :target_type, :target_id, CAST(:before AS jsonb), CAST(:after AS jsonb))
""")
_EVENT = text("""
    WITH event AS (
        INSERT INTO events (organization_id, id, type, schema_version, ticket_id, sequence, occurred_at, body,
            request_id)
        VALUES (:organization_id, :id, :type, :schema_version, :ticket_id, :sequence, :occurred_at, :body,
            :request_id)
    )
    INSERT INTO outbox (organization_id, event_id, event_type, ticket_id, endpoint_id, occurred_at, request_id)
    VALUES (:organization_id, :id, :type, :ticket_id, :endpoint_id, :occurred_at, :request_id)
""")
_LOCK_KEY = text("SELECT pg_try_advisory_xact_lock(hashtextextended(:name, 0))")
_ANSWER = text("""
    SELECT fingerprint, body, location, etag FROM idempotency_keys
    WHERE client_id = :client_id AND key = :key AND expires_at > psms_now()
""")
_REMEMBER = text("""
    INSERT INTO idempotency_keys AS k (organization_id, client_id, key, fingerprint, body, location, etag,
        created_at, expires_at)
    VALUES (:organization_id, :client_id, :key, :fingerprint, :body, :location, :etag,
        CAST(:now AS timestamptz), CAST(:now AS timestamptz) + interval '24 hours')
    ON CONFLICT (organization_id, client_id, key) DO UPDATE
        SET fingerprint = excluded.fingerprint, body = excluded.body, location = excluded.location,
            etag = excluded.etag, created_at = excluded.created_at, expires_at = excluded.expires_at
        WHERE k.expires_at <= excluded.created_at
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRecord:
    """One entry to write; *before* and *after* are JSON texts of the changed fields only."""

    organization_id: UUID
    id: UUID
    at: datetime
    action: str
    outcome: str
    actor_id: UUID | None
    client_id: UUID | None
    request_id: str | None
    target_type: str
    target_id: UUID | None
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRecord:
    """One event to write; *endpoint_id* restricts it to one endpoint (a test send)."""

    organization_id: UUID
    id: UUID
    type: str
    schema_version: int
    ticket_id: UUID | None
    sequence: int | None
    occurred_at: datetime
    body: bytes
    request_id: str | None
    endpoint_id: UUID | None = None


def insert_log(session: Session, record: LogRecord) -> None:
    """Write one entry of the audit trail."""
    session.execute(_LOG, _values(record))


def insert_event(session: Session, record: EventRecord) -> None:
    """Write one event and its outbox row."""
    session.execute(_EVENT, _values(record))


def _values(record: LogRecord | EventRecord) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__slots__}


def lock_key(session: Session, client_id: UUID, key: str) -> bool:
    """Take the idempotency key for this transaction; False while another request holds it."""
    return bool(session.execute(_LOCK_KEY, {"name": f"{client_id}/{key}"}).scalar_one())


def answer_for(session: Session, client_id: UUID, key: str) -> Row[Any] | None:
    """Return what a request with this key answered before."""
    return session.execute(_ANSWER, {"client_id": client_id, "key": key}).one_or_none()


def remember(session: Session, values: dict[str, Any]) -> None:
    """Keep the answer of a request under its key, for 24 hours."""
    session.execute(_REMEMBER, values)


def list_logs(session: Session, wanted: LogFilter, page: PageRequest) -> Page[LogEntry]:
    """Return one page of the organization's audit trail, newest first."""
    row = LogRow
    statement = select(row)
    for name in LogFilter.__slots__:
        value = getattr(wanted, name)
        if value is not None:
            statement = statement.where(getattr(row, name) == value)
    if page.after is not None:
        statement = statement.where(row.id < page.after)
    found = session.scalars(statement.order_by(row.id.desc()).limit(page.limit + 1))
    entries = [LogEntry(**{name: getattr(entry, name) for name in LogEntry.__slots__}) for entry in found]
    return page_of(entries, page.limit)
