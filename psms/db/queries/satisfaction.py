"""Statements on ratings: write, read, count; and the notification that asks a requester for one."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from psms.db.models.desk import RatingRow
from psms.db.queries.records import view_of
from psms.db.queries.visibility import work_condition
from psms.domain.access import Actor
from psms.domain.day_spans import Period
from psms.domain.satisfaction import NO_KEY, Rating, SatisfactionBy
from psms.domain.tickets import Ticket

_WRITE = text("""
    INSERT INTO ticket_ratings (organization_id, ticket_id, user_id, score, comment, rated_at, changed_at)
    VALUES (:organization_id, :ticket_id, :user_id, :score, :comment, :now, :now)
    ON CONFLICT (organization_id, ticket_id) DO UPDATE
        SET user_id = excluded.user_id, score = excluded.score, comment = excluded.comment,
            changed_at = excluded.changed_at
""")
_ASK = text("""
    INSERT INTO notifications (organization_id, id, ticket_id, kind, user_id, rule, created_at)
    SELECT o.id, :id, :ticket_id, :kind, :user_id, 'requester', :now FROM organizations o
    WHERE o.id = :organization_id AND o.ask_satisfaction
""")
_KEYS = {
    SatisfactionBy.TEAM: "team_id",
    SatisfactionBy.SERVICE: "service_id",
    SatisfactionBy.ASSIGNEE: "assignee_id",
}
_NAMED = {SatisfactionBy.TEAM: "teams", SatisfactionBy.SERVICE: "services", SatisfactionBy.ASSIGNEE: "users"}
# The bounds of periods come from the caller's zone data: PostgreSQL's own may be of another release.
_COUNTS = """
    SELECT width_bucket(t.resolved_at, CAST(:bounds AS timestamptz[])) - 1 AS period,
        COALESCE(CAST(t.{key} AS text), '{nothing}') AS key, count(*) AS resolved,
        ARRAY[count(*) FILTER (WHERE r.score = 1), count(*) FILTER (WHERE r.score = 2),
            count(*) FILTER (WHERE r.score = 3), count(*) FILTER (WHERE r.score = 4),
            count(*) FILTER (WHERE r.score = 5)] AS scores
    FROM tickets t
    LEFT JOIN ticket_ratings r ON r.organization_id = t.organization_id AND r.ticket_id = t.id
    WHERE t.organization_id = :organization AND t.resolved_at >= :since AND t.resolved_at < :until {visible}
    GROUP BY 1, 2 ORDER BY 1, resolved DESC, key
"""


def find(session: Session, ticket_id: UUID) -> Rating | None:
    """Return what was said of a ticket, None where nothing was."""
    row = session.scalars(select(RatingRow).where(RatingRow.ticket_id == ticket_id)).one_or_none()
    return None if row is None else view_of(Rating, row)


def write(session: Session, organization_id: UUID, rating: Rating, now: datetime) -> None:
    """Write what is said of a locked ticket, in place of what was said before."""
    values = {"ticket_id": rating.ticket_id, "user_id": rating.user_id, "score": rating.score}
    session.execute(_WRITE, {**values, "organization_id": organization_id, "comment": rating.comment, "now": now})


def ask(session: Session, organization_id: UUID, ticket: Ticket, notification_id: UUID, *, kind: str) -> None:
    """Write the notification that asks the requester of a ticket just resolved, where the organization wants that."""
    values = {"organization_id": organization_id, "id": notification_id, "ticket_id": ticket.id, "kind": kind}
    session.execute(_ASK, {**values, "user_id": ticket.requester_id, "now": ticket.updated_at})


def counts(session: Session, actor: Actor, by: SatisfactionBy, periods: Sequence[Period]) -> Sequence[Row[Any]]:
    """Return `period key resolved scores` of the tickets that the caller sees, by period (its place)."""
    visible = work_condition(actor, organization=":organization", user=":user")
    values = {
        "organization": actor.organization_id,
        "user": actor.user_id,
        "bounds": [period.begins_at for period in periods],
        "since": periods[0].begins_at,
        "until": periods[-1].ends_at,
    }
    return session.execute(text(_COUNTS.format(key=_KEYS[by], nothing=NO_KEY, visible=visible)), values).all()


def names_of(session: Session, by: SatisfactionBy, keys: Sequence[str]) -> dict[str, str]:
    """Return the names of teams, services or people, by their keys."""
    ids = [UUID(key) for key in keys if key != NO_KEY]
    statement = text(f"SELECT CAST(id AS text) AS key, name FROM {_NAMED[by]} WHERE id = ANY (:ids)")  # noqa: S608
    return {row.key: row.name for row in session.execute(statement, {"ids": ids})}
