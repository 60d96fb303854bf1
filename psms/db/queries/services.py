"""Services: which ones a caller sees, and what is named with them. Forms are in `forms`, the rest in `records`."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import ColumnElement, and_, any_, func, literal, or_, select, text
from sqlalchemy.orm import Session

from psms.db.direct import Direct
from psms.db.models.accounts import MembershipRow
from psms.db.models.services import ServiceRow
from psms.db.models.tickets import TicketRow
from psms.db.queries.visibility import visible
from psms.domain.access import Actor
from psms.domain.services import ServiceVisibility

_IS_MEMBER = "SELECT FROM memberships WHERE user_id = %(user_id)s AND team_id = ANY (%(team_ids)s)"
_UNKNOWN_TEAMS = text("""
    SELECT wanted.id FROM unnest(CAST(:ids AS uuid[])) wanted (id)
    WHERE NOT EXISTS (SELECT FROM teams t WHERE t.id = wanted.id)
""")


def seen_by(actor: Actor) -> ColumnElement[bool]:
    """Return what a service must fulfil for *actor* to see it: who is not a requester sees every one."""
    if not actor.is_requester:
        return literal(value=True)
    mine = select(MembershipRow.team_id).where(
        MembershipRow.user_id == actor.user_id, MembershipRow.team_id == any_(ServiceRow.visible_team_ids)
    )
    of_my_teams = and_(ServiceRow.visibility == ServiceVisibility.TEAMS.value, mine.exists())
    return and_(ServiceRow.active, or_(ServiceRow.visibility == ServiceVisibility.EVERYONE.value, of_my_teams))


def begins_with(prefix: str) -> ColumnElement[bool]:
    """Return what a service must fulfil for its name to begin with *prefix*, whatever the case."""
    return func.starts_with(func.lower(ServiceRow.name), func.lower(prefix))


def is_member(way: Direct, user_id: UUID, team_ids: Iterable[UUID]) -> bool:
    """Tell whether a user is in one of the teams."""
    return way.row(_IS_MEMBER, {"user_id": user_id, "team_ids": list(team_ids)}) is not None


def unknown_teams(session: Session, team_ids: Iterable[UUID]) -> set[UUID]:
    """Return which of the teams there are not."""
    return set(session.scalars(_UNKNOWN_TEAMS, {"ids": list(team_ids)}))


def readable_numbers(session: Session, actor: Actor, ticket_ids: Iterable[UUID]) -> dict[UUID, int]:
    """Return the numbers of those of the tickets that *actor* may read; without a query for none."""
    wanted = list(ticket_ids)
    if not wanted:
        return {}
    statement = select(TicketRow.id, TicketRow.number).where(
        TicketRow.organization_id == actor.organization_id, TicketRow.id.in_(wanted), visible(actor)
    )
    return {row.id: row.number for row in session.execute(statement)}
