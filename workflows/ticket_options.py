"""What can be done to a ticket, read for its caller by the facts that judge a transition. Doing it is in `tickets`."""

from uuid import UUID

from psms.db.queries import tickets as queries
from psms.domain.access import Actor, Permission, require
from psms.domain.lifecycle_checks import options_of
from psms.domain.lifecycle_views import Lifecycles, TicketOptions, all_lifecycles, ticket_options
from psms.runtime import Runtime
from workflows.ticket_facts import facts_for, with_children


def transitions_of(rt: Runtime, actor: Actor, ticket_id: UUID) -> TicketOptions:
    """Return what the caller can do to a ticket now, and what is in the way of the rest."""
    require(actor, Permission.TICKET_TRANSITION)
    with rt.db.begin(actor.organization_id) as session:
        locked = queries.read(session, actor, ticket_id)
        facts = facts_for(rt, session, actor, locked)
        options = options_of(with_children(session, actor, facts, locked.ticket))
    return ticket_options(locked.ticket, options)


def lifecycles(actor: Actor) -> Lifecycles:
    """Return all tables, as they are enforced."""
    require(actor, Permission.TICKET_READ)
    return all_lifecycles()
