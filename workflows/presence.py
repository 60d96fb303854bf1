"""Presence: who looks at a ticket and who is writing. Nothing else depends on it."""

from uuid import UUID

from psms.db.queries import tickets as queries
from psms.domain.access import Actor, Permission, require
from psms.domain.presence import Activity, Presence, presence_of
from psms.runtime import Runtime


def show_oneself(rt: Runtime, actor: Actor, ticket_id: UUID, activity: Activity) -> Presence:
    """Let colleagues know, for half a minute, what the caller does with a ticket that they see; return who is there."""
    _require_sight(rt, actor, ticket_id)
    return presence_of(rt.presence.hear(actor.organization_id, ticket_id, actor.user_id, activity))


def who_is_there(rt: Runtime, actor: Actor, ticket_id: UUID) -> Presence:
    """Return who looks at a ticket that the caller sees."""
    _require_sight(rt, actor, ticket_id)
    return presence_of(rt.presence.there(actor.organization_id, ticket_id))


def _require_sight(rt: Runtime, actor: Actor, ticket_id: UUID) -> None:
    # Who is there is the desk's own business, as what is said internally.
    require(actor, Permission.COMMENT_INTERNAL_READ)
    rt.db.ask_directly(lambda direct: queries.look_up(direct, actor, ticket_id))
