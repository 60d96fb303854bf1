"""Merging tickets, and taking that back. What is said on a merged ticket reaches the survivor in `comments`.

Nothing of a merged ticket is moved: the survivor's list shows what was said on both, so that a merge that is taken
back leaves each with its own.
"""

from uuid import UUID

from sqlalchemy.orm import Session

from psms.db.queries import merges as queries
from psms.db.queries import tickets as ticket_queries
from psms.db.queries.tickets import LockedTicket
from psms.domain.access import Actor, Permission, require
from psms.domain.events import Change, EventType
from psms.domain.relation_errors import MergeRefused
from psms.domain.ticket_merges import Merge, require_mergeable_into, require_unmergeable, status_once_merged
from psms.domain.tickets import Status, Ticket
from psms.errors import NotFound
from psms.runtime import Runtime
from workflows import closing_guard, out_of_work, sla
from workflows.act import Act, act_of
from workflows.names import Task
from workflows.ticket_changes import require_version, status_events, told, written
from workflows.ticket_events import Told
from workflows.ticket_pairs import Pair, locked_pair


def merge_ticket(rt: Runtime, actor: Actor, ticket_id: UUID, into_id: UUID, if_version: int | None) -> Ticket:
    """Let a ticket go on as part of another one, and return it: closed, its clocks stopped.

    Whoever asked for it or follows it follows the survivor. Raises MergeRefused, ChildrenOpen and VersionStale; the
    locks of both tickets keep merges from making a circle.
    """
    require(actor, Permission.TICKET_MERGE)
    with rt.db.begin(actor.organization_id) as session:
        pair = locked_pair(session, actor, ticket_id, ("into", into_id), if_version)
        act = act_of(rt, session, actor)
        _require_mergeable(act, pair)
        after = _merged(act, pair)
    rt.nudger.nudge(Task.RELAY_OUTBOX)
    return after


def _require_mergeable(act: Act, pair: Pair) -> None:
    merged, survivor = pair.own.ticket, pair.other.ticket
    together = sum(queries.together(act.session, act.organization_id, one.id) for one in (merged, survivor))
    require_mergeable_into(merged, survivor, together)
    closing_guard.require_children_done(act, merged, Status.CLOSED)


def _merged(act: Act, pair: Pair) -> Ticket:
    case, survivor = sla.caught_up(act, pair.own), pair.other
    before = case.ticket
    status = status_once_merged(before.status)
    closed_at = before.closed_at if status is before.status else act.now
    joined = {"status": status, "stage": None, "closed_at": closed_at, "merged_into_id": survivor.ticket.id}
    after = written(act, before, joined)
    told(act, _events(EventType.TICKET_MERGED, before, after), after, case.locked.sequence)
    out_of_work.leave(act, after, "The ticket was merged.")
    sla.stopped(act, case, after)
    merge = Merge(
        merged_id=before.id,
        survivor_id=survivor.ticket.id,
        status=before.status,
        stage=before.stage,
        closed_at=before.closed_at,
        merged_by=act.user_id,
        merged_at=act.now,
    )
    queries.add(act.session, act.organization_id, merge)
    queries.bring_watchers(act.session, act.organization_id, merge)
    gained = {"merged_ticket_id": Change(before=None, after=before.id)}
    told(act, [Told(type=EventType.TICKET_MERGED, changes=gained)], survivor.ticket, survivor.sequence)
    return after


def unmerge_ticket(rt: Runtime, actor: Actor, ticket_id: UUID, if_version: int | None) -> Ticket:
    """Take a merge back, and return the ticket with the status that it had before.

    What was said through it is its own again; its clocks go on as those of a ticket that is reopened. Raises
    MergeRefused where it is not merged or its survivor has been merged since, and VersionStale.
    """
    require(actor, Permission.TICKET_MERGE)
    with rt.db.begin(actor.organization_id) as session:
        into_id = ticket_queries.get(session, actor, ticket_id).merged_into_id
        ids = [ticket_id] if into_id is None else [ticket_id, into_id]
        found = {one.ticket.id: one for one in ticket_queries.lock_all(session, ids)}
        locked = found[ticket_id]
        if locked.deleted_at is not None:
            raise NotFound
        require_version(locked, if_version)
        survivor = found.get(locked.ticket.merged_into_id or ticket_id)
        require_unmergeable(locked.ticket, None if survivor is None else survivor.ticket)
        after = _unmerged(act_of(rt, session, actor), Pair(own=locked, other=_known(survivor)))
    rt.nudger.nudge(Task.RELAY_OUTBOX)
    return after


def _known(survivor: LockedTicket | None) -> LockedTicket:
    if survivor is None:
        raise MergeRefused
    return survivor


def _unmerged(act: Act, pair: Pair) -> Ticket:
    case, survivor = sla.caught_up(act, pair.own), pair.other
    before = case.ticket
    merge = queries.take_back(act.session, act.organization_id, before.id, survivor.ticket.id)
    former = {"status": merge.status, "stage": merge.stage, "closed_at": merge.closed_at, "merged_into_id": None}
    after = written(act, before, former)
    told(act, _events(EventType.TICKET_UNMERGED, before, after), after, case.locked.sequence)
    if after.status is not before.status:
        sla.follow_status(act, case, after)
        _answered_meanwhile(act, after, merge)
        out_of_work.come_back(act, after)
    lost = {"merged_ticket_id": Change(before=before.id, after=None)}
    told(act, [Told(type=EventType.TICKET_UNMERGED, changes=lost)], survivor.ticket, survivor.sequence)
    return after


def _answered_meanwhile(act: Act, after: Ticket, merge: Merge) -> None:
    """Let an answer count that was given through the ticket while it was merged: it is on the ticket now."""
    (locked,) = ticket_queries.read_all(act.session, [after.id])
    if locked.responded_at is not None and locked.responded_at > merge.merged_at and locked.unanswered_since is None:
        sla.follow_reply(act, sla.caught_up(act, locked))


def _events(kind: EventType, before: Ticket, after: Ticket) -> list[Told]:
    changes = {"merged_into_id": Change(before=before.merged_into_id, after=after.merged_into_id)}
    if before.status is after.status:
        return [Told(type=kind, changes=changes)]
    moved = {"status": Change(before=before.status, after=after.status)}
    return [Told(type=kind, changes=changes | moved), *status_events(before, after, {})]


def require_own_comments(ticket: Ticket) -> None:
    """Raise MergeRefused for a ticket that goes on as part of another one, where nothing is to be passed on."""
    if ticket.merged_into_id is not None:
        raise MergeRefused("This ticket goes on as part of another one: do it there.", reason="merged")


def survivor_of(session: Session, organization_id: UUID, ticket: Ticket) -> UUID:
    """Return the ticket that goes on in place of this one: itself, where it was not merged."""
    if ticket.merged_into_id is None:
        return ticket.id
    return queries.chain_of(session, organization_id, ticket.id)[-1]


class ChainMoved(Exception):
    """Somebody merged a ticket of the chain, or took that back, while this waited: begin anew."""


def locked_chain(session: Session, actor: Actor, ticket_id: UUID) -> tuple[LockedTicket, LockedTicket]:
    """Lock a ticket that *actor* sees with all that it was merged into; return it and the one that goes on.

    Raises NotFound, and ChainMoved.
    """
    ticket_queries.get(session, actor, ticket_id)
    chain = queries.chain_of(session, actor.organization_id, ticket_id)
    found = {one.ticket.id: one for one in ticket_queries.lock_all(session, chain)}
    own = found.get(ticket_id)
    if own is None or own.deleted_at is not None:
        raise NotFound
    place: LockedTicket | None = own
    while place is not None and place.ticket.merged_into_id is not None:
        place = found.pop(place.ticket.merged_into_id, None)
    if place is None:
        raise ChainMoved
    return own, place
