"""Writing down what happened: log entries, events with their outbox rows, and remembered answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

_LOGS = text("""
    INSERT INTO logs (organization_id, id, at, action, outcome, actor_id, client_id, request_id,
        target_type, target_id, before, after, address)
    SELECT l.organization_id, l.id, l.at, l.action, l.outcome, l.actor_id, l.client_id, l.request_id,
        l.target_type, l.target_id, CAST(l.before AS jsonb), CAST(l.after AS jsonb), l.address
    FROM unnest(CAST(:organization_id AS uuid[]), CAST(:id AS uuid[]), CAST(:at AS timestamptz[]),
        CAST(:action AS text[]), CAST(:outcome AS text[]), CAST(:actor_id AS uuid[]), CAST(:client_id AS uuid[]),
        CAST(:request_id AS text[]), CAST(:target_type AS text[]), CAST(:target_id AS uuid[]),
        CAST(:before AS text[]), CAST(:after AS text[]), CAST(:address AS text[]))
        AS l (organization_id, id, at, action, outcome, actor_id, client_id, request_id, target_type, target_id,
            before, after, address)
""")
# Who writes the same next waits here, and sees it.
_SAME = text("SELECT pg_advisory_xact_lock(hashtextextended(:after, hashtext(:action)))")
_NOTED = text("""
    SELECT EXISTS (SELECT FROM logs WHERE organization_id = :organization_id AND action = :action AND id >= :since
        AND target_type = :target_type AND target_id IS NOT DISTINCT FROM CAST(:target_id AS uuid)
        AND after = CAST(:after AS jsonb))
""")
# The outbox numbers its rows in the order of the events given.
_EVENTS = text("""
    WITH told AS (
        SELECT * FROM unnest(CAST(:organization_id AS uuid[]), CAST(:id AS uuid[]), CAST(:type AS text[]),
            CAST(:schema_version AS smallint[]), CAST(:ticket_id AS uuid[]), CAST(:sequence AS bigint[]),
            CAST(:occurred_at AS timestamptz[]), CAST(:body AS bytea[]), CAST(:request_id AS text[]),
            CAST(:endpoint_id AS uuid[]), CAST(:except_endpoint_id AS uuid[]), CAST(:depth AS smallint[]))
            WITH ORDINALITY
            AS t (organization_id, id, type, schema_version, ticket_id, sequence, occurred_at, body, request_id,
                endpoint_id, except_endpoint_id, depth, place)
    ), event AS (
        INSERT INTO events (organization_id, id, type, schema_version, ticket_id, sequence, occurred_at, body,
            request_id)
        SELECT organization_id, id, type, schema_version, ticket_id, sequence, occurred_at, body, request_id FROM told
    )
    INSERT INTO outbox (organization_id, event_id, event_type, ticket_id, endpoint_id, except_endpoint_id, occurred_at,
        request_id, depth)
    SELECT organization_id, id, type, ticket_id, endpoint_id, except_endpoint_id, occurred_at, request_id, depth
    FROM told ORDER BY place
""")
_LOCK = "SELECT pg_try_advisory_xact_lock(%(lock)s)"
# Also a part of the statement that takes a ticket's number.
ANSWER = """
    SELECT fingerprint, body, location, etag FROM idempotency_keys
    WHERE client_id = %(client_id)s AND key = %(key)s AND expires_at > psms_now()
"""
# Also a part of the statement that files a ticket.
REMEMBERED = """
    INSERT INTO idempotency_keys AS k (organization_id, client_id, key, fingerprint, body, location, etag,
        created_at, expires_at)
    VALUES (%(organization_id)s, %(client_id)s, %(key)s, %(fingerprint)s, %(kept_body)s, %(location)s, %(etag)s,
        CAST(%(now)s AS timestamptz), CAST(%(now)s AS timestamptz) + interval '24 hours')
    ON CONFLICT (organization_id, client_id, key) DO UPDATE
        SET fingerprint = excluded.fingerprint, body = excluded.body, location = excluded.location,
            etag = excluded.etag, created_at = excluded.created_at, expires_at = excluded.expires_at
        WHERE k.expires_at <= excluded.created_at
"""


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
    address: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRecord:
    """One event to write; *endpoint_id* restricts it to one endpoint (a test send), *except_endpoint_id* to the others.

    *depth* says how many automations led to it, one after the other.
    """

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
    except_endpoint_id: UUID | None = None
    depth: int = 0


def insert_logs(session: Session, records: Sequence[LogRecord]) -> None:
    """Write entries of the audit trail, in one statement."""
    session.execute(_LOGS, _columns(records))


def insert_log_once(session: Session, record: LogRecord, since: UUID) -> bool:
    """Write an entry unless there is one already, of the id *since* or later, that tells the same of the same.

    Tell whether it was written.
    """
    names = ("organization_id", "action", "target_type", "target_id", "after")
    values = {name: getattr(record, name) for name in names}
    session.execute(_SAME, values)
    if session.execute(_NOTED, {**values, "since": since}).scalar_one():
        return False
    insert_logs(session, [record])
    return True


def insert_events(session: Session, records: Sequence[EventRecord]) -> None:
    """Write events with their outbox rows, in one statement; the outbox keeps their order."""
    session.execute(_EVENTS, _columns(records))


def _columns(records: Sequence[LogRecord] | Sequence[EventRecord]) -> dict[str, list[Any]]:
    names = records[0].__slots__
    columns = zip(*map(attrgetter(*names), records), strict=True)
    return {name: list(column) for name, column in zip(names, columns, strict=True)}


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAnswer:
    """What a request was answered that came with an idempotency key; *etag* is its version in digits."""

    fingerprint: bytes
    body: bytes
    location: str
    etag: str | None


def lock_key(session: Session, lock: int) -> bool:
    """Take an idempotency key, by its number, for this transaction; False while another request holds it."""
    return bool(session.connection().exec_driver_sql(_LOCK, {"lock": lock}).scalar_one())


def answer_for(session: Session, client_id: UUID, key: str) -> KeptAnswer | None:
    """Return what a request with this key was answered before."""
    answer = session.connection().exec_driver_sql(ANSWER, {"client_id": client_id, "key": key})
    row = answer.one_or_none()
    return None if row is None else answer_of(row)


def answer_of(row: Any) -> KeptAnswer:  # noqa: ANN401  # the driver's row, or SQLAlchemy's
    """Return the answer that a row with the columns of one holds."""
    return KeptAnswer(fingerprint=bytes(row.fingerprint), body=bytes(row.body), location=row.location, etag=row.etag)


def remember(session: Session, values: dict[str, Any]) -> None:
    """Keep the answer of a request under its key, for 24 hours."""
    session.connection().exec_driver_sql(REMEMBERED, values)
