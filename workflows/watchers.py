"""Who follows a ticket without working on it: list, add, remove. To follow a ticket gives no right to see it."""

from uuid import UUID

from sqlalchemy.orm import Session

from psms.db.models.accounts import UserRow
from psms.db.queries import records
from psms.db.queries import tickets as ticket_queries
from psms.db.queries import watchers as queries
from psms.db.queries.tickets import LockedTicket
from psms.domain.access import Actor, Permission, Reach, require
from psms.domain.events import Change, EventType
from psms.domain.pages import Page, PageRequest
from psms.domain.ticket_access import require_watching
from psms.domain.tickets import Watcher
from psms.errors import FieldError
from psms.runtime import Runtime
from workflows import trail
from workflows.act import Act, act_of
from workflows.names import Task
from workflows.ticket_events import Told, tell


def list_watchers(rt: Runtime, actor: Actor, ticket_id: UUID, page: PageRequest) -> Page[Watcher]:
    """Return one page of who follows a ticket that the caller sees; of a requester only themselves."""
    require(actor, Permission.TICKET_READ)
    only = actor.user_id if actor.reach(Permission.TICKET_READ) is Reach.OWN else None
    with rt.db.begin(actor.organization_id) as session:
        ticket_queries.get(session, actor, ticket_id)
        return queries.page_of_watchers(session, ticket_id, page, only)


def add_watcher(rt: Runtime, actor: Actor, ticket_id: UUID, user_id: UUID) -> Watcher:
    """Let a user follow a ticket. Who follows it already goes on, and nothing is written.

    Raises NotFound for a ticket that the caller does not see and a user that there is not, NotAllowed where a requester
    names somebody else, and FieldError for a user who is not active.
    """
    require(actor, Permission.TICKET_WATCH)
    with rt.db.begin(actor.organization_id) as session:
        locked, user = _looked_up(session, actor, ticket_id, user_id)
        if not user.active:
            raise FieldError("user_id", "this user is not active")
        act = act_of(rt, session, actor)
        added = queries.add(session, actor.organization_id, ticket_id, user_id=user_id, now=act.now)
        if added:
            tell_of_watcher(act, locked, EventType.TICKET_WATCHER_ADDED, Change(before=None, after=user_id))
        else:
            queries.keep(session, ticket_id, user_id)
        watcher = queries.find(session, ticket_id, user_id) or Watcher(user_id=user_id, added_at=act.now)
    rt.nudger.nudge(Task.RELAY_OUTBOX)
    return watcher


def remove_watcher(rt: Runtime, actor: Actor, ticket_id: UUID, user_id: UUID) -> None:
    """Let a user follow a ticket no more; nothing is written where they did not. Raises as `add_watcher` does."""
    require(actor, Permission.TICKET_WATCH)
    with rt.db.begin(actor.organization_id) as session:
        locked, _ = _looked_up(session, actor, ticket_id, user_id)
        if queries.remove(session, ticket_id, user_id):
            change = Change(before=user_id, after=None)
            tell_of_watcher(act_of(rt, session, actor), locked, EventType.TICKET_WATCHER_REMOVED, change)
    rt.nudger.nudge(Task.RELAY_OUTBOX)


def _looked_up(session: Session, actor: Actor, ticket_id: UUID, user_id: UUID) -> tuple[LockedTicket, UserRow]:
    locked, user = ticket_queries.lock(session, actor, ticket_id), records.get(session, UserRow, user_id)
    require_watching(actor, user_id)
    return locked, user


def tell_of_watcher(act: Act, locked: LockedTicket, kind: EventType, change: Change) -> None:
    """Tell, in the transaction that does it, that somebody follows a locked ticket, or does so no more."""
    ticket, changes = locked.ticket, {"watcher_id": change}
    ticket_queries.count_event(act.session, ticket.id, locked.sequence + 1)
    tell(act, ticket, [Told(type=kind, changes=changes)], locked.sequence)
    trail.note(act, kind.value, ("ticket", ticket.id), changes)
