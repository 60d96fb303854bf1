"""Comments on tickets: write and list. A comment changes no field, so the ticket's version stays."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from psms.db.queries import tickets as queries
from psms.domain.access import Actor, Permission, require
from psms.domain.answers import Created, OnceKey
from psms.domain.events import EventType, excerpt
from psms.domain.pages import Page, PageRequest
from psms.domain.tickets import Comment, NewComment, Visibility
from psms.encoding import json_bytes
from psms.runtime import Runtime
from workflows import trail
from workflows.names import Task
from workflows.once import Made, create_once
from workflows.ticket_events import Told, tell


def add_comment(
    rt: Runtime, actor: Actor, ticket_id: UUID, command: NewComment, once: OnceKey | None
) -> Created:
    """Write a comment; the comment, its log entry and its event are committed together."""
    require(actor, Permission.COMMENT_CREATE)
    if command.visibility is Visibility.INTERNAL:
        require(actor, Permission.COMMENT_INTERNAL)
    created = create_once(
        rt, actor, once, lambda session, now: _written(rt, session, actor, ticket_id, command=command, now=now)
    )
    rt.nudger.nudge(Task.RELAY_OUTBOX)
    return created


def _written(
    rt: Runtime, session: Session, actor: Actor, ticket_id: UUID, *, command: NewComment, now: datetime
) -> Made:
    ticket, sequence = queries.lock(session, actor, ticket_id)
    comment = Comment(
        id=rt.chance.new_id(now),
        ticket_id=ticket.id,
        author_id=actor.user_id,
        body=command.body,
        visibility=command.visibility,
        created_at=now,
    )
    queries.insert_comment(session, actor.organization_id, comment)
    queries.count_event(session, ticket.id, sequence + 1)
    told = Told(type=EventType.TICKET_COMMENTED, changes={}, comment=excerpt(comment))
    tell(rt, session, actor, ticket, [told], now=now, last_sequence=sequence)
    changes = trail.added({"comment_id": comment.id, "visibility": comment.visibility})
    trail.note(
        rt,
        session,
        actor,
        now=now,
        action=EventType.TICKET_COMMENTED.value,
        target=("ticket", ticket.id),
        changes=changes,
    )
    return Made(json_bytes(comment), f"/v1/tickets/{ticket.id}/comments/{comment.id}")


def list_comments(rt: Runtime, actor: Actor, ticket_id: UUID, page: PageRequest) -> Page[Comment]:
    """Return one page of a ticket's comments that the caller may read, oldest first."""
    require(actor, Permission.COMMENT_READ)
    with rt.db.begin(actor.organization_id) as session:
        queries.get(session, actor, ticket_id)
        return queries.list_comments(session, actor, ticket_id, page)
