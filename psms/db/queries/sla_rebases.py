"""Edits of calendars and policies that hold for open tickets: noted, claimed, and done page by page."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

_NO_ID = UUID(int=0)

_NOTE = text("""
    INSERT INTO sla_rebases (organization_id, id, calendar_id, policy_id, applies, created_at)
    VALUES (:organization_id, :id, :calendar_id, :policy_id, :applies, :now)
""")
_NEXT = text("""
    SELECT organization_id, id FROM sla_rebases WHERE state = 'waiting'
    ORDER BY created_at, id LIMIT 1 FOR UPDATE SKIP LOCKED
""")
_READ = text("SELECT * FROM sla_rebases WHERE organization_id = :organization_id AND id = :id")
_TURN = text("""
    UPDATE sla_rebases SET done_through = :done_through, tickets = tickets + :tickets, state = :state,
        finished_at = CASE WHEN :state = 'done' THEN CAST(:now AS timestamptz) END
    WHERE organization_id = :organization_id AND id = :id
""")
_BY_CALENDAR = text("""
    SELECT DISTINCT ticket_id AS id FROM sla_clocks
    WHERE organization_id = :organization_id AND calendar_id = :calendar_id AND state IN ('running', 'paused')
      AND ticket_id > :after ORDER BY ticket_id LIMIT :limit
""")
_OPEN = text("""
    SELECT id FROM tickets
    WHERE organization_id = :organization_id AND status IN ('new', 'open', 'pending', 'on_hold') AND id > :after
    ORDER BY id LIMIT :limit
""")


def note(session: Session, values: dict[str, Any]) -> None:
    """Write that an edit holds for open tickets; *values* are named as the columns, and `now`."""
    session.execute(_NOTE, {"calendar_id": None, "policy_id": None, **values})


def claim_next(session: Session) -> Row[Any] | None:
    """Lock, as the claimer, the oldest edit that nobody else works on, and return where it belongs."""
    return session.execute(_NEXT).one_or_none()


def read(session: Session, organization_id: UUID, rebase_id: UUID) -> Row[Any]:
    """Return a claimed edit."""
    return session.execute(_READ, {"organization_id": organization_id, "id": rebase_id}).one()


def tickets_after(session: Session, rebase: Row[Any], limit: int) -> list[UUID]:
    """Return the next tickets for which an edit may hold, in the order of their ids."""
    values = {"organization_id": rebase.organization_id, "after": rebase.done_through or _NO_ID, "limit": limit}
    if rebase.calendar_id is None:
        return open_tickets(session, rebase.organization_id, values["after"], limit)
    return list(session.execute(_BY_CALENDAR, {**values, "calendar_id": rebase.calendar_id}).scalars())


def open_tickets(session: Session, organization_id: UUID, after: UUID, limit: int) -> list[UUID]:
    """Return the next tickets that are open, in the order of their ids."""
    return list(session.execute(_OPEN, {"organization_id": organization_id, "after": after, "limit": limit}).scalars())


def turn_page(session: Session, rebase: Row[Any], page: Sequence[UUID], now: datetime, *, last: bool) -> None:
    """Write how far an edit has got, in the transaction that has brought it there."""
    values = {
        "organization_id": rebase.organization_id,
        "id": rebase.id,
        "done_through": page[-1] if page else rebase.done_through,
        "tickets": len(page),
        "state": "done" if last else "waiting",
        "now": now,
    }
    session.execute(_TURN, values)
