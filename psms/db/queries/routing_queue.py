"""What waits to be assigned, and which teams are to be looked at. The rows come from triggers on tickets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

_MOST_WAKES = 5000
# Longest due first. A burst leaves a row for each ticket: the teams of the first few thousand are enough for once.
_DUE = text(f"""
    SELECT due.organization_id, due.team_id FROM (
        SELECT w.organization_id, w.team_id, w.due_at FROM routing_wakes w WHERE w.due_at <= :now
        ORDER BY w.due_at LIMIT {_MOST_WAKES}) due
    GROUP BY due.organization_id, due.team_id ORDER BY min(due.due_at)
""")  # noqa: S608  (a constant)
_CLEAR = text("DELETE FROM routing_wakes WHERE organization_id = :organization_id AND team_id = :team_id")
_WAKE = text("""
    INSERT INTO routing_wakes (organization_id, team_id, due_at) VALUES (:organization_id, :team_id, :due_at)
""")
_WAKE_TEAMS_OF = text("SELECT psms_wake_teams_of(:organization_id, :user_id)")
_WAKE_TEAMS_WITH = text("""
    INSERT INTO routing_wakes (organization_id, team_id, due_at)
    SELECT DISTINCT q.organization_id, q.team_id, CAST(:now AS timestamptz) FROM routing_queue q
    JOIN tickets t ON t.organization_id = q.organization_id AND t.id = q.ticket_id
    WHERE q.waiting AND t.service_id = :service_id
""")
# Under the tickets' locks: one that is just leaving the team would be queued where it is not any more.
_REFILL = text("""
    WITH ours AS (
        SELECT t.organization_id, t.team_id, t.id, t.priority FROM tickets t
        WHERE t.organization_id = :organization_id AND t.team_id = :team_id
            AND psms_wants_assignee(t.team_id, t.assignee_id, t.deleted_at, t.status, t.stage)
        ORDER BY t.id FOR SHARE)
    INSERT INTO routing_queue (organization_id, team_id, ticket_id, waiting, rank, queued_at)
    SELECT organization_id, team_id, id, true, psms_priority_rank(priority), :now FROM ours
    ON CONFLICT (organization_id, ticket_id) DO NOTHING
""")
_EMPTY = text("DELETE FROM routing_queue WHERE organization_id = :organization_id AND team_id = :team_id")
_REFILLED = text("UPDATE team_routing SET refill = false WHERE team_id = :team_id AND refill")
_WAITING = text("""
    SELECT ticket_id, rank, refused FROM routing_queue
    WHERE organization_id = :organization_id AND team_id = :team_id AND waiting
        AND (rank, ticket_id) > (:rank, CAST(:ticket_id AS uuid))
    ORDER BY rank, ticket_id LIMIT :limit
""")
_FORGET = text("""
    DELETE FROM routing_queue q WHERE q.organization_id = :organization_id AND q.ticket_id = ANY (:ticket_ids)
        AND NOT EXISTS (SELECT FROM tickets t WHERE t.organization_id = q.organization_id AND t.id = q.ticket_id
            AND psms_wants_assignee(t.team_id, t.assignee_id, t.deleted_at, t.status, t.stage))
""")
_REHOME = text("""
    WITH moved AS (
        UPDATE routing_queue q SET team_id = t.team_id FROM tickets t
        WHERE q.organization_id = :organization_id AND q.ticket_id = ANY (:ticket_ids)
            AND t.organization_id = q.organization_id AND t.id = q.ticket_id AND t.team_id <> q.team_id
        RETURNING q.organization_id, q.team_id)
    INSERT INTO routing_wakes (organization_id, team_id, due_at) SELECT *, CAST(:now AS timestamptz) FROM moved
""")
_REFUSE = text("""
    UPDATE routing_queue q SET refused = n.refused
    FROM unnest(CAST(:ticket_ids AS uuid[]), CAST(:refusals AS text[])) AS n (ticket_id, refused)
    WHERE q.organization_id = :organization_id AND q.ticket_id = n.ticket_id
""")
_AGAIN = text("""
    UPDATE routing_queue SET waiting = true
    WHERE organization_id = :organization_id AND ticket_id = :ticket_id AND NOT waiting
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A place in a team's queue: before it is what is more urgent, or as urgent and older."""

    rank: int
    ticket_id: UUID


FRONT = Place(rank=-1, ticket_id=UUID(int=0))


def due_teams(session: Session, now: datetime) -> Sequence[Row[Any]]:
    """Return, as the claimer, the teams that are to be looked at, longest due first."""
    return session.execute(_DUE, {"now": now}).all()


def clear_wakes(session: Session, organization_id: UUID, team_id: UUID) -> None:
    """Take away all that says that the team is to be looked at, now or later: it is being looked at."""
    session.execute(_CLEAR, {"organization_id": organization_id, "team_id": team_id})


def wake(session: Session, organization_id: UUID, team_id: UUID, due_at: datetime) -> None:
    """Let a team be looked at, at *due_at*."""
    session.execute(_WAKE, {"organization_id": organization_id, "team_id": team_id, "due_at": due_at})


def wake_teams_of(session: Session, organization_id: UUID, user_id: UUID) -> None:
    """Let the automatic teams of a user be looked at now."""
    session.execute(_WAKE_TEAMS_OF, {"organization_id": organization_id, "user_id": user_id})


def wake_teams_with(session: Session, service_id: UUID, now: datetime) -> None:
    """Let the teams be looked at that have tickets of a service waiting."""
    session.execute(_WAKE_TEAMS_WITH, {"service_id": service_id, "now": now})


def refill(session: Session, organization_id: UUID, team_id: UUID, now: datetime) -> None:
    """Queue all that the team has without an assignee, from before it was automatic."""
    session.execute(_REFILL, {"organization_id": organization_id, "team_id": team_id, "now": now})
    session.execute(_REFILLED, {"team_id": team_id})


def empty(session: Session, organization_id: UUID, team_id: UUID) -> None:
    """Let nothing wait: the team's tickets are assigned by hand."""
    session.execute(_EMPTY, {"organization_id": organization_id, "team_id": team_id})
    session.execute(_REFILLED, {"team_id": team_id})


def waiting(
    session: Session, organization_id: UUID, team_id: UUID, after: Place, limit: int
) -> Sequence[tuple[Place, str | None]]:
    """Return what waits behind a place in a team's queue, and why there was nobody for it, in order."""
    values = {"organization_id": organization_id, "team_id": team_id, "rank": after.rank, "ticket_id": after.ticket_id}
    rows = session.execute(_WAITING, {**values, "limit": limit})
    return [(Place(rank=row.rank, ticket_id=row.ticket_id), row.refused) for row in rows]


def put_right(session: Session, organization_id: UUID, ticket_ids: Sequence[UUID], now: datetime) -> None:
    """Take those tickets out of the queue that are gone, or want no assignee, and those of other teams to theirs."""
    values = {"organization_id": organization_id, "ticket_ids": list(ticket_ids)}
    session.execute(_FORGET, values)
    session.execute(_REHOME, {**values, "now": now})


def keep_refusals(session: Session, organization_id: UUID, refusals: Mapping[UUID, str]) -> None:
    """Write why there was nobody for tickets that wait."""
    values = {"ticket_ids": list(refusals), "refusals": list(refusals.values())}
    session.execute(_REFUSE, {"organization_id": organization_id, **values})


def wait_again(session: Session, organization_id: UUID, ticket_id: UUID) -> None:
    """Let a ticket wait whose assignee somebody took away."""
    session.execute(_AGAIN, {"organization_id": organization_id, "ticket_id": ticket_id})
