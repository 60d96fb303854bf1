"""Users by their addresses, members of teams, and the rows that an organization begins with."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import delete, func, insert, or_, select
from sqlalchemy.orm import Session

from psms.db.models.accounts import MembershipRow, OrganizationRow, UserRow
from psms.db.models.tickets import TicketCounterRow
from psms.domain.encryption import BlindIndexes


def user_by_address(session: Session, indexes: BlindIndexes, email: str) -> UUID | None:
    """Return the user with one of these blind indexes, or, while it is not encrypted, with this address."""
    columns = ((UserRow.email_index, indexes.odd), (UserRow.email_index_even, indexes.even))
    indexed = [column == index for column, index in columns if index is not None]
    statement = select(UserRow.id).where(or_(*indexed, func.lower(UserRow.email) == func.lower(email)))
    return session.scalars(statement.limit(1)).one_or_none()


def name_of(session: Session, user_id: UUID) -> str:
    """Return the name of a user that there is."""
    return session.scalars(select(UserRow.name).where(UserRow.id == user_id)).one()


def is_active(session: Session, user_id: UUID) -> bool:
    """Tell whether there is such a user, and active."""
    return bool(session.scalars(select(UserRow.active).where(UserRow.id == user_id)).one_or_none())


def names_of(session: Session, user_ids: Iterable[UUID]) -> dict[UUID, str]:
    """Return the names of users, in one query."""
    rows = session.execute(select(UserRow.id, UserRow.name).where(UserRow.id.in_(list(user_ids))))
    return {row.id: row.name for row in rows}


def members_of(session: Session, team_ids: Iterable[UUID]) -> dict[UUID, list[UUID]]:
    """Return the members of each team, in one query."""
    wanted = list(team_ids)
    members: dict[UUID, list[UUID]] = {team_id: [] for team_id in wanted}
    rows = session.execute(
        select(MembershipRow.team_id, MembershipRow.user_id)
        .where(MembershipRow.team_id.in_(wanted))
        .order_by(MembershipRow.user_id)
    )
    for team_id, user_id in rows:
        members[team_id].append(user_id)
    return members


def set_members(session: Session, organization_id: UUID, team_id: UUID, user_ids: Iterable[UUID]) -> None:
    """Make *user_ids* the members of a team."""
    session.execute(delete(MembershipRow).where(MembershipRow.team_id == team_id))
    rows = [
        {"organization_id": organization_id, "team_id": team_id, "user_id": user_id}
        for user_id in sorted(set(user_ids))
    ]
    if rows:
        session.execute(insert(MembershipRow), rows)


def add_organization(session: Session, row: OrganizationRow) -> None:
    """Write a new organization with its ticket counter."""
    session.add(row)
    session.flush()
    session.add(TicketCounterRow(organization_id=row.id, last_number=0))
    session.flush()
