"""The steps that every change of a ticket is made of: locked, written, told. Which change it is: `tickets` and others.

Whoever changes a ticket locks it, reads the instant, lets its clocks catch up, and then takes these.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from psms.db.direct import direct
from psms.db.queries import tickets as queries
from psms.db.queries.tickets import LockedTicket
from psms.domain.access import Actor
from psms.domain.events import Change, EventType
from psms.domain.lifecycle import Action, next_status
from psms.domain.tickets import Status, Ticket
from psms.errors import VersionStale
from workflows import auto_close, closing_guard, satisfaction, sla, trail
from workflows.act import Act
from workflows.sla_clocks import Case
from workflows.ticket_events import Told, tell
from workflows.ticket_forms import require_complete


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


def moved_along(act: Act, case: Case, action: Action) -> Ticket:
    """Do *action* to a ticket whose clocks have caught up with the act, and return it as it is now.

    Raises ActionNotAllowed and ChildrenOpen, before anything is written.
    """
    status = next_status(case.ticket.status, action)
    closing_guard.require_children_done(act, case.ticket, status)
    if status is Status.RESOLVED:
        require_complete(act.rt, direct(act.session), case.ticket)
    return moved(act, case, status, {})


def moved(act: Act, case: Case, status: Status, changes: dict[str, Any]) -> Ticket:
    """Give a ticket that has caught up another status, with its milestones and events; clocks and closing follow.

    *changes* are those of other fields, which come with it.
    """
    after = written(act, case.ticket, {"status": status, **milestones(status, act.now), **changes})
    told(act, status_events(case.ticket, after), after, case.locked.sequence)
    sla.follow_status(act, case, after)
    auto_close.follow(act, case.ticket, after)
    satisfaction.ask(act, after)
    return after


def milestones(status: Status, now: datetime) -> dict[str, datetime | None]:
    """Return the instants that a ticket gets, or loses, with its new status."""
    if status is Status.RESOLVED:
        return {"resolved_at": now}
    if status is Status.CLOSED:
        return {"closed_at": now}
    # Reopened: it is no longer resolved.
    return {"resolved_at": None}


def status_events(before: Ticket, after: Ticket) -> list[Told]:
    """Return the events of a change of status."""
    changes = {"status": Change(before=before.status, after=after.status)}
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
