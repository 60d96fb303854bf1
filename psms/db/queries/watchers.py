"""Who follows tickets. Watchers that a level adds are written with its other effects, in `sla_effects`."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from psms.domain.pages import Page, PageRequest, page_of
from psms.domain.tickets import Watcher

_OF_TICKET = text("""
    SELECT user_id, added_at FROM ticket_watchers
    WHERE ticket_id = :ticket_id AND (CAST(:only AS uuid) IS NULL OR user_id = :only)
      AND (CAST(:after AS uuid) IS NULL OR user_id > :after)
    ORDER BY user_id LIMIT :limit
""")
_ADD = text("""
    INSERT INTO ticket_watchers (organization_id, ticket_id, user_id, added_at)
    VALUES (:organization_id, :ticket_id, :user_id, :now) ON CONFLICT DO NOTHING RETURNING user_id
""")
_KEEP = text("""
    UPDATE ticket_watchers SET by_merge = false WHERE ticket_id = :ticket_id AND user_id = :user_id AND by_merge
""")
_REMOVE = text("DELETE FROM ticket_watchers WHERE ticket_id = :ticket_id AND user_id = :user_id RETURNING user_id")


def page_of_watchers(session: Session, ticket_id: UUID, page: PageRequest, only: UUID | None) -> Page[Watcher]:
    """Return one page of who follows a ticket, by user; *only* of this user, if one is named."""
    return page_of(_read(session, ticket_id, only, page.after, page.limit + 1), page.limit, key="user_id")


def find(session: Session, ticket_id: UUID, user_id: UUID) -> Watcher | None:
    """Return a user as a follower of a ticket, None where they do not follow it."""
    return next(iter(_read(session, ticket_id, user_id, None, 1)), None)


def add(session: Session, organization_id: UUID, ticket_id: UUID, *, user_id: UUID, now: datetime) -> bool:
    """Let a user follow a ticket, and tell whether they did not before."""
    values = {"organization_id": organization_id, "ticket_id": ticket_id, "user_id": user_id, "now": now}
    return session.execute(_ADD, values).one_or_none() is not None


def keep(session: Session, ticket_id: UUID, user_id: UUID) -> None:
    """Let a user who follows a ticket because of a merge follow it whatever becomes of that."""
    session.execute(_KEEP, {"ticket_id": ticket_id, "user_id": user_id})


def remove(session: Session, ticket_id: UUID, user_id: UUID) -> bool:
    """Let a user follow a ticket no more, and tell whether they did before."""
    return session.execute(_REMOVE, {"ticket_id": ticket_id, "user_id": user_id}).one_or_none() is not None


def _read(session: Session, ticket_id: UUID, only: UUID | None, after: UUID | None, limit: int) -> list[Watcher]:
    values: dict[str, Any] = {"ticket_id": ticket_id, "only": only, "after": after, "limit": limit}
    return [Watcher(user_id=row.user_id, added_at=row.added_at) for row in session.execute(_OF_TICKET, values)]
