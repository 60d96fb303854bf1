"""Statements on mentions: who is mentioned, and the notifications that tell them."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from psms.domain.tickets import Comment

_PEOPLE = text("""
    SELECT u.id, u.name, u.role, r.permissions AS kept FROM users u
    LEFT JOIN roles r ON r.organization_id = u.organization_id AND r.id = u.role_id
    WHERE u.id = ANY (:ids) AND u.active ORDER BY u.name, u.id
""")
_NOTIFY = text("""
    INSERT INTO notifications (organization_id, id, ticket_id, kind, user_id, rule, created_at)
    SELECT :organization_id, m.id, :ticket_id, :kind, m.user_id, 'mentioned', :now
    FROM unnest(CAST(:ids AS uuid[]), CAST(:user_ids AS uuid[])) AS m (id, user_id)
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mentioned:
    """An active user; *kept* is what a role of the organization's own keeps of *role*, None for one of the six."""

    id: UUID
    name: str
    role: str
    kept: list[str] | None


def people(session: Session, user_ids: Sequence[UUID]) -> list[Mentioned]:
    """Return those of these users who are there and active, by name."""
    rows = session.execute(_PEOPLE, {"ids": list(user_ids)})
    return [Mentioned(id=row.id, name=row.name, role=row.role, kept=row.kept) for row in rows]


def notify(
    session: Session, organization_id: UUID, comment: Comment, told: Sequence[tuple[UUID, UUID]], *, kind: str
) -> None:
    """Write a notification (id and user) for each of *told*, in one statement."""
    values = {"organization_id": organization_id, "ticket_id": comment.ticket_id, "kind": kind}
    ids, user_ids = [one for one, _ in told], [user_id for _, user_id in told]
    session.execute(_NOTIFY, {**values, "ids": ids, "user_ids": user_ids, "now": comment.created_at})
