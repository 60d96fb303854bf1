"""Lanes: one for each endpoint. Its row lock comes before every other lock of an endpoint or its deliveries."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import cast
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from psms.db.direct import Record, direct

# In the order of the ids, here as everywhere, so that two transactions cannot wait for one another.
# The instant is read when all of them are locked: an aggregate comes after what it counts.
_LOCK = """
    WITH locked AS (
        SELECT endpoint_id FROM webhook_lanes
        WHERE organization_id = %(organization_id)s AND endpoint_id = ANY (%(endpoint_ids)s)
        ORDER BY endpoint_id FOR UPDATE
    )
    SELECT psms_now(), count(*) FROM locked
"""
# Whether it was removed is looked at again once it is locked: nobody can remove it any more then.
_RESERVE = """
    WITH locked AS (
        SELECT endpoint_id FROM webhook_lanes
        WHERE organization_id = %(organization_id)s AND endpoint_id = ANY (%(endpoint_ids)s) AND NOT removed
        ORDER BY endpoint_id FOR UPDATE
    )
    UPDATE webhook_lanes l
    SET last_sequence = l.last_sequence + w.count, next_due_at = LEAST(l.next_due_at, %(now)s)
    FROM locked
    JOIN unnest(CAST(%(endpoint_ids)s AS uuid[]), CAST(%(counts)s AS bigint[])) AS w (endpoint_id, count)
        USING (endpoint_id)
    WHERE l.organization_id = %(organization_id)s AND l.endpoint_id = locked.endpoint_id
    RETURNING l.endpoint_id, l.last_sequence - w.count AS before
"""
_WAKE = """
    UPDATE webhook_lanes l
    SET not_before = GREATEST(l.not_before, w.not_before),
        next_due_at = LEAST(l.next_due_at, (
            SELECT d.next_attempt_at FROM webhook_deliveries d
            WHERE d.endpoint_id = l.endpoint_id AND d.state = 'pending' AND NOT d.behind
            ORDER BY d.next_attempt_at LIMIT 1))
    FROM unnest(CAST(%(endpoint_ids)s AS uuid[]), CAST(%(not_before)s AS timestamptz[])) AS w (endpoint_id, not_before)
    WHERE l.organization_id = %(organization_id)s AND l.endpoint_id = w.endpoint_id
"""
# A person asked for it: whatever the partner's Retry-After said.
_SERVE_NOW = text("""
    UPDATE webhook_lanes SET not_before = '-infinity', next_due_at = LEAST(next_due_at, :now)
    WHERE organization_id = :organization_id AND endpoint_id = :endpoint_id
""")
_OPEN = text("""
    UPDATE webhook_lanes SET open = true, opened_at = :now, not_before = '-infinity', next_due_at = :now
    WHERE organization_id = :organization_id AND endpoint_id = :endpoint_id
""")
_CLOSE = text("""
    UPDATE webhook_lanes SET open = false WHERE organization_id = :organization_id AND endpoint_id = :endpoint_id
""")
_REMOVE = text("""
    UPDATE webhook_lanes SET open = false, removed = true
    WHERE organization_id = :organization_id AND endpoint_id = :endpoint_id
""")


def lock(session: Session, organization_id: UUID, endpoint_ids: Iterable[UUID]) -> datetime:
    """Lock the lanes of these endpoints until the commit, before anything else of theirs; return the instant then."""
    values = {"organization_id": organization_id, "endpoint_ids": sorted(set(endpoint_ids))}
    row = direct(session).row(_LOCK, values)
    return cast("datetime", row[0] if row else None)


def reserve(session: Session, organization_id: UUID, counts: dict[UUID, int], now: datetime) -> dict[UUID, int]:
    """Lock lanes, reserve so many sequence numbers in each, wake it, and return the last number before them.

    Lanes that have been removed are not among those returned.
    """
    rows = direct(session).records(
        _RESERVE,
        {
            "organization_id": organization_id,
            "endpoint_ids": list(counts),
            "counts": list(counts.values()),
            "now": now,
        },
    )
    return {row.endpoint_id: row.before for row in rows}


def wake(session: Session, organization_id: UUID, not_before: dict[UUID, datetime | None]) -> None:
    """Let each locked lane be looked at when its next delivery is due, and not before the instant it asked for."""
    direct(session).run(
        _WAKE,
        {
            "organization_id": organization_id,
            "endpoint_ids": list(not_before),
            "not_before": list(not_before.values()),
        },
    )


def serve_now(session: Session, organization_id: UUID, endpoint_id: UUID, now: datetime) -> None:
    """Let a locked lane be looked at at once."""
    session.execute(_SERVE_NOW, {"organization_id": organization_id, "endpoint_id": endpoint_id, "now": now})


def reopen(session: Session, organization_id: UUID, endpoint_id: UUID, now: datetime) -> None:
    """Serve a locked lane again; everything in it that was held is due, oldest first."""
    session.execute(_OPEN, {"organization_id": organization_id, "endpoint_id": endpoint_id, "now": now})


def close(session: Session, organization_id: UUID, endpoint_id: UUID) -> None:
    """Serve a locked lane no more: what is pending in it is held, however much that is."""
    session.execute(_CLOSE, {"organization_id": organization_id, "endpoint_id": endpoint_id})


def remove(session: Session, organization_id: UUID, endpoint_id: UUID) -> None:
    """Serve a locked lane never again: upkeep cancels what waits in it."""
    session.execute(_REMOVE, {"organization_id": organization_id, "endpoint_id": endpoint_id})


def ids_of(rows: Sequence[Record]) -> list[UUID]:
    """Return the endpoints that *rows* name, each once, in order."""
    return sorted({row.endpoint_id for row in rows})
