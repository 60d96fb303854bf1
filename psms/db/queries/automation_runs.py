"""Events that wait for automations: written by the relay, found as the claimer, and finished or given up.

What rules say and what became of them is in `automations`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from psms.db.direct import Record, direct
from psms.domain.operations import WorkItem

# In the order of their positions in the outbox, so that a ticket's events are applied as they happened.
_ADD = """
    INSERT INTO automation_runs (organization_id, event_id, event_type, ticket_id, depth, occurred_at,
        next_attempt_at, created_at)
    SELECT %(organization_id)s, n.event_id, n.event_type, n.ticket_id, n.depth, n.occurred_at,
        CAST(%(now)s AS timestamptz), CAST(%(now)s AS timestamptz)
    FROM unnest(CAST(%(event_ids)s AS uuid[]), CAST(%(types)s AS text[]), CAST(%(ticket_ids)s AS uuid[]),
        CAST(%(depths)s AS smallint[]), CAST(%(occurred)s AS timestamptz[]))
        WITH ORDINALITY AS n (event_id, event_type, ticket_id, depth, occurred_at, place)
    ORDER BY n.place ON CONFLICT DO NOTHING
"""
# Of each ticket the first that waits: a later event is for the ticket as the rules for the earlier ones left it.
_DUE = """
    SELECT r.organization_id, r.event_id, r.ticket_id FROM automation_runs r
    WHERE r.state = 'waiting' AND r.next_attempt_at <= %(now)s AND NOT EXISTS (
        SELECT FROM automation_runs earlier
        WHERE earlier.organization_id = r.organization_id AND earlier.ticket_id = r.ticket_id
          AND earlier.state = 'waiting' AND earlier.position < r.position)
    ORDER BY r.position LIMIT %(limit)s
"""
_LOCK = """
    SELECT r.event_id, r.event_type, r.ticket_id, r.depth, r.occurred_at, EXISTS (
        SELECT FROM tickets t
        WHERE t.organization_id = r.organization_id AND t.id = r.ticket_id AND t.deleted_at IS NULL) AS is_there
    FROM automation_runs r
    WHERE r.organization_id = %(organization_id)s AND r.event_id = %(event_id)s AND r.state = 'waiting'
    FOR UPDATE OF r SKIP LOCKED
"""
_FINISH = "DELETE FROM automation_runs WHERE organization_id = %(organization_id)s AND event_id = %(event_id)s"
_FAIL = """
    UPDATE automation_runs
    SET failures = failures + 1, error = %(error)s,
        state = CASE WHEN failures + 1 >= %(tries)s THEN 'dead' ELSE 'waiting' END,
        next_attempt_at = CAST(%(now)s AS timestamptz) + make_interval(secs => power(4, failures))
    WHERE organization_id = %(organization_id)s AND event_id = %(event_id)s AND state = 'waiting'
"""
_RETRY = """
    UPDATE automation_runs SET state = 'waiting', failures = 0, next_attempt_at = %(now)s
    WHERE organization_id = %(organization_id)s AND event_id = ANY (%(ids)s) AND state = 'dead' RETURNING event_id
"""
_PLACES = """
    SELECT organization_id, event_id AS id FROM automation_runs
    WHERE state = 'dead' AND (CAST(%(ids)s AS uuid[]) IS NULL OR event_id = ANY (CAST(%(ids)s AS uuid[])))
      AND (organization_id, event_id) > (%(after_organization)s, %(after_id)s)
    ORDER BY organization_id, event_id LIMIT %(limit)s
"""
_LIST = """
    SELECT organization_id, event_id, event_type, ticket_id, state, failures, error, created_at
    FROM automation_runs WHERE state = %(state)s ORDER BY created_at, position LIMIT %(limit)s
"""

Place = tuple[UUID, UUID]
"""Where a run is in the order of retries: organization, event."""

THE_BEGINNING: Place = (UUID(int=0), UUID(int=0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """An event whose rules are to be applied. Without its ticket (*is_there*) there is nothing to apply them to."""

    event_id: UUID
    event_type: str
    ticket_id: UUID
    depth: int
    occurred_at: datetime
    is_there: bool


def add(session: Session, organization_id: UUID, rows: Sequence[Record], now: datetime) -> None:
    """Let the events of these rows of the outbox wait for the automations, each once, in their order."""
    values = {
        "organization_id": organization_id,
        "now": now,
        "event_ids": [row.event_id for row in rows],
        "types": [row.event_type for row in rows],
        "ticket_ids": [row.ticket_id for row in rows],
        "depths": [row.depth for row in rows],
        "occurred": [row.occurred_at for row in rows],
    }
    direct(session).run(_ADD, values)


def due(session: Session, now: datetime, limit: int) -> Sequence[Record]:
    """Return, as the claimer, what is due, at most one event of each ticket, those that wait longest first."""
    return direct(session).records(_DUE, {"now": now, "limit": limit})


def lock(session: Session, organization_id: UUID, event_id: UUID) -> Run | None:
    """Lock what waits for an event, None where somebody else has it, or has finished it."""
    row = direct(session).record(_LOCK, {"organization_id": organization_id, "event_id": event_id})
    return None if row is None else Run(**row._asdict())


def finish(session: Session, organization_id: UUID, event_id: UUID) -> None:
    """Take an event away whose rules are applied."""
    direct(session).run(_FINISH, {"organization_id": organization_id, "event_id": event_id})


def fail(session: Session, place: Place, *, error: str, tries: int, now: datetime) -> None:
    """Count a try that failed: the next is due after 1, 4, 16 … seconds; after *tries* of them it is given up."""
    values = {"organization_id": place[0], "event_id": place[1], "error": error, "tries": tries, "now": now}
    direct(session).run(_FAIL, values)


def dead(session: Session, limit: int) -> list[WorkItem]:
    """Return, as the claimer, what was given up, oldest first."""
    return _items(session, "dead", limit)


def unfinished(session: Session, limit: int) -> list[WorkItem]:
    """Return, as the claimer, what waits, oldest first."""
    return _items(session, "waiting", limit)


def places_of_dead(session: Session, ids: list[UUID] | None, after: Place, limit: int) -> Sequence[Record]:
    """Return, as the claimer, where dead runs (of these events, or any) after a place belong."""
    values = {"ids": ids, "after_organization": after[0], "after_id": after[1], "limit": limit}
    return direct(session).records(_PLACES, values)


def retry(session: Session, organization_id: UUID, event_ids: Sequence[UUID], now: datetime) -> list[UUID]:
    """Make dead runs due now, with all tries before them; return which."""
    values = {"organization_id": organization_id, "ids": list(event_ids), "now": now}
    return [row.event_id for row in direct(session).records(_RETRY, values)]


def _items(session: Session, state: str, limit: int) -> list[WorkItem]:
    return [
        WorkItem(
            kind="automation",
            id=row.event_id,
            organization_id=row.organization_id,
            what=f"{row.event_type} of ticket {row.ticket_id}",
            state=row.state,
            reason=row.error,
            attempts=row.failures,
            since=row.created_at,
        )
        for row in direct(session).records(_LIST, {"state": state, "limit": limit})
    ]
