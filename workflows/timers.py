"""Timers: somebody starts to work on a ticket, and stops; what it took becomes a time entry. Rows, so none is lost."""

from uuid import UUID

from psms.db.models.desk import TimerRow
from psms.db.queries import records
from psms.db.queries import tickets as ticket_queries
from psms.db.queries import time_entries as queries
from psms.domain.access import Actor, Permission, require
from psms.domain.pages import Page, PageRequest
from psms.domain.time_entries import NewTimeEntry, NewTimer, TimeEntry, Timer, seconds_between
from psms.errors import AlreadyExists, NotFound
from psms.runtime import Runtime
from workflows import trail
from workflows.act import act_of
from workflows.names import Task
from workflows.time_entries import write

_RUNS = "Your timer runs on another ticket: stop it there, or discard it, first."
_RUNS_NOT = "No timer of yours runs on a ticket here with this id: start it first, or note the time as an entry."


def list_timers(rt: Runtime, actor: Actor, page: PageRequest) -> Page[Timer]:
    """Return one page of the timers that run: one's own, or everybody's for those who manage time."""
    require(actor, Permission.TIME_CREATE)
    only = [] if actor.may(Permission.TIME_MANAGE) else [TimerRow.user_id == actor.user_id]
    with rt.db.begin(actor.organization_id) as session:
        return records.page_of_rows(session, TimerRow, page, _view, *only)


def start_timer(rt: Runtime, actor: Actor, ticket_id: UUID, command: NewTimer) -> Timer:
    """Begin to take the time of one's work on a ticket; where that runs already, it goes on as it was.

    Raises AlreadyExists, saying on which ticket, where one's timer runs on another.
    """
    require(actor, Permission.TIME_CREATE)
    with rt.db.begin(actor.organization_id) as session:
        ticket_queries.get(session, actor, ticket_id)
        act = act_of(rt, session, actor)
        timer = Timer(
            id=act.new_id(),
            ticket_id=ticket_id,
            user_id=actor.user_id,
            note=command.note,
            activity=command.activity,
            billable=command.billable,
            started_at=act.now,
        )
        if not queries.start(session, actor.organization_id, timer):
            running = queries.running(session, actor.user_id)
            if running is None or running.ticket_id != ticket_id:
                raise AlreadyExists(_RUNS, ticket_id=None if running is None else running.ticket_id)
            return running
        trail.note(act, "timer.started", ("ticket", ticket_id), trail.added({"timer_id": timer.id}))
    return timer


def stop_timer(rt: Runtime, actor: Actor, ticket_id: UUID) -> TimeEntry:
    """Stop one's timer on a ticket and return the entry that it became, once however many ask.

    Raises NotFound where none runs there.
    """
    require(actor, Permission.TIME_CREATE)
    with rt.db.begin(actor.organization_id) as session:
        locked = ticket_queries.lock(session, actor, ticket_id)
        act = act_of(rt, session, actor)
        timer = queries.take(session, actor.user_id, ticket_id)
        if timer is None:
            raise NotFound(_RUNS_NOT)
        command = NewTimeEntry(
            seconds=seconds_between(timer.started_at, act.now),
            worked_at=timer.started_at,
            note=timer.note,
            activity=timer.activity,
            billable=timer.billable,
        )
        entry = write(act, locked, command)
    rt.nudger.nudge(Task.RELAY_OUTBOX)
    return entry


def discard_timer(rt: Runtime, actor: Actor, timer_id: UUID) -> None:
    """End a timer without an entry, also one on a ticket that the caller sees no more.

    Raises NotFound, also for one of somebody else, which only those see who manage time.
    """
    require(actor, Permission.TIME_CREATE)
    with rt.db.begin(actor.organization_id) as session:
        timer = records.get(session, TimerRow, timer_id)
        if timer.user_id != actor.user_id and not actor.may(Permission.TIME_MANAGE):
            raise NotFound
        records.remove(session, TimerRow, timer_id)
        facts = trail.added({"timer_id": timer_id, "user_id": timer.user_id})
        trail.note(act_of(rt, session, actor), "timer.discarded", ("ticket", timer.ticket_id), facts)


def _view(row: TimerRow) -> Timer:
    return records.view_of(Timer, row)
