"""Statements on deleted tickets: listed, locked, and purged for good. All other statements pass them over."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from psms.domain.deleted_tickets import DeletedTicket
from psms.domain.pages import Page, PageRequest, page_of
from psms.domain.tickets import Status, TicketType

_LIST = text("""
    SELECT t.id, t.number, t.type, t.subject, t.status, t.requester_id, t.version, t.deleted_at,
        t.deleted_at + make_interval(secs => o.purge_deleted_after_seconds) AS purge_at
    FROM tickets t JOIN organizations o ON o.id = t.organization_id
    WHERE t.organization_id = :organization_id AND t.deleted_at IS NOT NULL
        AND (CAST(:after AS uuid) IS NULL OR t.id < :after)
    ORDER BY t.id DESC LIMIT :limit
""")
# Organization by organization, from the index of what is deleted.
_DUE = text("""
    SELECT t.organization_id, t.id FROM organizations o JOIN tickets t ON t.organization_id = o.id
        AND t.deleted_at <= CAST(:now AS timestamptz) - make_interval(secs => o.purge_deleted_after_seconds)
    LIMIT :limit FOR UPDATE OF t SKIP LOCKED
""")
_PURGE = text("""
    DELETE FROM tickets WHERE organization_id = :organization_id AND id = ANY (:ids) AND deleted_at IS NOT NULL
    RETURNING id, number
""")


def page_of_deleted(session: Session, organization_id: UUID, page: PageRequest) -> Page[DeletedTicket]:
    """Return one page of an organization's deleted tickets, the newest tickets first."""
    values = {"organization_id": organization_id, "after": page.after, "limit": page.limit + 1}
    return page_of([_deleted_of(row) for row in session.execute(_LIST, values)], page.limit)


def due(session: Session, now: datetime, limit: int) -> Sequence[Row[Any]]:
    """Lock, as the claimer, tickets whose time to be restored is over, and return where they belong."""
    return session.execute(_DUE, {"now": now, "limit": limit}).all()


def purge(session: Session, organization_id: UUID, ticket_ids: Sequence[UUID]) -> dict[UUID, int]:
    """Remove deleted tickets with all that is theirs, for good, and return their numbers."""
    rows = session.execute(_PURGE, {"organization_id": organization_id, "ids": list(ticket_ids)})
    return {row.id: row.number for row in rows}


def _deleted_of(row: Row[Any]) -> DeletedTicket:
    return DeletedTicket(
        id=row.id,
        number=row.number,
        type=TicketType(row.type),
        subject=row.subject,
        status=Status(row.status),
        requester_id=row.requester_id,
        version=row.version,
        deleted_at=row.deleted_at,
        purge_at=row.purge_at,
    )
