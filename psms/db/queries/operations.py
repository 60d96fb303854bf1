"""Counts and lists for operators, across organizations, as the claimer. Finished work is not counted."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from psms.domain.operations import Backlog, WorkItem

_OUTBOX = text("""
    SELECT count(*) AS rows, COALESCE(EXTRACT(epoch FROM psms_now() - min(occurred_at)), 0) AS oldest_s FROM outbox
""")
_WAITING = text("""
    SELECT state, count(*) AS rows FROM webhook_deliveries
    WHERE state IN ('pending', 'in_flight', 'held', 'dead') GROUP BY state
""")
_OLDEST_DUE = text("""
    SELECT COALESCE(EXTRACT(epoch FROM psms_now() - min(next_due_at)), 0) AS oldest_s FROM webhook_lanes
    WHERE next_due_at < 'infinity' AND next_due_at <= psms_now() AND not_before <= psms_now()
""")
_LIST = """
    SELECT organization_id, id, event_type, endpoint_id, state, COALESCE(dead_reason, last_error) AS reason,
        tries, created_at
    FROM webhook_deliveries WHERE state IN ({states}) ORDER BY created_at LIMIT :limit
"""
_DEAD = text(_LIST.format(states="'dead'"))
_UNFINISHED = text(_LIST.format(states="'pending', 'in_flight', 'held'"))
_PLACES = text("""
    SELECT organization_id, endpoint_id, id FROM webhook_deliveries
    WHERE state = 'dead' AND (CAST(:ids AS uuid[]) IS NULL OR id = ANY (CAST(:ids AS uuid[])))
    ORDER BY organization_id, endpoint_id, id LIMIT :limit FOR UPDATE SKIP LOCKED
""")


def backlog(session: Session) -> Backlog:
    """Return what waits now."""
    outbox = session.execute(_OUTBOX).one()
    deliveries = {row.state: row.rows for row in session.execute(_WAITING)}
    oldest_due_s = float(session.execute(_OLDEST_DUE).scalar_one())
    return Backlog(
        outbox=outbox.rows,
        outbox_oldest_s=float(outbox.oldest_s),
        deliveries=deliveries,
        oldest_due_s=oldest_due_s,
    )


def dead(session: Session, limit: int) -> list[WorkItem]:
    """Return what has been given up, oldest first."""
    return [_item(row) for row in session.execute(_DEAD, {"limit": limit})]


def unfinished(session: Session, limit: int) -> list[WorkItem]:
    """Return what waits, is held or is being done, oldest first."""
    return [_item(row) for row in session.execute(_UNFINISHED, {"limit": limit})]


def places_of_dead(session: Session, ids: list[UUID] | None, limit: int) -> Sequence[Row[Any]]:
    """Lock dead deliveries (these, or any) and return where they belong."""
    return session.execute(_PLACES, {"ids": ids, "limit": limit}).all()


def _item(row: Row[Any]) -> WorkItem:
    return WorkItem(
        kind="delivery",
        id=row.id,
        organization_id=row.organization_id,
        what=f"{row.event_type} to endpoint {row.endpoint_id}",
        state=row.state,
        reason=row.reason,
        attempts=row.tries,
        since=row.created_at,
    )
