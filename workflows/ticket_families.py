"""Parents and children of tickets: attach, detach, list. That none is closed before its children: `closing_guard`."""

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from psms.db.queries import families as queries
from psms.db.queries import tickets as ticket_queries
from psms.db.queries.tickets import LockedTicket
from psms.domain.access import Actor, Permission, require
from psms.domain.events import Change, EventType
from psms.domain.pages import Page, PageRequest
from psms.domain.ticket_families import require_attachable
from psms.domain.tickets import Ticket, TicketFilter
from psms.runtime import Runtime
from workflows import sla
from workflows.act import act_of
from workflows.names import Task
from workflows.ticket_changes import locked_ticket, told, written
from workflows.ticket_events import Told
from workflows.ticket_pairs import locked_pair


def set_parent(rt: Runtime, actor: Actor, ticket_id: UUID, parent_id: UUID, if_version: int | None) -> Ticket:
    """Make a ticket part of another one, which both must be there for the caller; it leaves a former parent.

    Raises RelationRefused for a circle, a parent that is done, and a family that grows too large; and VersionStale.
    """
    require(actor, Permission.TICKET_LINK)
    with rt.db.begin(actor.organization_id) as session:
        queries.lock(session, actor.organization_id)
        pair = locked_pair(session, actor, ticket_id, ("parent_id", parent_id), if_version)
        after = pair.own.ticket
        if after.parent_id != parent_id:
            family = queries.family_of(session, actor.organization_id, ticket_id, parent_id)
            require_attachable(after, pair.other.ticket, family)
            after = _placed(rt, session, actor, pair.own, parent_id)
    rt.nudger.nudge(Task.RELAY_OUTBOX)
    return after


def remove_parent(rt: Runtime, actor: Actor, ticket_id: UUID, if_version: int | None) -> Ticket:
    """Make a ticket stand by itself; nothing is written where it does. Raises VersionStale."""
    require(actor, Permission.TICKET_LINK)
    with rt.db.begin(actor.organization_id) as session:
        queries.lock(session, actor.organization_id)
        locked = locked_ticket(session, actor, ticket_id, if_version)
        after = locked.ticket
        if after.parent_id is not None:
            after = _placed(rt, session, actor, locked, None)
    rt.nudger.nudge(Task.RELAY_OUTBOX)
    return after


def _placed(rt: Runtime, session: Session, actor: Actor, locked: LockedTicket, parent_id: UUID | None) -> Ticket:
    act = act_of(rt, session, actor)
    case = sla.caught_up(act, locked)
    values: dict[str, Any] = {"parent_id": parent_id}
    after = written(act, case.ticket, values)
    changes = {"parent_id": Change(before=case.ticket.parent_id, after=parent_id)}
    told(act, [Told(type=EventType.TICKET_UPDATED, changes=changes)], after, case.locked.sequence)
    return after


def list_children(rt: Runtime, actor: Actor, ticket_id: UUID, page: PageRequest) -> Page[Ticket]:
    """Return one page of a ticket's children that the caller sees, newest first."""
    require(actor, Permission.TICKET_READ)
    rt.db.ask_directly(lambda direct: ticket_queries.look_up(direct, actor, ticket_id))
    wanted = TicketFilter(parent_id=ticket_id)
    return rt.db.ask_directly(lambda direct: ticket_queries.list_page(direct, actor, wanted, page))
