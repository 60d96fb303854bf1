"""Mentions: who is named in a comment is told of it by mail, once, provided that they may read it."""

from uuid import UUID

from psms.db.queries import mentions as queries
from psms.db.queries import tickets as ticket_queries
from psms.db.queries.mentions import Mentioned
from psms.domain.access import Actor, Permission, Role, Scope
from psms.domain.tickets import Comment, Visibility
from psms.errors import FieldError, NotFound
from workflows.act import Act

MENTIONED = "ticket.mentioned"
"""The kind of the notification that tells them."""

_EVERY_SCOPE = frozenset(scope.value for scope in Scope)


def tell(act: Act, comment: Comment) -> None:
    """Have those told who are mentioned in a comment, but for its author. A step of the act that writes it.

    Raises FieldError, naming them, for people who are not there, and those who may not read the comment.
    """
    if not comment.mentions:
        return
    found = queries.people(act.session, comment.mentions)
    missing = [str(user_id) for user_id in comment.mentions if user_id not in {one.id for one in found}]
    if missing:
        raise FieldError("mentions", f"there is nobody active here with the id {', '.join(missing)}")
    blind = [one.name for one in found if not _reads(act, one, comment)]
    if blind:
        raise FieldError("mentions", f"may not read this comment: {', '.join(blind)}")
    told = [(act.new_id(), one.id) for one in found if one.id != comment.author_id]
    queries.notify(act.session, act.organization_id, comment, told, kind=MENTIONED)


def _reads(act: Act, one: Mentioned, comment: Comment) -> bool:
    reader = _as_actor(act.organization_id, one)
    needed = {Permission.COMMENT_READ}
    if comment.visibility is Visibility.INTERNAL:
        needed.add(Permission.COMMENT_INTERNAL_READ)
    if not all(reader.may(permission) for permission in needed):
        return False
    try:
        ticket_queries.get(act.session, reader, comment.ticket_id)
    except NotFound:
        return False
    return True


def _as_actor(organization_id: UUID, one: Mentioned) -> Actor:
    # As whom they would come: a person has all that their role includes.
    kept = None if one.kept is None else frozenset(one.kept)
    return Actor(
        organization_id=organization_id,
        user_id=one.id,
        client_id=one.id,
        role=Role(one.role),
        scopes=_EVERY_SCOPE,
        kept=kept,
    )
