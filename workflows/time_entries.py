"""Time entries of tickets: note, read, correct and take back; each is told of as something that happened to its ticket.

Timers, which make entries, are in `timers`; sums over many tickets in `time_reports`.
"""

from uuid import UUID

from sqlalchemy.orm import Session

from psms.db.models.desk import TimeEntryRow
from psms.db.queries import records
from psms.db.queries import tickets as ticket_queries
from psms.db.queries import time_entries as queries
from psms.db.queries.tickets import LockedTicket
from psms.domain.access import Actor, Permission, require
from psms.domain.accounts import Edit
from psms.domain.answers import Created, OnceKey
from psms.domain.events import Change, EventType
from psms.domain.pages import Page, PageRequest
from psms.domain.time_entries import (
    NewTimeEntry,
    TimeEntry,
    TimeTotals,
    require_own,
    require_past,
    told_of,
    told_of_removed,
)
from psms.encoding import json_bytes
from psms.errors import NotFound
from psms.runtime import Runtime
from workflows import trail
from workflows.act import Act, act_of
from workflows.names import Task
from workflows.once import Made, create_once
from workflows.ticket_events import Told, tell


def list_entries(rt: Runtime, actor: Actor, ticket_id: UUID, page: PageRequest) -> Page[TimeEntry]:
    """Return one page of a ticket's time entries, in the order in which they were noted."""
    require(actor, Permission.TIME_READ)
    with rt.db.begin(actor.organization_id) as session:
        ticket_queries.get(session, actor, ticket_id)
        return records.page_of_rows(session, TimeEntryRow, page, view, TimeEntryRow.ticket_id == ticket_id)


def totals_of(rt: Runtime, actor: Actor, ticket_id: UUID) -> TimeTotals:
    """Return how much was worked on a ticket."""
    require(actor, Permission.TIME_READ)
    with rt.db.begin(actor.organization_id) as session:
        ticket_queries.get(session, actor, ticket_id)
        return queries.totals(session, ticket_id)


def get_entry(rt: Runtime, actor: Actor, ticket_id: UUID, entry_id: UUID) -> TimeEntry:
    """Return a time entry of a ticket, or raise NotFound."""
    require(actor, Permission.TIME_READ)
    with rt.db.begin(actor.organization_id) as session:
        ticket_queries.get(session, actor, ticket_id)
        return view(_of_ticket(records.get(session, TimeEntryRow, entry_id), ticket_id))


def add_entry(rt: Runtime, actor: Actor, ticket_id: UUID, command: NewTimeEntry, once: OnceKey | None) -> Created:
    """Note time of one's own on a ticket. Raises FieldError for work in the future, and NotFound."""
    require(actor, Permission.TIME_CREATE)

    def create(act: Act) -> Made:
        locked = ticket_queries.lock(act.session, actor, ticket_id)
        act = act_of(act.rt, act.session, actor)
        require_past(command.worked_at, act.now)
        entry = write(act, locked, command)
        return Made(json_bytes(entry), f"/v1/tickets/{ticket_id}/time-entries/{entry.id}", version=1)

    created = create_once(rt, actor, once, create)
    rt.nudger.nudge(Task.RELAY_OUTBOX)
    return created


def write(act: Act, locked: LockedTicket, command: NewTimeEntry) -> TimeEntry:
    """Write an entry of who acts on a locked ticket, and tell of it."""
    row = TimeEntryRow(
        organization_id=act.organization_id,
        id=act.new_id(),
        ticket_id=locked.ticket.id,
        user_id=act.user_id,
        seconds=command.seconds,
        worked_at=command.worked_at or act.now,
        note=command.note,
        activity=command.activity,
        billable=command.billable,
        version=1,
        created_at=act.now,
        updated_at=act.now,
    )
    act.session.add(row)
    act.session.flush()
    entry = view(row)
    _tell(act, locked, EventType.TIME_LOGGED, told_of(entry))
    return entry


def edit_entry(rt: Runtime, actor: Actor, ticket_id: UUID, entry_id: UUID, command: Edit) -> TimeEntry:
    """Correct a time entry of one's own, or of anybody for those who manage time.

    Raises NotAllowed, NotFound, VersionStale, and FieldError for work in the future.
    """
    require(actor, Permission.TIME_CREATE)
    with rt.db.begin(actor.organization_id) as session:
        locked, row = _locked(session, actor, (ticket_id, entry_id), command.if_version)
        act = act_of(rt, session, actor)
        require_past(command.fields.get("worked_at"), act.now)
        changed = records.edit(row, command.fields, act.now)
        session.flush()
        if changed:
            _tell(act, locked, EventType.TIME_CHANGED, told_of(view(row), changed))
        entry = view(row)
    rt.nudger.nudge(Task.RELAY_OUTBOX)
    return entry


def remove_entry(rt: Runtime, actor: Actor, ticket_id: UUID, entry_id: UUID, if_version: int | None) -> None:
    """Take a time entry back. Raises as `edit_entry` does."""
    require(actor, Permission.TIME_CREATE)
    with rt.db.begin(actor.organization_id) as session:
        locked, row = _locked(session, actor, (ticket_id, entry_id), if_version)
        act = act_of(rt, session, actor)
        entry = view(row)
        session.delete(row)
        session.flush()
        _tell(act, locked, EventType.TIME_REMOVED, told_of_removed(entry))
    rt.nudger.nudge(Task.RELAY_OUTBOX)


def view(row: TimeEntryRow) -> TimeEntry:
    """Return the entry that a row holds."""
    return records.view_of(TimeEntry, row)


def _locked(
    session: Session, actor: Actor, place: tuple[UUID, UUID], if_version: int | None
) -> tuple[LockedTicket, TimeEntryRow]:
    ticket_id, entry_id = place
    locked = ticket_queries.lock(session, actor, ticket_id)
    row = _of_ticket(records.get(session, TimeEntryRow, entry_id), ticket_id)
    require_own(actor, row.user_id)
    return locked, records.lock(session, TimeEntryRow, entry_id, if_version)


def _of_ticket(row: TimeEntryRow, ticket_id: UUID) -> TimeEntryRow:
    if row.ticket_id != ticket_id:
        raise NotFound
    return row


def _tell(act: Act, locked: LockedTicket, kind: EventType, changes: dict[str, Change]) -> None:
    ticket = locked.ticket
    ticket_queries.count_event(act.session, ticket.id, locked.sequence + 1)
    tell(act, ticket, [Told(type=kind, changes=changes)], locked.sequence)
    trail.note(act, kind.value, ("ticket", ticket.id), changes)
