"""Statements on comments. Whether a caller sees the ticket is asked before: see `tickets`."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import select
from sqlalchemy.orm import Session

from psms.db.models.desk import MentionRow
from psms.db.models.tickets import CommentRow
from psms.domain.access import Actor
from psms.domain.pages import Page, PageRequest, page_of
from psms.domain.tickets import Comment, Visibility
from psms.errors import NotFound

# One query for a page, whoever is mentioned.
_MENTIONED = (
    select(MentionRow.user_id)
    .where(MentionRow.organization_id == CommentRow.organization_id, MentionRow.comment_id == CommentRow.id)
    .order_by(MentionRow.user_id)
)
_WITH_MENTIONS = select(CommentRow, sa.func.array(_MENTIONED.scalar_subquery()).label("mentions"))


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
    if comment.mentions:
        rows = [
            {"organization_id": organization_id, "comment_id": comment.id, "user_id": user_id}
            for user_id in comment.mentions
        ]
        session.execute(sa.insert(MentionRow), rows)


def get(session: Session, actor: Actor, ticket_id: UUID, comment_id: UUID) -> Comment:
    """Return a comment of a ticket that *actor* may read, or raise NotFound."""
    found = session.execute(_WITH_MENTIONS.where(CommentRow.ticket_id == ticket_id, CommentRow.id == comment_id))
    comment = next((_comment_of(row, mentions) for row, mentions in found), None)
    if comment is None or (comment.visibility is Visibility.INTERNAL and not actor.reads_internal_comments):
        raise NotFound
    return comment


def list_page(session: Session, actor: Actor, ticket_id: UUID, page: PageRequest) -> Page[Comment]:
    """Return one page of a ticket's comments that *actor* may read, oldest first."""
    row = CommentRow
    statement = _WITH_MENTIONS.where(row.ticket_id == ticket_id)
    if not actor.reads_internal_comments:
        statement = statement.where(row.visibility == Visibility.PUBLIC.value)
    if page.after is not None:
        statement = statement.where(row.id > page.after)
    found = session.execute(statement.order_by(row.id).limit(page.limit + 1))
    return page_of([_comment_of(comment, mentions) for comment, mentions in found], page.limit)


def _comment_of(row: CommentRow, mentions: list[UUID]) -> Comment:
    return Comment(
        id=row.id,
        ticket_id=row.ticket_id,
        author_id=row.author_id,
        body=row.body,
        visibility=Visibility(row.visibility),
        mentions=mentions,
        created_at=row.created_at,
    )
