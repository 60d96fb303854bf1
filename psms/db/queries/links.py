"""Statements on links between tickets. What a kind means is in `psms.domain.ticket_links`."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from psms.db.queries.visibility import condition
from psms.domain.access import Actor
from psms.domain.pages import Page, PageRequest, page_of
from psms.domain.ticket_links import Direction, LinkedTicket, LinkKind, TicketLink, seen_from
from psms.domain.tickets import Status, TicketType

_ADD = text("""
    INSERT INTO ticket_links (organization_id, id, kind, from_id, to_id, created_by, created_at)
    VALUES (:organization_id, :id, :kind, :from_id, :to_id, :created_by, :now) ON CONFLICT DO NOTHING RETURNING id
""")
_COUNT = text("SELECT count(*) FROM ticket_links WHERE from_id = :ticket_id OR to_id = :ticket_id")
_REMOVE = text("DELETE FROM ticket_links WHERE id = :id RETURNING id")
# Only those whose other ticket the caller sees.
_OF_TICKET = """
    SELECT l.id, l.kind, l.from_id, l.to_id, l.created_by, l.created_at, t.id AS ticket_id, t.number, t.type, t.subject,
        t.status
    FROM ticket_links l CROSS JOIN LATERAL (SELECT id, number, type, subject, status FROM tickets
        WHERE organization_id = l.organization_id
            AND id = CASE WHEN l.from_id = :ticket_id THEN l.to_id ELSE l.from_id END {visible}) t
    WHERE l.organization_id = :organization AND (l.from_id = :ticket_id OR l.to_id = :ticket_id)
        AND (CAST(:link_id AS uuid) IS NULL OR l.id = :link_id) AND (CAST(:after AS uuid) IS NULL OR l.id > :after)
    ORDER BY l.id LIMIT :limit
"""
_CAUSED = text(
    "SELECT to_id FROM ticket_links WHERE from_id = :ticket_id AND kind = 'causes' ORDER BY to_id LIMIT :limit"
)


def add(session: Session, organization_id: UUID, link_id: UUID, kept: Direction, made: tuple[UUID, datetime]) -> bool:
    """Write a link, *made* by a user at an instant, unless there is such a one; tell whether it was written."""
    created_by, now = made
    values = {"organization_id": organization_id, "id": link_id, "kind": kept.kind.value}
    ends = {"from_id": kept.from_id, "to_id": kept.to_id, "created_by": created_by, "now": now}
    return session.execute(_ADD, values | ends).one_or_none() is not None


def count(session: Session, ticket_id: UUID) -> int:
    """Return how many links a ticket has, whoever may see them."""
    return int(session.execute(_COUNT, {"ticket_id": ticket_id}).scalar_one())


def remove(session: Session, link_id: UUID) -> bool:
    """Remove a link and tell whether it was there."""
    return session.execute(_REMOVE, {"id": link_id}).one_or_none() is not None


def find(session: Session, actor: Actor, ticket_id: UUID, link_id: UUID) -> TicketLink | None:
    """Return a link of a ticket, if *actor* sees the other ticket as well."""
    return next(iter(_read(session, actor, ticket_id, {"link_id": link_id, "after": None, "limit": 1})), None)


def page_of_links(session: Session, actor: Actor, ticket_id: UUID, page: PageRequest) -> Page[TicketLink]:
    """Return one page of a ticket's links to tickets that *actor* sees, oldest first."""
    wanted = {"link_id": None, "after": page.after, "limit": page.limit + 1}
    return page_of(_read(session, actor, ticket_id, wanted), page.limit)


def caused_by(session: Session, problem_id: UUID, limit: int) -> list[UUID]:
    """Return up to *limit* of the incidents that a problem causes."""
    return list(session.execute(_CAUSED, {"ticket_id": problem_id, "limit": limit}).scalars())


def _read(session: Session, actor: Actor, ticket_id: UUID, wanted: dict[str, Any]) -> list[TicketLink]:
    visible = condition(actor, organization=":organization", user=":user")
    ids = {"organization": actor.organization_id, "user": actor.user_id, "ticket_id": ticket_id}
    rows = session.execute(text(_OF_TICKET.format(visible=visible)), ids | wanted)
    return [_link_of(row, ticket_id) for row in rows]


def _link_of(row: Row[Any], ticket_id: UUID) -> TicketLink:
    kept = Direction(kind=LinkKind(row.kind), from_id=row.from_id, to_id=row.to_id)
    other = LinkedTicket(
        id=row.ticket_id,
        number=row.number,
        type=TicketType(row.type),
        subject=row.subject,
        status=Status(row.status),
    )
    return TicketLink(
        id=row.id,
        kind=seen_from(kept, ticket_id),
        ticket=other,
        created_by=row.created_by,
        created_at=row.created_at,
    )
