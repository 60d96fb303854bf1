"""Statements on comments. Whether a caller sees the ticket is asked before: see `tickets`."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import select
from sqlalchemy.orm import Session

from psms.db.models.tickets import CommentRow
from psms.domain.access import Actor
from psms.domain.pages import Page, PageRequest, page_of
from psms.domain.tickets import Comment, Visibility
from psms.errors import NotFound


def insert(session: Session, organization_id: UUID, comment: Comment) -> None:
    """Write a new comment."""
    session.execute(
        sa.insert(CommentRow).values(
            organization_id=organization_id,
            id=comment.id,
            ticket_id=comment.ticket_id,
            author_id=comment.author_id,
            body=comment.body,
            visibility=comment.visibility.value,
            created_at=comment.created_at,
        )
    )


def get(session: Session, actor: Actor, ticket_id: UUID, comment_id: UUID) -> Comment:
    """Return a comment of a ticket that *actor* may read, or raise NotFound."""
    row = session.scalars(
        select(CommentRow).where(CommentRow.ticket_id == ticket_id, CommentRow.id == comment_id)
    ).one_or_none()
    if row is None or (row.visibility == Visibility.INTERNAL and not actor.reads_internal_comments):
        raise NotFound
    return _comment_of(row)


def list_page(session: Session, actor: Actor, ticket_id: UUID, page: PageRequest) -> Page[Comment]:
    """Return one page of a ticket's comments that *actor* may read, oldest first."""
    row = CommentRow
    statement = select(row).where(row.ticket_id == ticket_id)
    if not actor.reads_internal_comments:
        statement = statement.where(row.visibility == Visibility.PUBLIC.value)
    if page.after is not None:
        statement = statement.where(row.id > page.after)
    found = session.scalars(statement.order_by(row.id).limit(page.limit + 1))
    return page_of([_comment_of(comment) for comment in found], page.limit)


def _comment_of(row: CommentRow) -> Comment:
    return Comment(
        id=row.id,
        ticket_id=row.ticket_id,
        author_id=row.author_id,
        body=row.body,
        visibility=Visibility(row.visibility),
        created_at=row.created_at,
    )
