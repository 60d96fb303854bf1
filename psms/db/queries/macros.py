"""Macros that a person sees, and what the placeholders of a reply stand for."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select, text
from sqlalchemy.orm import Session

from psms.db.models.accounts import MembershipRow
from psms.db.models.desk import MacroRow
from psms.domain.macros import MacroVisibility
from psms.domain.tickets import Ticket

_NAMES = text("""
    SELECT o.name AS organization, s.name AS service, r.name AS requester, m.name AS me, a.name AS assignee,
        t.name AS team
    FROM organizations o
    JOIN services s ON s.organization_id = o.id AND s.id = :service_id
    JOIN users r ON r.organization_id = o.id AND r.id = :requester_id
    JOIN users m ON m.organization_id = o.id AND m.id = :me
    LEFT JOIN users a ON a.organization_id = o.id AND a.id = CAST(:assignee_id AS uuid)
    LEFT JOIN teams t ON t.organization_id = o.id AND t.id = CAST(:team_id AS uuid)
    WHERE o.id = :organization_id
""")
_PEOPLE = ("requester", "assignee")


def teams_of(session: Session, user_id: UUID) -> frozenset[UUID]:
    """Return the teams that a user is a member of."""
    return frozenset(session.scalars(select(MembershipRow.team_id).where(MembershipRow.user_id == user_id)))


def seen_by(user_id: UUID, *, all_teams: bool) -> ColumnElement[bool]:
    """Return which macros a user sees: their own, those for everyone, and those of their teams, or of all teams."""
    mine = select(MembershipRow.team_id).where(MembershipRow.user_id == user_id)
    of_team = MacroRow.visibility == MacroVisibility.TEAM.value if all_teams else MacroRow.team_id.in_(mine)
    return or_(MacroRow.visibility == MacroVisibility.EVERYONE.value, MacroRow.owner_id == user_id, of_team)


def values_for(
    session: Session, organization_id: UUID, ticket: Ticket, user_id: UUID, *, named: Collection[str]
) -> dict[str, str]:
    """Return what the placeholders stand for, of people, teams and services only those in *named*; nothing is empty."""
    values = {name: getattr(ticket, name) for name in ("service_id", "requester_id", "assignee_id", "team_id")}
    row = session.execute(_NAMES, {**values, "organization_id": organization_id, "me": user_id}).one()
    names = {f"{name}.name": value or "" for name, value in row._asdict().items() if name in named}
    shown = {f"ticket.{name}": str(getattr(ticket, name)) for name in ("number", "subject", "type", "priority")}
    return names | shown | {"ticket.status": ticket.status.value.replace("_", " ")}
