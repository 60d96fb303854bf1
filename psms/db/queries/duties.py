"""Duties: written so that none overlap, read, and asked who is on duty now, for many teams at once."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from psms.domain.duties import DutyRule, NewDuty, OnDuty

# References by others go on meanwhile; of two who add a duty, the second waits for the first.
_LOCK = text("SELECT FROM organizations WHERE id = :organization_id FOR NO KEY UPDATE")
_OVERLAPS = text("""
    SELECT EXISTS (SELECT FROM duties
        WHERE organization_id = :organization_id AND team_id IS NOT DISTINCT FROM CAST(:team_id AS uuid)
          AND starts_at < :until AND ends_at > :since)
""")
_ON_DUTY = text("""
    WITH wanted AS (
        SELECT DISTINCT w.team_id FROM unnest(CAST(:team_ids AS uuid[])) AS w (team_id)
    ), person AS (
        SELECT id, role FROM users WHERE organization_id = :organization_id AND active AND NOT is_service
    ), duty AS (
        SELECT team_id, user_id FROM duties
        WHERE organization_id = :organization_id AND starts_at <= :now AND ends_at > :now
    ), candidate AS (
        SELECT w.team_id, p.id, 1 AS place, 'team_duty' AS rule
        FROM wanted w JOIN duty d ON d.team_id = w.team_id JOIN person p ON p.id = d.user_id
        UNION ALL
        SELECT w.team_id, p.id, 2, 'organization_duty'
        FROM wanted w JOIN duty d ON d.team_id IS NULL JOIN person p ON p.id = d.user_id
        UNION ALL
        SELECT w.team_id, p.id, 3, 'team_managers'
        FROM wanted w JOIN memberships m ON m.organization_id = :organization_id AND m.team_id = w.team_id
        JOIN person p ON p.id = m.user_id AND p.role = 'manager'
        UNION ALL
        SELECT w.team_id, p.id, CASE p.role WHEN 'manager' THEN 4 ELSE 5 END,
            CASE p.role WHEN 'manager' THEN 'managers' ELSE 'admins' END
        FROM wanted w CROSS JOIN person p WHERE p.role IN ('manager', 'admin')
    ), first AS (
        SELECT c.*, min(c.place) OVER (PARTITION BY c.team_id) AS best FROM candidate c
    )
    SELECT team_id, rule, array_agg(id ORDER BY id) AS user_ids FROM first WHERE place = best GROUP BY team_id, rule
""")


def lock(session: Session, organization_id: UUID) -> None:
    """Let nobody else add a duty in the organization until the commit."""
    session.execute(_LOCK, {"organization_id": organization_id})


def overlaps(session: Session, organization_id: UUID, new: NewDuty) -> bool:
    """Tell whether somebody is on duty for the same team, or for the organization, at some instant of *new*."""
    values: dict[str, Any] = {"organization_id": organization_id, "team_id": new.team_id}
    return bool(session.execute(_OVERLAPS, {**values, "since": new.since, "until": new.until}).scalar_one())


def on_duty(
    session: Session, organization_id: UUID, team_ids: Iterable[UUID | None], now: datetime
) -> dict[UUID | None, OnDuty]:
    """Return who is on duty at *now* for each team (None: for no team), in one query; nobody where nobody can be."""
    values = {"organization_id": organization_id, "team_ids": list(set(team_ids)), "now": now}
    rows = session.execute(_ON_DUTY, values)
    return {row.team_id: OnDuty(user_ids=row.user_ids, rule=DutyRule(row.rule)) for row in rows}
