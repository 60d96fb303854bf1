"""Clocks with all that is kept of them, to be shown and to be verified. Nothing is written here."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

# Newest cycles first: of a long conversation the last ones matter.
_CYCLES = text("""
    SELECT c.*, t.next_at, ARRAY(SELECT f.level FROM sla_fires f
            WHERE f.organization_id = c.organization_id AND f.clock_id = c.id) AS levels
    FROM sla_clocks c LEFT JOIN sla_timers t ON t.organization_id = c.organization_id AND t.clock_id = c.id
    WHERE c.organization_id = :organization_id AND c.ticket_id = ANY (:ticket_ids)
    ORDER BY c.ticket_id, c.started_at DESC, c.cycle DESC, c.metric LIMIT :limit
""")
_SEGMENTS = text("""
    SELECT s.* FROM sla_segments s
    WHERE s.organization_id = :organization_id AND s.clock_id = ANY (:clock_ids) ORDER BY s.clock_id, s.number
""")
_FIRES = text("""
    SELECT f.clock_id, f.level, f.at FROM sla_fires f
    WHERE f.organization_id = :organization_id AND f.clock_id = ANY (:clock_ids)
""")
_TICKETS = text("""
    SELECT DISTINCT c.ticket_id FROM sla_clocks c
    WHERE c.organization_id = :organization_id AND c.ticket_id > :after ORDER BY c.ticket_id LIMIT :limit
""")


def cycles_of(session: Session, organization_id: UUID, ticket_ids: Sequence[UUID], limit: int) -> Sequence[Row[Any]]:
    """Return cycles of these tickets' clocks, at most *limit* of them, the newest of each ticket first."""
    values = {"organization_id": organization_id, "ticket_ids": list(ticket_ids), "limit": limit}
    return session.execute(_CYCLES, values).all()


def segments_of(session: Session, organization_id: UUID, clock_ids: Sequence[UUID]) -> Sequence[Row[Any]]:
    """Return the segments of these clocks, in order."""
    return session.execute(_SEGMENTS, {"organization_id": organization_id, "clock_ids": list(clock_ids)}).all()


def fires_of(session: Session, organization_id: UUID, clock_ids: Sequence[UUID]) -> Sequence[Row[Any]]:
    """Return what these clocks reached."""
    return session.execute(_FIRES, {"organization_id": organization_id, "clock_ids": list(clock_ids)}).all()


def tickets_with_clocks(session: Session, organization_id: UUID, after: UUID, limit: int) -> list[UUID]:
    """Return the next tickets that have clocks, in the order of their ids."""
    rows = session.execute(_TICKETS, {"organization_id": organization_id, "after": after, "limit": limit})
    return [row.ticket_id for row in rows]
