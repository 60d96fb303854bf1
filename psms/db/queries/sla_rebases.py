"""Edits of calendars and policies that hold for open tickets: noted, claimed, and done page by page."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

_NO_ID = UUID(int=0)

# With what the organization promises right after the edit, by the versions that say so, which never change.
_NOTE = text("""
    INSERT INTO sla_rebases (organization_id, id, calendar_id, policy_id, applies, created_at, revision, book)
    SELECT o.id, :id, :calendar_id, :policy_id, :applies, :now, o.sla_revision, jsonb_build_object(
        'policies', (SELECT coalesce(jsonb_agg(jsonb_build_array(p.id, p.definition_version)
            ORDER BY p.position, p.id DESC), '[]') FROM sla_policies p WHERE p.organization_id = o.id AND p.active),
        'calendars', (SELECT coalesce(jsonb_agg(jsonb_build_array(c.id, c.definition_version)), '[]')
            FROM calendars c WHERE c.organization_id = o.id),
        'services', (SELECT coalesce(jsonb_object_agg(s.id, s.sla_policy_id), '{}') FROM services s
            WHERE s.organization_id = o.id AND s.sla_policy_id IS NOT NULL))
    FROM organizations o WHERE o.id = :organization_id
""")
_NEXT = text("""
    SELECT organization_id, id FROM sla_rebases
    WHERE state = 'waiting' AND (retry_at IS NULL OR retry_at <= psms_now())
    ORDER BY created_at, id LIMIT 1 FOR UPDATE SKIP LOCKED
""")
_READ = text("SELECT * FROM sla_rebases WHERE organization_id = :organization_id AND id = :id")
_TURN = text("""
    UPDATE sla_rebases SET done_through = :done_through, tickets = tickets + :tickets, state = :state,
        started_at = COALESCE(started_at, :now), expected = :expected, error = NULL, retry_at = NULL,
        finished_at = CASE WHEN :state = 'done' THEN CAST(:now AS timestamptz) END
    WHERE organization_id = :organization_id AND id = :id
""")
# Those that have followed the edit already, because somebody looked at them, are passed over.
_BY_CALENDAR = """
    SELECT DISTINCT c.ticket_id AS id FROM sla_clocks c
    JOIN tickets t ON t.organization_id = c.organization_id AND t.id = c.ticket_id AND t.sla_followed < :revision
    WHERE c.organization_id = :organization_id AND c.calendar_id = :calendar_id AND c.state IN ('running', 'paused')
      AND c.ticket_id > :after
"""
_BEHIND = """
    SELECT t.id FROM tickets t
    WHERE t.organization_id = :organization_id AND t.status IN ('new', 'open', 'pending', 'on_hold')
      AND t.sla_followed < :revision AND t.id > :after
"""
# Who queues for a counter, too, holds this from before the statement began that reads the revision.
_UNDER_WAY = text("""
    SELECT l.virtualtransaction FROM pg_locks l JOIN pg_database d ON d.oid = l.database
    WHERE d.datname = current_database() AND l.relation = CAST('ticket_counters' AS regclass)
      AND l.mode = 'RowExclusiveLock' AND l.pid <> pg_backend_pid()
""")
_A_MOMENT = text("SELECT pg_sleep(0.005)")
# A filing takes milliseconds, whichever organization's it is.
_MOST_MOMENTS = 1000
_PAGE = "{tickets} ORDER BY id LIMIT :limit"
_COUNT = "SELECT count(*) FROM ({tickets}) behind"
_OPEN = text("""
    SELECT id FROM tickets
    WHERE organization_id = :organization_id AND status IN ('new', 'open', 'pending', 'on_hold') AND id > :after
    ORDER BY id LIMIT :limit
""")
_FAILED = text("""
    UPDATE sla_rebases SET started_at = COALESCE(started_at, :now), failures = failures + 1, error = :error,
        retry_at = :retry_at
    WHERE organization_id = :organization_id AND id = :id AND state = 'waiting'
""")


def note(session: Session, values: dict[str, Any]) -> None:
    """Write that an edit holds for open tickets; *values* are named as the columns, and `now`.

    It is numbered by the organization's revision, which the edit has counted before.
    """
    session.execute(_NOTE, {"calendar_id": None, "policy_id": None, **values})


def claim_next(session: Session) -> Row[Any] | None:
    """Lock, as the claimer, the oldest edit that nobody else works on, and return where it belongs."""
    return session.execute(_NEXT).one_or_none()


def read(session: Session, organization_id: UUID, rebase_id: UUID) -> Row[Any]:
    """Return a claimed edit."""
    return session.execute(_READ, {"organization_id": organization_id, "id": rebase_id}).one()


def tickets_after(session: Session, rebase: Row[Any], limit: int) -> list[UUID]:
    """Return the next tickets for which an edit may hold, in the order of their ids."""
    statement = text(_PAGE.format(tickets=_tickets(rebase)))
    return list(session.execute(statement, {**_place(rebase), "limit": limit}).scalars())


def await_filings(session: Session) -> None:
    """Return when every ticket that was being filed, or queued to be, has been committed; nobody waits for who asked.

    Raise TimeoutError where one hangs: the edit is to be tried again later.
    """
    before = _under_way(session)
    for _ in range(_MOST_MOMENTS):
        if not before:
            return
        session.execute(_A_MOMENT)
        before &= _under_way(session)
    message = "a ticket has been under way to be filed for seconds: end its connection to the database if it hangs"
    raise TimeoutError(message)


def _under_way(session: Session) -> set[str]:
    return set(session.execute(_UNDER_WAY).scalars())


def count_after(session: Session, rebase: Row[Any]) -> int:
    """Return for how many tickets an edit is still to be followed."""
    return int(session.execute(text(_COUNT.format(tickets=_tickets(rebase))), _place(rebase)).scalar_one())


def note_failure(session: Session, rebase: Row[Any], values: dict[str, Any]) -> None:
    """Write what went wrong with an edit and when to try it again: `error`, `retry_at` and `now`."""
    session.execute(_FAILED, {"organization_id": rebase.organization_id, "id": rebase.id, **values})


def _tickets(rebase: Row[Any]) -> str:
    return _BEHIND if rebase.calendar_id is None else _BY_CALENDAR


def _place(rebase: Row[Any]) -> dict[str, Any]:
    values = {"organization_id": rebase.organization_id, "revision": rebase.revision}
    return {**values, "after": rebase.done_through or _NO_ID, "calendar_id": rebase.calendar_id}


def open_tickets(session: Session, organization_id: UUID, after: UUID, limit: int) -> list[UUID]:
    """Return the next tickets that are open, in the order of their ids."""
    return list(session.execute(_OPEN, {"organization_id": organization_id, "after": after, "limit": limit}).scalars())


def turn_page(session: Session, rebase: Row[Any], page: Sequence[UUID], values: dict[str, Any]) -> None:
    """Write how far an edit has got, in the transaction that has brought it there: `state`, `expected` and `now`."""
    place = {
        "organization_id": rebase.organization_id,
        "id": rebase.id,
        "done_through": page[-1] if page else rebase.done_through,
        "tickets": len(page),
    }
    session.execute(_TURN, {**place, **values})
