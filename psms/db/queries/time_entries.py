"""Statements on time entries and timers; sums for reports are in `time_reports`."""

from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from psms.db.models.desk import TimeEntryRow, TimerRow
from psms.db.queries.records import view_of
from psms.domain.time_entries import Timer, TimeTotals

_E = TimeEntryRow


def totals(session: Session, ticket_id: UUID) -> TimeTotals:
    """Return how much was worked on a ticket."""
    counted = select(
        func.count(),
        func.coalesce(func.sum(_E.seconds), 0),
        func.coalesce(func.sum(_E.seconds).filter(_E.billable), 0),
    ).where(_E.ticket_id == ticket_id)
    entries, seconds, billable = session.execute(counted).one()
    return TimeTotals(ticket_id=ticket_id, entries=entries, seconds=int(seconds), billable_seconds=int(billable))


def start(session: Session, organization_id: UUID, timer: Timer) -> bool:
    """Write a timer, unless its person has one, and tell whether it was written."""
    values = {name: getattr(timer, name) for name in Timer.__slots__}
    statement = insert(TimerRow).values(organization_id=organization_id, **values)
    written = session.execute(statement.on_conflict_do_nothing().returning(TimerRow.id))
    return written.one_or_none() is not None


def running(session: Session, user_id: UUID) -> Timer | None:
    """Return a person's timer, None where none runs."""
    row = session.scalars(select(TimerRow).where(TimerRow.user_id == user_id)).one_or_none()
    return None if row is None else view_of(Timer, row)


def take(session: Session, user_id: UUID, ticket_id: UUID) -> Timer | None:
    """Take a person's timer on a ticket out, None where none runs: of two who stop it, one gets it."""
    stopped = delete(TimerRow).where(TimerRow.user_id == user_id, TimerRow.ticket_id == ticket_id)
    columns = [getattr(TimerRow, name) for name in Timer.__slots__]
    row = session.execute(stopped.returning(*columns)).one_or_none()
    return None if row is None else view_of(Timer, row)
