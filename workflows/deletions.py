"""Deleting tickets: hidden at once, restored on demand, purged for good after a while or by an administrator."""

from datetime import datetime
from itertools import groupby
from operator import attrgetter
from uuid import UUID

from sqlalchemy.orm import Session

from psms.db.queries import deletions as queries
from psms.db.queries import merges as merge_queries
from psms.db.queries import tickets as ticket_queries
from psms.db.queries.tickets import LockedTicket
from psms.db.session import enter
from psms.domain.access import Actor, Permission, require
from psms.domain.deleted_tickets import DeletedTicket
from psms.domain.events import Change, EventType
from psms.domain.pages import Page, PageRequest
from psms.domain.relation_errors import NotDeleted, RelationRefused
from psms.domain.tickets import Ticket
from psms.errors import NotFound
from psms.runtime import Runtime
from workflows import out_of_work, sla, trail
from workflows.act import Act, act_of, act_of_system
from workflows.names import Task
from workflows.ticket_changes import locked_ticket, require_version, told, written
from workflows.ticket_events import Told


def delete_ticket(rt: Runtime, actor: Actor, ticket_id: UUID, if_version: int | None) -> None:
    """Hide a ticket from everybody, and hold its clocks, until it is restored or purged.

    Raises RelationRefused while other tickets are merged into it, and VersionStale.
    """
    require(actor, Permission.TICKET_DELETE)
    with rt.db.begin(actor.organization_id) as session:
        locked = locked_ticket(session, actor, ticket_id, if_version)
        _hidden(act_of(rt, session, actor), locked)
    rt.nudger.nudge(Task.RELAY_OUTBOX)


def _hidden(act: Act, locked: LockedTicket) -> None:
    if merged := merge_queries.merged_into(act.session, act.organization_id, locked.ticket.id):
        named = ", ".join(f"#{number}" for number in merged)
        message = f"{named} went on as part of this ticket: un-merge or delete what was merged first."
        raise RelationRefused(message, reason="has_merged")
    case = sla.caught_up(act, locked)
    after = written(act, case.ticket, {"deleted_at": act.now})
    changes = {"deleted_at": Change(before=None, after=act.now)}
    told(act, [Told(type=EventType.TICKET_DELETED, changes=changes)], after, case.locked.sequence)
    out_of_work.leave(act, after, "The ticket was deleted.")
    sla.withdrawn(act, case)


def list_deleted(rt: Runtime, actor: Actor, page: PageRequest) -> Page[DeletedTicket]:
    """Return one page of the deleted tickets, the newest tickets first."""
    require(actor, Permission.TICKET_DELETE)
    with rt.db.begin(actor.organization_id) as session:
        return queries.page_of_deleted(session, actor.organization_id, page)


def version_of_deleted(rt: Runtime, actor: Actor, ticket_id: UUID) -> int:
    """Return the version of a deleted ticket; raise NotDeleted for one that is not."""
    require(actor, Permission.TICKET_DELETE)
    with rt.db.begin(actor.organization_id) as session:
        return _deleted(session, actor, ticket_id)[0].ticket.version


def restore_ticket(rt: Runtime, actor: Actor, ticket_id: UUID, if_version: int | None) -> Ticket:
    """Let a deleted ticket be there again; its clocks go on as after a hold.

    Raises NotDeleted, RelationRefused where the ticket that it was merged into is deleted, and VersionStale.
    """
    require(actor, Permission.TICKET_DELETE)
    with rt.db.begin(actor.organization_id) as session:
        locked, survivor = _deleted(session, actor, ticket_id)
        require_version(locked, if_version)
        if survivor is not None and survivor.deleted_at is not None:
            message = (
                f"This ticket was merged into #{survivor.ticket.number}, which is deleted: restore that one first."
            )
            raise RelationRefused(message, reason="survivor_deleted")
        act = act_of(rt, session, actor)
        case = sla.caught_up(act, locked)
        after = written(act, case.ticket, {"deleted_at": None})
        changes = {"deleted_at": Change(before=locked.deleted_at, after=None)}
        told(act, [Told(type=EventType.TICKET_RESTORED, changes=changes)], after, case.locked.sequence)
        sla.restored(act, case)
        out_of_work.come_back(act, after)
    rt.nudger.nudge(Task.RELAY_OUTBOX)
    return after


def purge_ticket(rt: Runtime, actor: Actor, ticket_id: UUID) -> None:
    """Remove a deleted ticket with all that is its own, for good. Raises NotDeleted for one that is not deleted."""
    require(actor, Permission.TICKET_PURGE)
    with rt.db.begin(actor.organization_id) as session:
        _deleted(session, actor, ticket_id)
        _purged(act_of(rt, session, actor), [ticket_id])


def purge_batch(rt: Runtime, limit: int, session: Session, now: datetime) -> int:
    """Remove up to *limit* tickets that nobody restored in time, as a step of a claim; return how many were found."""
    of_organization = attrgetter("organization_id")
    due = sorted(queries.due(session, now, limit), key=of_organization)
    for organization_id, rows in groupby(due, key=of_organization):
        enter(session, organization_id)
        _purged(act_of_system(rt, session, organization_id, now), [row.id for row in rows])
    return len(due)


def _deleted(session: Session, actor: Actor, ticket_id: UUID) -> tuple[LockedTicket, LockedTicket | None]:
    """Lock a deleted ticket, and what it was merged into."""
    chain = merge_queries.chain_of(session, actor.organization_id, ticket_id)[:2]
    found = {one.ticket.id: one for one in ticket_queries.lock_all(session, chain)}
    locked = found.get(ticket_id)
    if locked is None:
        raise NotFound
    if locked.deleted_at is None:
        raise NotDeleted
    survivor_id = locked.ticket.merged_into_id
    return locked, None if survivor_id is None else found[survivor_id]


def _purged(act: Act, ticket_ids: list[UUID]) -> None:
    for ticket_id, number in queries.purge(act.session, act.organization_id, ticket_ids).items():
        trail.note(act, "ticket.purged", ("ticket", ticket_id), {"number": Change(before=number, after=None)})
