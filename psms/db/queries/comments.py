"""Statements on comments. Whether a caller sees the ticket is asked before: see `tickets`.

A ticket shows what was said on it, and on those that were merged into it; each comment stays with the ticket on which
it was written, so that a merge that is taken back takes them along.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from psms.db.models.desk import MentionRow
from psms.db.models.tickets import CommentRow
from psms.db.queries.merges import MERGED_INTO
from psms.domain.access import Actor
from psms.domain.pages import Page, PageRequest, page_of
from psms.domain.tickets import Comment, Visibility
from psms.errors import NotFound

# The words of one customer are not for another one: requesters read on their own tickets only.
_THERE = "AND t.deleted_at IS NULL AND (CAST(:requester_id AS uuid) IS NULL OR t.requester_id = :requester_id)"
# Each ticket's next ones from its own index, however many there are before them.
_READ = text(f"""
    {MERGED_INTO.format(there=_THERE)}
    SELECT said.*, ARRAY(SELECT m.user_id FROM comment_mentions m WHERE m.organization_id = :organization_id
            AND m.comment_id = said.id ORDER BY m.user_id) AS mentions
    FROM merged CROSS JOIN LATERAL (
        SELECT * FROM comments c WHERE c.organization_id = :organization_id AND c.ticket_id = merged.id
            AND (CAST(:id AS uuid) IS NULL OR c.id = :id) AND (CAST(:after AS uuid) IS NULL OR c.id > :after)
            AND (:internal OR c.visibility = 'public') ORDER BY c.id LIMIT :limit) said
    ORDER BY said.id LIMIT :limit
""")  # noqa: S608  (constants)
_MOVE = text("""
    UPDATE comments SET ticket_id = :to_id
    WHERE organization_id = :organization_id AND ticket_id = :from_id AND id = ANY (:ids)
        AND (:internal OR visibility = 'public')
    RETURNING id
""")


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


def get(session: Session, actor: Actor, ticket_id: UUID, comment_id: UUID, survivor_id: UUID) -> Comment:
    """Return a comment of a ticket that *actor* may read, or raise NotFound. *survivor_id*: see `list_page`."""
    found = _read(session, actor, {"ticket_id": ticket_id, "id": comment_id, "after": None, "limit": 1})
    if not found:
        raise NotFound
    return _comment_of(found[0], survivor_id)


def list_page(session: Session, actor: Actor, ticket_id: UUID, page: PageRequest, survivor_id: UUID) -> Page[Comment]:
    """Return one page of a ticket's comments that *actor* may read, oldest first.

    *survivor_id* is the ticket that goes on in place of this one; itself, where it was not merged.
    """
    wanted = {"ticket_id": ticket_id, "id": None, "after": page.after, "limit": page.limit + 1}
    return page_of([_comment_of(row, survivor_id) for row in _read(session, actor, wanted)], page.limit)


def move(session: Session, actor: Actor, from_id: UUID, to_id: UUID, comment_ids: Sequence[UUID]) -> set[UUID]:
    """Let comments of a ticket be another one's, and return which ones; those that *actor* may not read stay."""
    values = {"organization_id": actor.organization_id, "from_id": from_id, "to_id": to_id, "ids": list(comment_ids)}
    return set(session.execute(_MOVE, {**values, "internal": actor.reads_internal_comments}).scalars())


def _read(session: Session, actor: Actor, wanted: dict[str, Any]) -> Sequence[Row[Any]]:
    caller = {
        "organization_id": actor.organization_id,
        "requester_id": actor.user_id if actor.is_requester else None,
        "internal": actor.reads_internal_comments,
    }
    return session.execute(_READ, caller | wanted).all()


def _comment_of(row: Row[Any], survivor_id: UUID) -> Comment:
    return Comment(
        id=row.id,
        ticket_id=row.ticket_id,
        author_id=row.author_id,
        body=row.body,
        visibility=Visibility(row.visibility),
        mentions=list(row.mentions),
        created_at=row.created_at,
        survivor_id=None if row.ticket_id == survivor_id else survivor_id,
    )
