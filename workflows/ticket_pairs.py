"""Two tickets that are to be related: found, and locked in the order of their ids, whichever was named first."""

from typing import NamedTuple
from uuid import UUID

from sqlalchemy.orm import Session

from psms.db.queries import tickets as queries
from psms.db.queries.tickets import LockedTicket
from psms.domain.access import Actor
from psms.errors import FieldError, NotFound
from workflows.ticket_changes import require_version


class Pair(NamedTuple):
    """A ticket and the other one, both locked until the commit."""

    own: LockedTicket
    other: LockedTicket


def locked_pair(session: Session, actor: Actor, own_id: UUID, other: tuple[str, UUID], if_version: int | None) -> Pair:
    """Lock a ticket and the *other* one, which a field names; both must be there for *actor*.

    Raises NotFound where the first is not, FieldError where the other is not or is the same, and VersionStale.
    """
    field, other_id = other
    found = queries.lock_visible(session, actor, [own_id, other_id])
    if own_id not in found:
        raise NotFound
    if own_id == other_id:
        raise FieldError(field, "this is the ticket itself")
    if other_id not in found:
        raise FieldError(field, "there is no such ticket, or you may not see it")
    require_version(found[own_id], if_version)
    return Pair(own=found[own_id], other=found[other_id])
