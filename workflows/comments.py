"""Comments on tickets: write and list. A comment changes no field, unless it reopens a ticket that was resolved."""

from dataclasses import replace
from enum import StrEnum
from typing import Any
from uuid import UUID

from psms.db.queries import comments as comment_queries
from psms.db.queries import tickets as queries
from psms.db.queries.tickets import LockedTicket
from psms.domain.access import Actor, Permission, require
from psms.domain.answers import Created, OnceKey
from psms.domain.events import EventType, excerpt
from psms.domain.lifecycle import Action
from psms.domain.pages import Page, PageRequest
from psms.domain.relation_errors import MergeRefused
from psms.domain.tickets import Comment, NewComment, Status, Ticket, Visibility
from psms.encoding import json_bytes
from psms.errors import ActionNotAllowed, DependencyUnavailable
from psms.runtime import Runtime
from workflows import mentions, merges, sla, trail
from workflows.act import Act, act_of
from workflows.names import Task
from workflows.once import Made, create_once
from workflows.sla_clocks import Case
from workflows.ticket_changes import moved_along
from workflows.ticket_events import Told, tell

# A chain has few merges, and each is made in milliseconds.
_TRIES = 5


class Side(StrEnum):
    """Who speaks to whom in a public comment."""

    DESK = "desk"
    CUSTOMER = "customer"


def add_comment(rt: Runtime, actor: Actor, ticket_id: UUID, command: NewComment, once: OnceKey | None) -> Created:
    """Write a comment; the comment, its log entry, its event and what tells those mentioned are committed together.

    On a ticket that was merged it reaches the one that goes on, whose events and clocks tell of it. What the customer's
    side writes in public on a resolved ticket reopens it, in the same transaction. Raises NotFound, and FieldError for
    somebody mentioned who is not there or may not read it.
    """
    require_commenting(actor, command)
    try:
        created = create_once(rt, actor, once, lambda act: _made(_written(act, actor, ticket_id, command)))
    except _MergedAway:
        # Its survivor must be locked as well, and in the order of their ids: so from the beginning.
        created = _reaching_the_survivor(rt, actor, ticket_id, command, once)
    rt.nudger.nudge(Task.RELAY_OUTBOX)
    return created


def require_commenting(actor: Actor, command: NewComment) -> None:
    """Raise NotAllowed unless *actor* may write such a comment on a ticket that they see."""
    require(actor, Permission.COMMENT_CREATE)
    if command.visibility is Visibility.INTERNAL:
        require(actor, Permission.COMMENT_INTERNAL_CREATE)
    if command.mentions:
        # Who may not look people up would learn here who they are.
        require(actor, Permission.USER_READ)


def write_within(act: Act, actor: Actor, ticket_id: UUID, command: NewComment) -> Comment:
    """Write a comment, as a step of a transaction that may do more; who commits nudges the relay.

    Raises MergeRefused for a ticket that goes on as part of another one: here nothing is passed on.
    """
    try:
        return _written(act, actor, ticket_id, command)
    except _MergedAway:
        message = "This ticket goes on as part of another one: do it there."
        raise MergeRefused(message, reason="merged") from None


def _made(comment: Comment) -> Made:
    return Made(json_bytes(comment), f"/v1/tickets/{comment.ticket_id}/comments/{comment.id}")


def _reaching_the_survivor(
    rt: Runtime, actor: Actor, ticket_id: UUID, command: NewComment, once: OnceKey | None
) -> Created:
    for _ in range(_TRIES):
        try:
            return create_once(rt, actor, once, lambda act: _made(_passed_on(act, actor, ticket_id, command)))
        except merges.ChainMoved:
            continue
    raise DependencyUnavailable("This ticket is being merged again and again: try again in a moment.")


class _MergedAway(Exception):
    """The ticket goes on as part of another one."""


def _written(act: Act, actor: Actor, ticket_id: UUID, command: NewComment) -> Comment:
    locked = queries.lock(act.session, actor, ticket_id)
    if locked.ticket.merged_into_id is not None:
        raise _MergedAway
    return _said(act, actor, locked, locked.ticket, command)


def _passed_on(act: Act, actor: Actor, ticket_id: UUID, command: NewComment) -> Comment:
    """Write a comment on a merged ticket, where it stays, and let it reach the one that goes on."""
    home, survivor = merges.locked_chain(act.session, actor, ticket_id)
    if home.ticket.id != survivor.ticket.id:
        # Should it be un-merged, it is to know whether it was answered.
        act = act_of(act.rt, act.session, actor)
        side = _side(actor, {home.ticket.requester_id}, command)
        queries.count_event(act.session, home.ticket.id, home.sequence, **_remembered(act, home, side))
    return _said(act, actor, survivor, home.ticket, command)


def _said(act: Act, actor: Actor, locked: LockedTicket, home: Ticket, command: NewComment) -> Comment:
    # Read again under the lock: a timer may have fired while this waited for it.
    act = act_of(act.rt, act.session, actor)
    case = sla.caught_up(act, locked)
    ticket, sequence = case.ticket, case.locked.sequence
    comment = Comment(
        id=act.new_id(),
        ticket_id=home.id,
        author_id=actor.user_id,
        body=command.body,
        visibility=command.visibility,
        mentions=sorted(set(command.mentions)),
        created_at=act.now,
        survivor_id=None if home.id == ticket.id else ticket.id,
    )
    side = _side(actor, {ticket.requester_id, home.requester_id}, command)
    comment_queries.insert(act.session, act.organization_id, comment)
    mentions.tell(act, comment)
    remembered = _remembered(act, case.locked, side)
    queries.count_event(act.session, ticket.id, sequence + 1, **remembered)
    told = Told(type=EventType.TICKET_COMMENTED, changes={}, comment=excerpt(comment))
    tell(act, ticket, [told], sequence)
    trail.note(act, told.type.value, ("ticket", ticket.id), trail.added(_shown(comment)))
    _follow(act, case, side, {"sequence": sequence + 1, **remembered})
    return comment


def _shown(comment: Comment) -> dict[str, Any]:
    shown: dict[str, Any] = {"comment_id": comment.id, "visibility": comment.visibility}
    return shown if comment.survivor_id is None else {**shown, "written_on": comment.ticket_id}


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


def _side(actor: Actor, requesters: set[UUID], command: NewComment) -> Side | None:
    if command.visibility is not Visibility.PUBLIC:
        return None
    is_desk = actor.works_on_tickets and actor.user_id not in requesters
    return Side.DESK if is_desk else Side.CUSTOMER


def _remembered(act: Act, locked: LockedTicket, side: Side | None) -> dict[str, Any]:
    if side is Side.DESK:
        return {"responded_at": locked.responded_at or act.now, "unanswered_since": None}
    if side is Side.CUSTOMER and locked.responded_at is not None:
        return {"unanswered_since": locked.unanswered_since or act.now}
    return {}


def get_comment(rt: Runtime, actor: Actor, ticket_id: UUID, comment_id: UUID) -> Comment:
    """Return a comment that the caller may read, or raise NotFound."""
    require(actor, Permission.COMMENT_READ)
    with rt.db.begin(actor.organization_id) as session:
        ticket = queries.get(session, actor, ticket_id)
        survivor_id = merges.survivor_of(session, actor.organization_id, ticket)
        return comment_queries.get(session, actor, ticket_id, comment_id, survivor_id)


def list_comments(rt: Runtime, actor: Actor, ticket_id: UUID, page: PageRequest) -> Page[Comment]:
    """Return one page of a ticket's comments that the caller may read, oldest first."""
    require(actor, Permission.COMMENT_READ)
    with rt.db.begin(actor.organization_id) as session:
        ticket = queries.get(session, actor, ticket_id)
        survivor_id = merges.survivor_of(session, actor.organization_id, ticket)
        return comment_queries.list_page(session, actor, ticket_id, page, survivor_id)
