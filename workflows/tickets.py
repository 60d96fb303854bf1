"""Tickets: open, read, list, edit and move along the lifecycle. Comments are in `comments`."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from psms.db.direct import direct
from psms.db.queries import people
from psms.db.queries import tickets as queries
from psms.db.queries.tickets import LockedTicket
from psms.domain.access import Actor, Permission, require
from psms.domain.answers import Created, OnceKey
from psms.domain.approvals import Source
from psms.domain.lifecycle import Action
from psms.domain.pages import Page, PageRequest
from psms.domain.priorities import PriorityMatrix, changes_between
from psms.domain.ticket_access import require_edit, require_transition
from psms.domain.ticket_merging import merged, moved, require_mergeable
from psms.domain.tickets import (
    EditTicket,
    OpenTicket,
    Ticket,
    TicketFilter,
)
from psms.errors import AlreadyTaken
from psms.runtime import Runtime
from workflows import change_plans, sla
from workflows.act import act_of
from workflows.approval_steps import begin_chain
from workflows.names import Task
from workflows.sla_books import book_of
from workflows.ticket_changes import edited, locked_ticket, moved_along
from workflows.ticket_facts import chain_for, edge_for, facts_for
from workflows.ticket_filing import file_ticket
from workflows.ticket_forms import judged
from workflows.ticket_search import list_found


def open_ticket(rt: Runtime, actor: Actor, command: OpenTicket, once: OnceKey | None) -> Created:
    """File a ticket: it, its log entry and its event are committed together, or none of them.

    A repetition with the same key creates nothing and gets the same answer.
    """
    return file_ticket(rt, actor, command, once)


def get_ticket(rt: Runtime, actor: Actor, ticket_id: UUID) -> Ticket:
    """Return a ticket, or raise NotFound where there is none that the caller may see."""
    require(actor, Permission.TICKET_READ)
    return rt.db.ask_directly(lambda direct: queries.look_up(direct, actor, ticket_id))


def list_tickets(rt: Runtime, actor: Actor, wanted: TicketFilter, page: PageRequest) -> Page[Ticket]:
    """Return one page of tickets, newest first."""
    require(actor, Permission.TICKET_READ)
    if wanted.fields:
        return list_found(rt, actor, wanted, page)
    return rt.db.ask_directly(lambda direct: queries.list_page(direct, actor, wanted, page))


def edit_ticket(rt: Runtime, actor: Actor, ticket_id: UUID, command: EditTicket) -> Ticket:
    """Change fields of a ticket. An edit that changes nothing writes nothing and keeps the version.

    Raises VersionStale when the ticket is no longer at the wanted version, and EditConflict when the edit was made
    from a former one since which a field that it changes has been changed.
    """
    require(actor, Permission.TICKET_UPDATE)
    with rt.db.begin(actor.organization_id) as session:
        after = edit_within(rt, session, actor, ticket_id, command)
    rt.nudger.nudge(Task.RELAY_OUTBOX)
    return after


def edit_within(rt: Runtime, session: Session, actor: Actor, ticket_id: UUID, command: EditTicket) -> Ticket:
    """Do as `edit_ticket`, as a step of a transaction that does more; who commits nudges the relay."""
    locked = locked_ticket(session, actor, ticket_id, command.if_version)
    require_edit(actor, locked.ticket, frozenset(command.fields))
    return _edited(rt, session, actor, locked, command)


def take_ticket(rt: Runtime, actor: Actor, ticket_id: UUID, if_version: int | None) -> Ticket:
    """Assign a ticket to the caller, unless it is somebody's: of several who try at once, one gets it.

    Raises AlreadyTaken, which says whose it is, and VersionStale. A ticket that is the caller's already stays as it is.
    """
    require(actor, Permission.TICKET_ASSIGN)
    with rt.db.begin(actor.organization_id) as session:
        locked = locked_ticket(session, actor, ticket_id, if_version)
        command = EditTicket(fields={"assignee_id": actor.user_id}, if_free=True)
        require_edit(actor, locked.ticket, frozenset(command.fields))
        _require_free(session, actor, locked.ticket, command)
        after = _edited(rt, session, actor, locked, command)
    rt.nudger.nudge(Task.RELAY_OUTBOX)
    return after


def _require_free(session: Session, actor: Actor, ticket: Ticket, command: EditTicket) -> None:
    holder = ticket.assignee_id
    if command.if_free and holder is not None and holder != actor.user_id:
        name = people.name_of(session, holder)
        raise AlreadyTaken(f"{name} works on this ticket already.", assignee_id=holder, assignee_name=name)


def _edited(rt: Runtime, session: Session, actor: Actor, locked: LockedTicket, command: EditTicket) -> Ticket:
    book = book_of(rt, direct(session), actor.organization_id, locked.sla_revision)
    changes = _changes(locked.ticket, command, book.priorities, locked.field_versions)
    if not changes:
        return locked.ticket
    act = act_of(rt, session, actor)
    case = sla.caught_up(act, locked)
    # What was due meanwhile may have changed the ticket too.
    _require_free(session, actor, case.ticket, command)
    versions = moved(locked.field_versions, locked.ticket, case.ticket)
    changes = _changes(case.ticket, command, book.priorities, versions)
    changes = judged(act, book, case.ticket, changes, command.fields)
    if not changes:
        return case.ticket
    after = edited(act, case, changes)
    if "assignee_id" in changes and after.assignee_id is not None:
        sla.taken(act, case, after)
    return after


def _changes(
    current: Ticket, command: EditTicket, matrix: PriorityMatrix, field_versions: Mapping[str, int]
) -> dict[str, Any]:
    if command.base_version is None:
        return changes_between(current, command.fields, matrix)
    changes = changes_between(current, merged(current, command.fields), matrix)
    named = {name: value for name, value in changes.items() if name in command.fields}
    require_mergeable(current, named, field_versions, command.base_version)
    return changes


def transition(  # noqa: PLR0913  # the request as it came
    rt: Runtime,
    actor: Actor,
    ticket_id: UUID,
    action: Action,
    if_version: int | None,
    *,
    given: Mapping[str, Any] | None = None,
) -> Ticket:
    """Move a ticket along its lifecycle, with the fields that the action takes.

    Raises ActionNotAllowed, naming what is possible now and what is in the way of the rest, FieldError for a field that
    the action needs, VersionStale, and ChildrenOpen where it would be resolved or closed before the tickets that are
    part of it.
    """
    require(actor, Permission.TICKET_TRANSITION)
    with rt.db.begin(actor.organization_id) as session:
        locked = locked_ticket(session, actor, ticket_id, if_version)
        after = _moved(rt, session, actor, locked, (action, given or {}))
    rt.nudger.nudge(Task.RELAY_OUTBOX)
    return after


def move_within(rt: Runtime, session: Session, actor: Actor, ticket_id: UUID, action: Action) -> Ticket:
    """Do as `transition`, as a step of a transaction that does more; who commits nudges the relay."""
    return _moved(rt, session, actor, locked_ticket(session, actor, ticket_id, None), (action, {}))


def _moved(
    rt: Runtime, session: Session, actor: Actor, locked: LockedTicket, asked: tuple[Action, Mapping[str, Any]]
) -> Ticket:
    action, given = asked
    plan = {name: value for name, value in given.items() if name != "state_id"}
    require_transition(actor, locked.ticket.type, action)
    facts = facts_for(rt, session, actor, locked)
    edge = edge_for(session, actor, facts, locked.ticket, action)
    act = act_of(rt, session, actor)
    told_of_plan = change_plans.follow(act, locked.ticket, edge, plan)
    after = moved_along(
        act, sla.caught_up(act, locked), action, facts=facts, more=told_of_plan, state_id=given.get("state_id")
    )
    if action is Action.REQUEST_APPROVAL:
        begin_chain(act, after, chain_for(rt, session, actor, locked), Source.SERVICE)
    return after
