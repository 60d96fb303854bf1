"""What levels of SLA clocks lead to: fires, notifications, watchers. The clocks themselves are in `sla`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from psms.domain.sla.instants import moment_of

_FIRES = text("""
    INSERT INTO sla_fires (organization_id, clock_id, level, at, noticed_at)
    SELECT :organization_id, f.clock_id, f.level, f.at, :now
    FROM unnest(CAST(:clock_ids AS uuid[]), CAST(:levels AS text[]), CAST(:at AS timestamptz[]))
        AS f (clock_id, level, at)
    ON CONFLICT DO NOTHING RETURNING clock_id, level
""")
_NOTIFY = text("""
    INSERT INTO notifications (organization_id, id, ticket_id, clock_id, kind, user_id, team_id, rule, created_at)
    SELECT :organization_id, n.id, n.ticket_id, n.clock_id, n.kind, n.user_id, n.team_id, n.rule, :now
    FROM unnest(CAST(:ids AS uuid[]), CAST(:ticket_ids AS uuid[]), CAST(:clock_ids AS uuid[]),
        CAST(:kinds AS text[]), CAST(:user_ids AS uuid[]), CAST(:team_ids AS uuid[]), CAST(:rules AS text[]))
        AS n (id, ticket_id, clock_id, kind, user_id, team_id, rule)
    WHERE n.rule IS DISTINCT FROM 'watchers' OR EXISTS (
        SELECT FROM ticket_watchers w WHERE w.organization_id = :organization_id AND w.ticket_id = n.ticket_id)
""")
_WATCH = text("""
    INSERT INTO ticket_watchers (organization_id, ticket_id, user_id, added_at)
    SELECT :organization_id, n.ticket_id, n.user_id, :now
    FROM unnest(CAST(:ticket_ids AS uuid[]), CAST(:user_ids AS uuid[])) AS n (ticket_id, user_id)
    ON CONFLICT DO NOTHING
""")


_STANDING = text("""
    SELECT id FROM users WHERE active AND id = ANY (:ids) UNION ALL SELECT id FROM teams WHERE id = ANY (:ids)
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewNotification:
    """Something that a user, a team, or nobody in particular is to be told; *rule* says how they were chosen."""

    id: UUID
    ticket_id: UUID
    clock_id: UUID | None
    kind: str
    user_id: UUID | None
    team_id: UUID | None
    rule: str | None = None


def insert_fires(
    session: Session, organization_id: UUID, fires: Sequence[tuple[UUID, str, int]], now: datetime
) -> set[tuple[UUID, str]]:
    """Write fires (clock, level, instant), and return those that nobody wrote before."""
    rows = session.execute(
        _FIRES,
        {
            "organization_id": organization_id,
            "now": now,
            "clock_ids": [clock_id for clock_id, _, _ in fires],
            "levels": [level for _, level, _ in fires],
            "at": [moment_of(at) for _, _, at in fires],
        },
    )
    return {(row.clock_id, row.level) for row in rows}


def insert_notifications(
    session: Session, organization_id: UUID, notifications: Sequence[NewNotification], now: datetime
) -> None:
    """Write notifications, in one statement; none to the watchers of a ticket that nobody follows."""
    session.execute(
        _NOTIFY,
        {
            "organization_id": organization_id,
            "now": now,
            "ids": [n.id for n in notifications],
            "ticket_ids": [n.ticket_id for n in notifications],
            "clock_ids": [n.clock_id for n in notifications],
            "kinds": [n.kind for n in notifications],
            "user_ids": [n.user_id for n in notifications],
            "team_ids": [n.team_id for n in notifications],
            "rules": [n.rule for n in notifications],
        },
    )


def insert_watchers(
    session: Session, organization_id: UUID, watchers: Sequence[tuple[UUID, UUID]], now: datetime
) -> None:
    """Let users (ticket, user) follow tickets; who does so already goes on."""
    values = {"ticket_ids": [ticket_id for ticket_id, _ in watchers], "user_ids": [user_id for _, user_id in watchers]}
    session.execute(_WATCH, {"organization_id": organization_id, "now": now, **values})


def standing(session: Session, ids: Iterable[UUID]) -> set[UUID]:
    """Return which of these are users who are active, or teams that there are."""
    return {row.id for row in session.execute(_STANDING, {"ids": sorted(set(ids))})}
