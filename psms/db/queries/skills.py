"""Skills of users, and those that services ask for: read, and replaced as a whole."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from psms.db.models.routing import ServiceSkillRow, UserSkillRow
from psms.domain.routing.people import Skill


def of_user(session: Session, user_id: UUID) -> list[Skill]:
    """Return what a user can, by name."""
    row = UserSkillRow
    return _skills(session.execute(select(row.skill, row.level).where(row.user_id == user_id).order_by(row.skill)))


def of_service(session: Session, service_id: UUID) -> list[Skill]:
    """Return what a service asks for, by name."""
    row = ServiceSkillRow
    wanted = select(row.skill, row.level).where(row.service_id == service_id).order_by(row.skill)
    return _skills(session.execute(wanted))


def set_of_user(session: Session, organization_id: UUID, user_id: UUID, skills: Sequence[Skill]) -> None:
    """Make *skills* what a user can."""
    session.execute(delete(UserSkillRow).where(UserSkillRow.user_id == user_id))
    rows = [_values(one, organization_id=organization_id, user_id=user_id) for one in skills]
    if rows:
        session.execute(insert(UserSkillRow), rows)


def set_of_service(session: Session, organization_id: UUID, service_id: UUID, skills: Sequence[Skill]) -> None:
    """Make *skills* what a service asks for."""
    session.execute(delete(ServiceSkillRow).where(ServiceSkillRow.service_id == service_id))
    rows = [_values(one, organization_id=organization_id, service_id=service_id) for one in skills]
    if rows:
        session.execute(insert(ServiceSkillRow), rows)


def _skills(rows: Any) -> list[Skill]:  # noqa: ANN401  # a result of any shape that has the two columns
    return [Skill(skill=row.skill, level=row.level) for row in rows]


def _values(one: Skill, **owner: UUID) -> dict[str, object]:
    return {"skill": one.skill, "level": one.level, **owner}
