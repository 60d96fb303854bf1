"""Which timers are due, found across organizations and locked. What becomes of them is written by `sla`."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

# Oldest first: after an outage those who have waited longest come first.
_DUE = text("""
    SELECT organization_id, clock_id, ticket_id FROM sla_timers
    WHERE next_at IS NOT NULL AND next_at < :now
    ORDER BY next_at LIMIT :limit FOR UPDATE SKIP LOCKED
""")
# All timers of these tickets, or none of a ticket: so the sweep never waits, and cannot deadlock with an edit.
_LOCK_TIMERS = text("""
    SELECT clock_id, ticket_id FROM sla_timers
    WHERE organization_id = :organization_id AND ticket_id = ANY (:ticket_ids)
    ORDER BY clock_id FOR UPDATE SKIP LOCKED
""")


def due(session: Session, now: datetime, limit: int) -> Sequence[Row[Any]]:
    """Lock, as the claimer, the timers that are due and return where they belong."""
    return session.execute(_DUE, {"now": now, "limit": limit}).all()


def lock_timers(session: Session, organization_id: UUID, ticket_ids: Sequence[UUID]) -> dict[UUID, set[UUID]]:
    """Lock the timers of these tickets that nobody else holds, and return their clocks by ticket."""
    locked: dict[UUID, set[UUID]] = {}
    values = {"organization_id": organization_id, "ticket_ids": list(ticket_ids)}
    for row in session.execute(_LOCK_TIMERS, values):
        locked.setdefault(row.ticket_id, set()).add(row.clock_id)
    return locked
