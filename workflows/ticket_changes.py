"""The steps that every change of a ticket is made of: locked, written, told. Which change it is: `tickets` and others.

Whoever changes a ticket locks it, reads the instant, lets its clocks catch up, and then takes these.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from psms.db.direct import direct
from psms.db.queries import tickets as queries
from psms.db.queries.tickets import LockedTicket
from psms.domain.access import Actor
from psms.domain.events import Change, EventType, changes_from
from psms.domain.lifecycle import Action
from psms.domain.lifecycle_checks import Facts, edge_of
from psms.domain.tickets import ASSIGNMENT_FIELDS, Stage, Status, Ticket
from psms.errors import VersionStale
from workflows import approval_ends, auto_close, closing_guard, satisfaction, sla, trail
from workflows.act import Act
from workflows.sla_clocks import Case
from workflows.ticket_events import Told, tell
from workflows.ticket_facts import plain_facts
from workflows.ticket_forms import require_complete
from workflows.ticket_states import require_state


def locked_ticket(session: Session, actor: Actor, ticket_id: UUID, if_version: int | None) -> LockedTicket:
    """Return a ticket that *actor* may see, locked; raise NotFound, and VersionStale where it is at another version."""
    locked = queries.lock(session, actor, ticket_id)
    require_version(locked, if_version)
    return locked


def require_version(locked: LockedTicket, if_version: int | None) -> None:
    """Raise VersionStale unless a locked ticket is at this version; None is any."""
    if if_version is not None and if_version != locked.ticket.version:
        raise VersionStale(current_version=locked.ticket.version)


def written(act: Act, before: Ticket, changes: dict[str, Any]) -> Ticket:
    """Write *changes* to a locked ticket as its next version, and return it as it is now."""
    counted = {"version": before.version + 1, "updated_at": act.now}
    return queries.apply(act.session, before.id, changes | counted)


def edited(act: Act, case: Case, changes: dict[str, Any]) -> Ticket:
    """Change fields of a locked ticket that is caught up, tell of it, and let its clocks follow."""
    require_state(act.session, changes.get("state_id"), case.ticket.type, case.ticket.status)
    after = written(act, case.ticket, changes)
    told(act, _edit_events(case.ticket, after, set(changes)), after, case.locked.sequence)
    if sla.FOLLOWED & set(changes):
        sla.follow_fields(act, case, after)
    return after


def moved_along(  # noqa: PLR0913  # what comes with a move
    act: Act,
    case: Case,
    action: Action,
    *,
    facts: Facts | None = None,
    more: Mapping[str, Change] | None = None,
    state_id: UUID | None = None,
) -> Ticket:
    """Do *action* to a ticket whose clocks have caught up with the act, and return it as it is now.

    *facts* are those by which it is judged; left out, what the ticket itself tells, which suits PSMS. *more* changes
    are told with it; *state_id* is a state of the organization's own in the new status. Raises ActionNotAllowed,
    ChildrenOpen and FieldError, before anything is written.
    """
    before = case.ticket
    to = edge_of(facts or plain_facts(before), action).target
    closing_guard.require_children_done(act, before, to.status)
    if to.status is Status.RESOLVED:
        require_complete(act.rt, direct(act.session), before)
    require_state(act.session, state_id, before.type, to.status)
    # The state of the former status is cleared with it, whoever writes.
    state = {} if state_id is None else {"state_id": state_id}
    milestones = _milestones(to.status, act.now)
    after = written(act, before, {"status": to.status, "stage": to.stage, **state, **milestones})
    told(act, status_events(before, after, more or {}), after, case.locked.sequence)
    if before.stage is Stage.AWAITING_APPROVAL:
        approval_ends.withdraw(act, after)
    sla.follow_status(act, case, after)
    auto_close.follow(act, before, after)
    satisfaction.ask(act, after)
    return after


def _milestones(status: Status, now: datetime) -> dict[str, datetime | None]:
    if status is Status.RESOLVED:
        return {"resolved_at": now}
    if status is Status.CLOSED:
        return {"closed_at": now}
    # Reopened: it is no longer resolved.
    return {"resolved_at": None}


def _edit_events(before: Ticket, after: Ticket, changed: set[str]) -> list[Told]:
    kinds = (
        (EventType.TICKET_UPDATED, changed - ASSIGNMENT_FIELDS),
        (EventType.TICKET_ASSIGNED, changed & ASSIGNMENT_FIELDS),
    )
    return [Told(type=kind, changes=changes_from(before, after, names)) for kind, names in kinds if names]


def status_events(before: Ticket, after: Ticket, more: Mapping[str, Change]) -> list[Told]:
    """Return the events of a change of status or stage; *more* changes are told with it."""
    moved = {name for name in ("status", "stage", "state_id") if getattr(before, name) != getattr(after, name)}
    changes = {**changes_from(before, after, moved), **more}
    milestone = {Status.RESOLVED: EventType.TICKET_RESOLVED, Status.CLOSED: EventType.TICKET_CLOSED}
    kinds = [EventType.TICKET_STATUS_CHANGED]
    if after.status in milestone:
        kinds.append(milestone[after.status])
    return [Told(type=kind, changes=changes) for kind in kinds]


def told(act: Act, events: list[Told], ticket: Ticket, last_sequence: int) -> None:
    """Write the events of one change, numbered after *last_sequence*, and its entry, named as the first of them."""
    queries.count_event(act.session, ticket.id, last_sequence + len(events))
    tell(act, ticket, events, last_sequence)
    changes = {name: change for one in events for name, change in one.changes.items()}
    trail.note(act, events[0].type.value, ("ticket", ticket.id), changes)
