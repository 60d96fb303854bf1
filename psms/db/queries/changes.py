"""Changes: their plans, and what is in the calendar. Single rows are written by the ORM."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, exists, select
from sqlalchemy.orm import Session, aliased

from psms.db.models.approvals import ChangeRow
from psms.db.models.tickets import TicketRow
from psms.db.queries.visibility import visible
from psms.domain.access import Actor

MOST_COLLISIONS = 50


def find(session: Session, ticket_id: UUID) -> ChangeRow | None:
    """Return what a change is planned with, None where nothing is written down."""
    return session.scalars(select(ChangeRow).where(ChangeRow.id == ticket_id)).one_or_none()


def collisions(session: Session, ticket_id: UUID, service_id: UUID, row: ChangeRow) -> Sequence[Any]:
    """Return the scheduled changes of a service whose windows overlap that of *row*, by their starts."""
    other = ChangeRow
    wanted = (
        select(other.id, TicketRow.number, other.planned_start, other.planned_end)
        .join(TicketRow, and_(TicketRow.organization_id == other.organization_id, TicketRow.id == other.id))
        .where(TicketRow.service_id == service_id, TicketRow.deleted_at.is_(None), other.id != ticket_id)
        .where(other.scheduled, other.planned_start < row.planned_end, other.planned_end > row.planned_start)
    )
    return session.execute(wanted.order_by(other.planned_start, other.id).limit(MOST_COLLISIONS)).all()


def calendar(session: Session, actor: Actor, since: datetime, until: datetime, limit: int) -> Sequence[Any]:
    """Return the changes that are scheduled or under way in a span and that *actor* sees, by their starts."""
    change, other, same = ChangeRow, aliased(ChangeRow), aliased(TicketRow)
    collides = exists(
        select(other.id)
        .join(same, and_(same.organization_id == other.organization_id, same.id == other.id))
        .where(other.scheduled, other.id != change.id, same.service_id == TicketRow.service_id)
        .where(same.deleted_at.is_(None))
        .where(other.planned_start < change.planned_end, other.planned_end > change.planned_start)
    )
    seen = select(TicketRow).where(TicketRow.organization_id == actor.organization_id, visible(actor)).subquery()
    wanted = (
        select(
            change.id.label("ticket_id"), TicketRow.number, TicketRow.subject, TicketRow.service_id, TicketRow.stage,
            change.risk, change.planned_start, change.planned_end, collides.label("collides"),
        )
        .join(TicketRow, and_(TicketRow.organization_id == change.organization_id, TicketRow.id == change.id))
        .where(change.scheduled, change.planned_start < until, change.planned_end > since)
        .where(change.id.in_(select(seen.c.id)))
    )  # fmt: skip
    return session.execute(wanted.order_by(change.planned_start, change.id).limit(limit)).all()
