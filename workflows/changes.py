"""Changes: what one is planned with is read and edited, and the calendar is read. Moving one along is in `tickets`."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from psms.db.models.approvals import ChangeRow
from psms.db.queries import changes as queries
from psms.db.queries import records
from psms.db.queries import tickets as ticket_queries
from psms.domain.access import Actor, Permission, require
from psms.domain.changes import (
    WINDOW_FIELDS,
    CalendarEntry,
    ChangeCalendar,
    ChangePlan,
    Collision,
    Outcome,
    require_editable,
    require_window,
)
from psms.domain.tickets import Level, Stage, Ticket, TicketType
from psms.errors import FieldError, NotFound, VersionStale
from psms.runtime import Runtime
from workflows import trail
from workflows.act import act_of
from workflows.change_plans import new_row

MOST_ENTRIES = 500
_LONGEST_SPAN = timedelta(days=366)


def get_change(rt: Runtime, actor: Actor, ticket_id: UUID) -> ChangePlan:
    """Return what a change is planned with, or raise NotFound, also for a ticket that is no change."""
    require(actor, Permission.TICKET_READ)
    with rt.db.begin(actor.organization_id) as session:
        ticket = ticket_queries.get(session, actor, ticket_id)
        _require_change(ticket)
        return _view(session, ticket, queries.find(session, ticket_id))


def edit_change(
    rt: Runtime, actor: Actor, ticket_id: UUID, fields: Mapping[str, Any], if_version: int | None
) -> ChangePlan:
    """Change what a change is planned with. An edit that changes nothing writes nothing.

    Raises NotFound, VersionStale, ActionNotAllowed for what was put to the approvers, and
    FieldError for a window that ends before it starts.
    """
    require(actor, Permission.CHANGE_PLAN)
    with rt.db.begin(actor.organization_id) as session:
        ticket = ticket_queries.lock(session, actor, ticket_id).ticket
        _require_change(ticket)
        act = act_of(rt, session, actor)
        row = queries.find(session, ticket_id)
        version = 0 if row is None else row.version
        if if_version is not None and if_version != version:
            raise VersionStale(current_version=version)
        changed = {name for name, value in fields.items() if (getattr(row, name) if row else None) != value}
        if changed:
            require_editable(ticket.status, ticket.stage, changed)
            row = row or new_row(act, ticket)
            require_window({name: getattr(row, name) for name in WINDOW_FIELDS} | dict(fields))
            trail.note_changed(act, "change", ticket.id, records.edit(row, dict(fields), act.now))
            session.flush()
        return _view(session, ticket, row)


def calendar(rt: Runtime, actor: Actor, since: datetime, until: datetime) -> ChangeCalendar:
    """Return the changes that are scheduled or under way in a span, by their starts; at most MOST_ENTRIES.

    Raises FieldError for a span that is empty or longer than a year.
    """
    require(actor, Permission.TICKET_READ)
    if until <= since:
        raise FieldError("to", "must be after from")
    if until - since > _LONGEST_SPAN:
        raise FieldError("to", "must be within 366 days of from")
    with rt.db.begin(actor.organization_id) as session:
        rows = queries.calendar(session, actor, since, until, MOST_ENTRIES + 1)
        found = [records.view_of(CalendarEntry, row, stage=_stage(row.stage), risk=_level(row.risk)) for row in rows]
    return ChangeCalendar(changes=found[:MOST_ENTRIES], complete=len(found) <= MOST_ENTRIES)


def _require_change(ticket: Ticket) -> None:
    if ticket.type is not TicketType.CHANGE:
        raise NotFound


def _view(session: Session, ticket: Ticket, row: ChangeRow | None) -> ChangePlan:
    if row is None:
        names = ("planned_start", "planned_end", "plan", "backout_plan", "risk", "outcome")
        return ChangePlan(ticket_id=ticket.id, version=0, collisions=[], **dict.fromkeys(names))
    is_whole = row.planned_start is not None and row.planned_end is not None
    found = queries.collisions(session, ticket.id, ticket.service_id, row) if is_whole else ()
    return records.view_of(
        ChangePlan,
        row,
        ticket_id=ticket.id,
        risk=_level(row.risk),
        outcome=None if row.outcome is None else Outcome(row.outcome),
        collisions=[records.view_of(Collision, one, ticket_id=one.id) for one in found],
    )


def _level(value: str | None) -> Level | None:
    return None if value is None else Level(value)


def _stage(value: str | None) -> Stage | None:
    return None if value is None else Stage(value)
