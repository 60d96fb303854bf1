"""Tickets: open, read, list, edit and move along the lifecycle. Comments are in `comments`."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast
from uuid import UUID

from sqlalchemy.orm import Session

from psms.crash import CrashPoint, crash_point
from psms.db.direct import Brief, direct
from psms.db.queries import filing, people
from psms.db.queries import tickets as queries
from psms.db.queries.filing import Opening
from psms.db.queries.journal import KeptAnswer
from psms.db.queries.tickets import LockedTicket
from psms.domain.access import Actor, Permission, require
from psms.domain.answers import Created, OnceKey
from psms.domain.approvals import Source
from psms.domain.disclosure import disclosed
from psms.domain.events import EventType
from psms.domain.lifecycle import Action
from psms.domain.lifecycle_tables import first_state
from psms.domain.pages import Page, PageRequest
from psms.domain.priorities import PriorityMatrix, changes_between, priority_of_new
from psms.domain.sla.book import Book
from psms.domain.ticket_access import require_edit, require_opening, require_transition
from psms.domain.ticket_merging import merged, moved, require_mergeable
from psms.domain.tickets import (
    EditTicket,
    OpenTicket,
    Ticket,
    TicketFilter,
    TicketType,
)
from psms.encoding import json_bytes, json_text
from psms.errors import AlreadyTaken, RequestInProgress
from psms.runtime import Runtime
from workflows import change_plans, sla
from workflows.act import Act, Moment, act_of
from workflows.approval_steps import begin_chain
from workflows.names import Task
from workflows.once import Made, create_once, kept, repeated
from workflows.sla_books import book_of
from workflows.ticket_changes import edited, locked_ticket, moved_along
from workflows.ticket_events import Told, body_of
from workflows.ticket_facts import chain_for, edge_for, facts_for, plain_facts
from workflows.ticket_forms import Placed, judged, placed
from workflows.ticket_search import list_found


def open_ticket(rt: Runtime, actor: Actor, command: OpenTicket, once: OnceKey | None) -> Created:
    """File a ticket: it, its log entry and its event are committed together, or none of them.

    A repetition with the same key creates nothing and gets the same answer.
    """
    filled = replace(command, requester_id=command.requester_id or actor.user_id)
    require_opening(actor, filled)
    try:
        created = _filed(rt, actor, filled, once)
    except _AsksForApprovalError:
        created = create_once(rt, actor, once, lambda act: _filed_and_asked(act, actor, filled))
    if not created.replayed:
        crash_point(CrashPoint.TICKET_COMMITTED)
        rt.nudger.nudge(Task.RELAY_OUTBOX)
    return created


def _filed(rt: Runtime, actor: Actor, command: OpenTicket, once: OnceKey | None) -> Created:
    # As `once.create_once` does, with fewer statements: this is done most often.
    lock = None if once is None else once.lock(actor.client_id)
    with rt.db.begin_brief(actor.organization_id, lock) as brief:
        if not brief.is_alone:
            raise RequestInProgress
        opening = _opening(brief, actor, once)
        if isinstance(opening, KeptAnswer):
            # Only what came with a key has an answer already.
            return repeated(opening, cast("OnceKey", once))
        # The instant at which the number was taken, under the counter's lock: later numbers have later instants.
        moment = Moment(rt=rt, organization_id=actor.organization_id, actor=actor, now=opening.now)
        book = book_of(rt, brief, actor.organization_id, opening.sla_revision)
        place = placed(moment, brief, book, command, opening.default_service_id)
        ticket = _opened(moment, command, opening, book, place)
        if _waits_for_approval(ticket, book):
            raise _AsksForApprovalError
        made = Made(json_bytes(disclosed(actor, ticket, place.own_keys)), f"/v1/tickets/{ticket.id}", version=1)
        clocks = sla.filed_clocks(moment, brief, opening.sla_revision, ticket)
        answer = None if once is None else kept(actor, once, made, moment.now)
        filing.insert_ticket(brief, _new_rows(moment, ticket), clocks, answer)
    return Created(body=made.body, location=made.location, version=made.version)


class _AsksForApprovalError(Exception):
    """What is being filed asks for approval, which is more than one statement writes."""


def _waits_for_approval(ticket: Ticket, book: Book) -> bool:
    return ticket.type is TicketType.REQUEST and ticket.service_id in book.chains


def _filed_and_asked(act: Act, actor: Actor, command: OpenTicket) -> Made:
    """File a request and ask for its service's approvals, in one transaction."""
    ticket, place = _filed_within(act, command)
    shown = json_bytes(disclosed(actor, ticket, place.own_keys))
    return Made(shown, f"/v1/tickets/{ticket.id}", version=ticket.version)


def filed(act: Act, command: OpenTicket) -> Ticket:
    """File a ticket in the act's transaction, with its clocks, entry and event. Who it is for is named.

    A request asks for the approvals of its service.
    """
    return _filed_within(act, command)[0]


def _filed_within(act: Act, command: OpenTicket) -> tuple[Ticket, Placed]:
    way = direct(act.session)
    opening = filing.next_number(way)
    act = replace(act, now=opening.now)
    book = book_of(act.rt, way, act.organization_id, opening.sla_revision)
    place = placed(act, way, book, command, opening.default_service_id)
    ticket = _opened(act, command, opening, book, place)
    clocks = sla.filed_clocks(act, way, opening.sla_revision, ticket)
    filing.insert_within(way, _new_rows(act, ticket), clocks)
    if _waits_for_approval(ticket, book):
        ticket = _asked(act, ticket, book)
    return ticket, place


def _asked(act: Act, ticket: Ticket, book: Book) -> Ticket:
    (locked,) = queries.lock_all(act.session, [ticket.id])
    facts = replace(plain_facts(ticket), has_chain=True)
    ticket = moved_along(act, sla.caught_up(act, locked), Action.REQUEST_APPROVAL, facts=facts)
    begin_chain(act, ticket, book.chains[ticket.service_id], Source.SERVICE)
    return ticket


def _opening(brief: Brief, actor: Actor, once: OnceKey | None) -> Opening | KeptAnswer:
    if once is None:
        return filing.next_number(brief)
    return filing.next_number_or_answer(brief, client_id=actor.client_id, key=once.key)


def _opened(act: Moment, command: OpenTicket, opening: Opening, book: Book, place: Placed) -> Ticket:
    priority, source = priority_of_new(book.priorities, command.impact, command.urgency, command.priority)
    state = first_state(command.type, has_chain=place.service_id in book.chains)
    return Ticket(
        id=act.new_id(),
        number=opening.number,
        type=command.type,
        subject=command.subject,
        description=command.description,
        status=state.status,
        stage=state.stage,
        impact=command.impact,
        urgency=command.urgency,
        priority=priority,
        priority_source=source,
        priority_reason=command.priority_reason,
        service_id=place.service_id,
        requester_id=command.requester_id or act.user_id,
        assignee_id=command.assignee_id,
        team_id=place.team_id,
        tags=list(command.tags),
        custom_fields=place.custom_fields,
        form_version=place.form_version,
        version=1,
        created_at=act.now,
        updated_at=act.now,
        resolved_at=None,
        closed_at=None,
    )


def _new_rows(act: Moment, ticket: Ticket) -> dict[str, Any]:
    event_id = act.new_id()
    created = Told(type=EventType.TICKET_CREATED, changes={})
    values = {name: getattr(ticket, name) for name in Ticket.__slots__}
    shown = {name: values[name] for name in ("subject", "type", "status", "priority", "service_id")}
    if ticket.team_id is not None:
        shown["team_id"] = ticket.team_id
    return {
        **values,
        "custom_fields": json_text(ticket.custom_fields),
        "organization_id": act.organization_id,
        "log_id": act.new_id(),
        "after": json_text(shown),
        "actor_id": act.user_id,
        "client_id": act.actor.client_id if act.actor else None,
        "request_id": act.actor.request_id if act.actor else None,
        "address": act.actor.address if act.actor else None,
        "event_id": event_id,
        "body": body_of(act, ticket, created, event_id=event_id, sequence=1),
        "now": act.now,
    }


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
