"""What is known of a past span of a team: what was filed, what its members had besides, when they were away."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

Span = tuple[datetime, datetime]

# The ids of tickets are of their instants.
_FILED = text("""
    SELECT t.id, t.number, t.service_id, t.assignee_id, psms_priority_rank(t.priority) AS rank, t.created_at AS at,
        coalesce(t.resolved_at, t.closed_at, CASE WHEN t.status = 'cancelled' THEN t.updated_at END) AS over_at
    FROM tickets t
    WHERE t.organization_id = psms_organization() AND t.team_id = :team_id AND t.deleted_at IS NULL
        AND t.id >= psms_uuid_floor(:since) AND t.id < psms_uuid_floor(:until)
    ORDER BY t.id LIMIT :limit
""")
_WORK = text("""
    SELECT w.user_id, w.at, w.over_at FROM (
        SELECT t.assignee_id AS user_id, t.created_at AS at,
            coalesce(t.resolved_at, t.closed_at, CASE WHEN t.status = 'cancelled' THEN t.updated_at END) AS over_at
        FROM tickets t
        WHERE t.organization_id = psms_organization() AND t.assignee_id = ANY (:user_ids) AND t.deleted_at IS NULL
            AND t.id < psms_uuid_floor(:until)
            AND (t.team_id IS DISTINCT FROM :team_id OR t.id < psms_uuid_floor(:since))) w
    WHERE w.over_at IS NULL OR w.over_at > :since
    LIMIT :limit
""")
_ABSENCES = text("""
    SELECT user_id, starts_at, ends_at FROM absences
    WHERE user_id = ANY (:user_ids) AND ends_at > :since AND starts_at < :until
""")


def filed_in(session: Session, team_id: UUID, span: Span, limit: int) -> Sequence[Row[Any]]:
    """Return the tickets that a team has of those filed in a span, oldest first."""
    return session.execute(_FILED, {"team_id": team_id, "since": span[0], "until": span[1], "limit": limit}).all()


def other_work(session: Session, team_id: UUID, user_ids: Sequence[UUID], span: Span, limit: int) -> Sequence[Row[Any]]:
    """Return when users had tickets in a span which the team did not get in it."""
    values = {"team_id": team_id, "user_ids": list(user_ids), "since": span[0], "until": span[1], "limit": limit}
    return session.execute(_WORK, values).all()


def absences_in(session: Session, user_ids: Sequence[UUID], span: Span) -> Sequence[Row[Any]]:
    """Return when users were away in a span."""
    values = {"user_ids": list(user_ids), "since": span[0], "until": span[1]}
    return session.execute(_ABSENCES, values).all()
