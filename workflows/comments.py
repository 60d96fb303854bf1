"""Comments on tickets: write and list. A comment changes no field, unless it reopens a ticket that was resolved."""

from dataclasses import replace
from enum import StrEnum
from typing import Any
from uuid import UUID

from psms.db.queries import comments as comment_queries
from psms.db.queries import tickets as queries
from psms.domain.access import Actor, Permission, require
from psms.domain.answers import Created, OnceKey
from psms.domain.events import EventType, excerpt
from psms.domain.lifecycle import Action
from psms.domain.pages import Page, PageRequest
from psms.domain.tickets import Comment, NewComment, Status, Ticket, Visibility
from psms.encoding import json_bytes
from psms.errors import ActionNotAllowed
from psms.runtime import Runtime
from workflows import sla, trail
from workflows.act import Act, act_of
from workflows.names import Task
from workflows.once import Made, create_once
from workflows.sla_clocks import Case
from workflows.ticket_changes import moved_along
from workflows.ticket_events import Told, tell


class Side(StrEnum):
    """Who speaks to whom in a public comment."""

    DESK = "desk"
    CUSTOMER = "customer"


def add_comment(rt: Runtime, actor: Actor, ticket_id: UUID, command: NewComment, once: OnceKey | None) -> Created:
    """Write a comment; the comment, its log entry and its event are committed together.

    What the customer's side writes in public on a resolved ticket reopens it, in the same transaction.
    """
    require(actor, Permission.COMMENT_CREATE)
    if command.visibility is Visibility.INTERNAL:
        require(actor, Permission.COMMENT_INTERNAL_CREATE)
    created = create_once(rt, actor, once, lambda act: _written(act, actor, ticket_id, command))
    rt.nudger.nudge(Task.RELAY_OUTBOX)
    return created


def _written(act: Act, actor: Actor, ticket_id: UUID, command: NewComment) -> Made:
    locked = queries.lock(act.session, actor, ticket_id)
    # Read again under the lock: a timer may have fired while this waited for it.
    act = act_of(act.rt, act.session, actor)
    case = sla.caught_up(act, locked)
    ticket, sequence = case.ticket, case.locked.sequence
    comment = Comment(
        id=act.new_id(),
        ticket_id=ticket.id,
        author_id=actor.user_id,
        body=command.body,
        visibility=command.visibility,
        created_at=act.now,
    )
    side = _side(actor, ticket, command)
    comment_queries.insert(act.session, act.organization_id, comment)
    remembered = _remembered(act, case, side)
    queries.count_event(act.session, ticket.id, sequence + 1, **remembered)
    told = Told(type=EventType.TICKET_COMMENTED, changes={}, comment=excerpt(comment))
    tell(act, ticket, [told], sequence)
    shown = {"comment_id": comment.id, "visibility": comment.visibility}
    trail.note(act, told.type.value, ("ticket", ticket.id), trail.added(shown))
    _follow(act, case, side, {"sequence": sequence + 1, **remembered})
    return Made(json_bytes(comment), f"/v1/tickets/{ticket.id}/comments/{comment.id}")


def _follow(act: Act, case: Case, side: Side | None, remembered: dict[str, Any]) -> None:
    """Let the ticket follow what was just said on it: a customer is not done with what is resolved.

    What is closed stays closed. *remembered* is what the ticket's row knows since then.
    """
    if side is Side.DESK:
        sla.follow_reply(act, case)
    elif side is Side.CUSTOMER and not _reopened(act, case, remembered):
        sla.follow_customer(act, case)


def _reopened(act: Act, case: Case, remembered: dict[str, Any]) -> bool:
    """Reopen a ticket that is resolved, unless something keeps it from that: what was said is said all the same."""
    if case.ticket.status is not Status.RESOLVED:
        return False
    try:
        moved_along(act, replace(case, locked=replace(case.locked, **remembered)), Action.REOPEN)
    except ActionNotAllowed:
        return False
    return True


def _side(actor: Actor, ticket: Ticket, command: NewComment) -> Side | None:
    if command.visibility is not Visibility.PUBLIC:
        return None
    is_desk = actor.works_on_tickets and actor.user_id != ticket.requester_id
    return Side.DESK if is_desk else Side.CUSTOMER


def _remembered(act: Act, case: Case, side: Side | None) -> dict[str, Any]:
    locked = case.locked
    if side is Side.DESK:
        return {"responded_at": locked.responded_at or act.now, "unanswered_since": None}
    if side is Side.CUSTOMER and locked.responded_at is not None:
        return {"unanswered_since": locked.unanswered_since or act.now}
    return {}


def get_comment(rt: Runtime, actor: Actor, ticket_id: UUID, comment_id: UUID) -> Comment:
    """Return a comment that the caller may read, or raise NotFound."""
    require(actor, Permission.COMMENT_READ)
    with rt.db.begin(actor.organization_id) as session:
        queries.get(session, actor, ticket_id)
        return comment_queries.get(session, actor, ticket_id, comment_id)


def list_comments(rt: Runtime, actor: Actor, ticket_id: UUID, page: PageRequest) -> Page[Comment]:
    """Return one page of a ticket's comments that the caller may read, oldest first."""
    require(actor, Permission.COMMENT_READ)
    with rt.db.begin(actor.organization_id) as session:
        queries.get(session, actor, ticket_id)
        return comment_queries.list_page(session, actor, ticket_id, page)
