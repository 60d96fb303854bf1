"""What tickets of the past went through, read from the log in sets; what follows from it is computed elsewhere."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from psms.domain.access.actor import STAFF
from psms.domain.access.roles import Role
from psms.domain.sla.past import ASKED, FiledTicket, PastEntry
from psms.ids import first_id_of

_FILED = text("""
    SELECT t.id, t.number, t.service_id, t.type, t.priority, t.tags, t.custom_fields, t.requester_id, t.created_at
    FROM tickets t
    WHERE t.organization_id = :organization AND t.id >= :first AND t.id < :last
        AND t.created_at >= :since AND t.created_at < :until AND t.deleted_at IS NULL
    ORDER BY t.id LIMIT :limit
""")
# By the client's role of today: the log does not say which one it had. Newer than its ticket is every entry of it.
_ENTRIES = text("""
    SELECT l.target_id AS ticket_id, l.at, l.action, l.before, l.after, l.actor_id, COALESCE(c.role, u.role) AS role
    FROM logs l
    LEFT JOIN oauth_clients c ON c.organization_id = l.organization_id AND c.id = l.client_id
    LEFT JOIN users u ON u.organization_id = l.organization_id AND u.id = l.actor_id
    WHERE l.organization_id = :organization AND l.target_id = ANY (:ticket_ids) AND l.id >= :first
        AND l.target_type = 'ticket' AND l.outcome = 'done'
        AND (l.action IN ('ticket.created', 'ticket.commented')
            OR l.before ?| ARRAY['status', 'service_id', 'type', 'priority', 'tags', 'custom_fields'])
    ORDER BY l.target_id, l.id
""")
_CYCLES = text("""
    SELECT c.ticket_id, c.metric, c.cycle, c.state, c.due_at, c.breached_at, c.completed_at,
        c.breached_at IS NOT NULL OR (c.state = 'running' AND c.due_at < :now) AS breached
    FROM sla_clocks c
    WHERE c.organization_id = :organization AND c.ticket_id = ANY (:ticket_ids) AND c.metric <> 'with_team'
    ORDER BY c.ticket_id, c.metric, c.cycle
""")
_MILLISECOND = timedelta(milliseconds=1)


def filed_in(
    session: Session, organization_id: UUID, since: datetime, until: datetime, limit: int
) -> list[FiledTicket]:
    """Return up to *limit* tickets that were filed in a span, oldest first, with what policies ask for, as of now."""
    # An id has the millisecond, the ticket the microsecond.
    ids = {"first": first_id_of(since), "last": first_id_of(until + _MILLISECOND)}
    span = {"organization": organization_id, "since": since, "until": until, "limit": limit}
    return [
        FiledTicket(
            id=row.id,
            number=row.number,
            requester_id=row.requester_id,
            created_at=row.created_at,
            fields={name: getattr(row, name) for name in ASKED},
        )
        for row in session.execute(_FILED, ids | span)
    ]


def entries_of(
    session: Session, organization_id: UUID, ticket_ids: Sequence[UUID], since: datetime
) -> dict[UUID, list[PastEntry]]:
    """Return what the log says of tickets that were filed at *since* or later, as far as clocks care, in order."""
    values = {"organization": organization_id, "ticket_ids": list(ticket_ids), "first": first_id_of(since)}
    found: dict[UUID, list[PastEntry]] = {}
    for row in session.execute(_ENTRIES, values):
        entry = PastEntry(
            at=row.at,
            action=row.action,
            before=row.before or {},
            after=row.after or {},
            actor_id=row.actor_id,
            by_staff=row.role is not None and Role(row.role) in STAFF,
        )
        found.setdefault(row.ticket_id, []).append(entry)
    return found


def cycles_of(
    session: Session, organization_id: UUID, ticket_ids: Sequence[UUID], now: datetime
) -> dict[UUID, list[Row[Any]]]:
    """Return all that was really promised to customers, cycle by cycle, and whether each is breached by *now*."""
    values = {"organization": organization_id, "ticket_ids": list(ticket_ids), "now": now}
    found: dict[UUID, list[Row[Any]]] = {}
    for row in session.execute(_CYCLES, values):
        found.setdefault(row.ticket_id, []).append(row)
    return found
