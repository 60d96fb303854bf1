"""Resolving a problem together with the incidents that it causes. One ticket by itself: `tickets.transition`."""

from uuid import UUID

from psms.db.queries import links
from psms.db.queries import tickets as ticket_queries
from psms.db.queries.tickets import LockedTicket
from psms.domain.access import Actor, Permission, require
from psms.domain.lifecycle import Action
from psms.domain.problem_resolutions import (
    MOST_INCIDENTS,
    LeftIncident,
    LeftReason,
    ResolvedProblem,
    require_problem,
)
from psms.domain.relation_errors import ChildrenOpen, RelationRefused
from psms.domain.ticket_access import require_transition
from psms.domain.ticket_families import DONE
from psms.domain.ticket_links import as_linked
from psms.domain.tickets import Ticket, TicketType
from psms.errors import ActionNotAllowed, FieldError, NotFound
from psms.runtime import Runtime
from workflows import sla
from workflows.act import Act, act_of
from workflows.names import Task
from workflows.ticket_changes import moved_along, require_version


def resolve_with_incidents(rt: Runtime, actor: Actor, problem_id: UUID, if_version: int | None) -> ResolvedProblem:
    """Resolve a problem, and in the same transaction each of its incidents that the caller sees and that can be.

    Each has its own entry, events and clocks. Raises RelationRefused for what is no problem or has too many incidents,
    and all that the transition of the problem itself would raise.
    """
    require(actor, Permission.TICKET_LINK)
    require_transition(actor, TicketType.PROBLEM, Action.RESOLVE)
    with rt.db.begin(actor.organization_id) as session:
        require_problem(ticket_queries.get(session, actor, problem_id))
        incidents = links.caused_by(session, problem_id, MOST_INCIDENTS + 1)
        if len(incidents) > MOST_INCIDENTS:
            message = f"This problem has more than {MOST_INCIDENTS} incidents: resolve some of them first."
            raise RelationRefused(message, reason="too_many_incidents")
        found = ticket_queries.lock_visible(session, actor, [problem_id, *incidents])
        problem = found.pop(problem_id, None)
        if problem is None:
            raise NotFound
        require_version(problem, if_version)
        resolved = _resolved(act_of(rt, session, actor), problem, list(found.values()))
    rt.nudger.nudge(Task.RELAY_OUTBOX)
    return resolved


def _resolved(act: Act, problem: LockedTicket, incidents: list[LockedTicket]) -> ResolvedProblem:
    ticket = _moved(act, problem)
    done, left = [], []
    for incident in incidents:
        after = _resolved_or_left(act, incident)
        if isinstance(after, LeftReason):
            left.append(LeftIncident(ticket=as_linked(incident.ticket), reason=after))
        else:
            done.append(as_linked(after))
    return ResolvedProblem(ticket=ticket, resolved=done, left=left, version=ticket.version)


def _moved(act: Act, locked: LockedTicket) -> Ticket:
    return moved_along(act, sla.caught_up(act, locked), Action.RESOLVE)


def _resolved_or_left(act: Act, incident: LockedTicket) -> Ticket | LeftReason:
    if incident.ticket.status in DONE:
        return LeftReason.DONE
    try:
        return _moved(act, incident)
    except ChildrenOpen:
        return LeftReason.CHILDREN_OPEN
    except FieldError:
        return LeftReason.FORM_INCOMPLETE
    except ActionNotAllowed:
        return LeftReason.NOT_ALLOWED
