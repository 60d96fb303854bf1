"""Decisions about a ticket: those that were made, with the sentence that says why, and one that is asked for now."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from psms.db.models.routing import RoutingDecisionRow
from psms.db.queries import people
from psms.db.queries import routing as queries
from psms.db.queries import routing_queue as queue
from psms.db.queries import tickets as ticket_queries
from psms.db.queries.routing import KeptRouting
from psms.domain.access import Actor, Permission, require
from psms.domain.pages import Page, PageRequest
from psms.domain.routing.config import Strategy
from psms.domain.routing.deciding import Candidate, Obstacle
from psms.domain.routing.decisions import MOST_KEPT, RoutingDecision, why_of
from psms.domain.routing_errors import NotRoutable
from psms.domain.tickets import Ticket
from psms.errors import AlreadyTaken
from psms.runtime import Runtime
from workflows import trail
from workflows.act import Act, act_of
from workflows.names import Task
from workflows.routing_drain import round_of
from workflows.routing_effects import Decided, hand_out, wants_assignee
from workflows.routing_rosters import roster_of


def list_decisions(rt: Runtime, actor: Actor, ticket_id: UUID, page: PageRequest) -> Page[RoutingDecision]:
    """Return one page of the decisions about a ticket, newest first; raise NotFound where the caller sees no ticket."""
    require(actor, Permission.TICKET_READ)
    require(actor, Permission.TEAM_READ)
    with rt.db.begin(actor.organization_id) as session:
        ticket_queries.get(session, actor, ticket_id)
        found = queries.decisions_of(session, ticket_id, page)
        names = people.names_of(session, {row.user_id for row in found.items if row.user_id is not None})
        return Page(items=[_view(row, names) for row in found.items], next_after=found.next_after)


def route_now(rt: Runtime, actor: Actor, ticket_id: UUID) -> RoutingDecision:
    """Assign a ticket automatically at once, also one whose assignee somebody took away, and return the decision.

    Where there is nobody, the ticket waits. Raises AlreadyTaken, which says whose it is, and NotRoutable where the
    ticket has no team, or one that assigns by hand, or needs nobody any more.
    """
    require(actor, Permission.TICKET_ASSIGN)
    with rt.db.begin(actor.organization_id) as session:
        team_id = ticket_queries.get(session, actor, ticket_id).team_id
        if team_id is None:
            raise NotRoutable("This ticket is with no team: give it to one, by whose rules it can be assigned.")
        kept = _automatic(session, team_id)
        queries.lock_members(session, actor.organization_id, team_id)
        locked = ticket_queries.lock(session, actor, ticket_id)
        _require_wanting(session, locked.ticket, team_id)
        act = act_of(rt, session, actor)
        queue.wait_again(session, actor.organization_id, ticket_id)
        team = round_of(team_id, kept, roster_of(act, team_id, kept.config))
        decided = hand_out(act, team, [locked], {})
        if not decided:
            raise NotRoutable("This ticket has just been given to somebody by an escalation: read it again.")
        if decided[0].choice.user_id is None:
            # It is looked at again with the others that wait.
            trail.note(act, "ticket.not_assigned", ("ticket", ticket_id))
            queue.wake(session, actor.organization_id, team_id, team.changes_at)
        decision = _decided_now(act, team_id, kept, decided[0])
    rt.nudger.nudge(Task.RELAY_OUTBOX)
    return decision


def _automatic(session: Session, team_id: UUID) -> KeptRouting:
    kept = queries.lock(session, team_id)
    if not kept.config.is_automatic:
        raise NotRoutable("This ticket's team assigns by hand: choose a strategy for the team, or assign it yourself.")
    return kept


def _require_wanting(session: Session, ticket: Ticket, team_id: UUID) -> None:
    holder = ticket.assignee_id
    if holder is not None:
        name = people.name_of(session, holder)
        raise AlreadyTaken(f"{name} works on this ticket already.", assignee_id=holder, assignee_name=name)
    if ticket.team_id != team_id:
        raise NotRoutable("This ticket has just gone to another team: ask again.")
    if not wants_assignee(ticket, team_id):
        raise NotRoutable("This ticket needs nobody now: it is over, or waits for approval.")


def _decided_now(act: Act, team_id: UUID, kept: KeptRouting, one: Decided) -> RoutingDecision:
    user_id = one.choice.user_id
    name = "" if user_id is None else people.name_of(act.session, user_id)
    return RoutingDecision(
        id=one.id,
        ticket_id=one.case.ticket.id,
        team_id=team_id,
        decided_at=act.now,
        strategy=kept.config.strategy,
        config_version=kept.version,
        user_id=user_id,
        asked_by=act.user_id,
        required=one.required,
        considered=len(one.choice.candidates),
        candidates=one.choice.candidates[:MOST_KEPT],
        why=why_of(kept.config.strategy, user_id, one.choice.candidates, name),
    )


def _view(row: RoutingDecisionRow, names: Mapping[UUID, str]) -> RoutingDecision:
    candidates = [_candidate(one) for one in row.candidates]
    strategy = Strategy(row.strategy)
    name = "" if row.user_id is None else names.get(row.user_id, "Somebody")
    return RoutingDecision(
        id=row.id,
        ticket_id=row.ticket_id,
        team_id=row.team_id,
        decided_at=row.decided_at,
        strategy=strategy,
        config_version=row.config_version,
        user_id=row.user_id,
        asked_by=row.asked_by,
        required=row.required,
        considered=row.considered,
        candidates=candidates,
        why=why_of(strategy, row.user_id, candidates, name),
    )


def _candidate(document: dict[str, Any]) -> Candidate:
    obstacles = [Obstacle(one) for one in document["obstacles"]]
    return Candidate(**{**document, "user_id": UUID(document["user_id"]), "obstacles": obstacles})
