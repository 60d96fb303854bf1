"""Assigning tickets whose rows are locked: who gets each, all of it written in sets, and every decision kept.

Whoever calls has locked the team's routing, its members and the tickets, in this order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from psms.db.queries import journal
from psms.db.queries import routing as queries
from psms.db.queries import routing_queue as queue
from psms.db.queries import tickets as ticket_queries
from psms.db.queries.routing import DecisionRecord, KeptRouting
from psms.db.queries.tickets import LockedTicket
from psms.domain.events import Change, EventType
from psms.domain.routing.config import WhenNobody
from psms.domain.routing.deciding import Choice, Member, decide, given
from psms.domain.routing.decisions import MOST_KEPT
from psms.domain.tickets import Stage, Status, Ticket
from psms.encoding import json_text
from workflows import pages, trail
from workflows.act import Act
from workflows.sla_cases import cases_of
from workflows.sla_clocks import Case
from workflows.sla_effects import take_effect
from workflows.ticket_events import Told, event_of

_OVER = {Status.RESOLVED, Status.CLOSED, Status.CANCELLED}


@dataclass(slots=True, kw_only=True)
class Round:
    """A team while tickets are handed out to it: whoever is given one has more to do for the next.

    *changes_at* is when somebody else is there, at the latest.
    """

    team_id: UUID
    kept: KeptRouting
    members: dict[UUID, Member]
    changes_at: datetime
    turns: dict[UUID, int] = field(default_factory=dict)
    turn: int = 0

    def choose(self, required: Mapping[str, int]) -> Choice:
        """Choose for one ticket, and count it."""
        choice = decide(self.kept.config, self.members.values(), required)
        if choice.user_id is not None:
            self.turn += 1
            self.turns[choice.user_id] = self.turn
            self.members[choice.user_id] = given(self.members[choice.user_id], self.turn)
        return choice

    @property
    def has_room(self) -> bool:
        """Tell whether somebody could be given another ticket that asks for no skill."""
        works = any(member.works for member in self.members.values())
        anyone = self.kept.config.when_nobody is WhenNobody.ANYONE and works
        return anyone or any(member.is_free for member in self.members.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A ticket as it was found, what it asks for, and what was decided; *id* is the decision's."""

    id: UUID
    case: Case
    required: Mapping[str, int]
    choice: Choice


def wants_assignee(ticket: Ticket, team_id: UUID) -> bool:
    """Tell whether a ticket is one that this team is to find somebody for."""
    is_free = ticket.team_id == team_id and ticket.assignee_id is None
    return is_free and ticket.status not in _OVER and ticket.stage is not Stage.AWAITING_APPROVAL


def hand_out(
    act: Act, team: Round, locked: Sequence[LockedTicket], refused: Mapping[UUID, str | None]
) -> Sequence[Decided]:
    """Decide for tickets in the order given, write what follows, and return it, also of those that nobody gets.

    *refused* is why there was nobody before; a decision that says the same again is not kept again.
    """
    cases = [case for case in _caught_up(act, locked) if wants_assignee(case.ticket, team.team_id)]
    if not cases:
        return []
    required = queries.required_by(act.session, sorted({case.ticket.service_id for case in cases}))
    decided = [_decided(act, team, case, required.get(case.ticket.service_id, {})) for case in cases]
    _assign(act, team, [one for one in decided if one.choice.user_id is not None])
    new = [one for one in decided if one.choice.user_id or refused.get(one.case.ticket.id) != one.choice.refusal]
    if new:
        _keep(act, team, new)
    return decided


def _caught_up(act: Act, locked: Sequence[LockedTicket]) -> list[Case]:
    """Return the tickets with whatever their clocks reached recorded, as for everything that happens to them."""
    cases = cases_of(act, locked)
    reached = {case.ticket.id for case in cases if case.reached}
    if not reached:
        return cases
    after = {case.ticket.id: case for case in take_effect(act, [case for case in cases if case.reached])}
    return [after.get(case.ticket.id, case) for case in cases]


def _decided(act: Act, team: Round, case: Case, required: Mapping[str, int]) -> Decided:
    return Decided(id=act.new_id(), case=case, required=required, choice=team.choose(required))


def _assign(act: Act, team: Round, decided: Sequence[Decided]) -> None:
    if not decided:
        return
    after = [_given(act, one) for one in decided]
    ticket_queries.write_escalated(act.session, act.organization_id, after, act.now)
    told = [_told(one.choice) for one in decided]
    journal.insert_logs(
        act.session,
        [
            trail.entry(act, one.type.value, ("ticket", now.ticket.id), one.changes)
            for one, now in zip(told, after, strict=True)
        ],
    )
    events = [event_of(act, now.ticket, one, now.sequence) for one, now in zip(told, after, strict=True)]
    journal.insert_events(act.session, events)
    # Whoever is called for a ticket learns that somebody has it.
    pages.acknowledge_all(act, [now.ticket for one, now in zip(decided, after, strict=True) if one.case.clocks])
    queries.keep_turns(act.session, act.organization_id, team.team_id, team.turns)


def _given(act: Act, one: Decided) -> LockedTicket:
    before = one.case.locked
    ticket = before.ticket
    after = replace(ticket, assignee_id=one.choice.user_id, version=ticket.version + 1, updated_at=act.now)
    return replace(before, ticket=after, sequence=before.sequence + 1)


def _told(choice: Choice) -> Told:
    changes = {"assignee_id": Change(before=None, after=choice.user_id)}
    return Told(type=EventType.TICKET_ASSIGNED, changes=changes)


def _keep(act: Act, team: Round, decided: Sequence[Decided]) -> None:
    shared = {
        "organization_id": act.organization_id,
        "team_id": team.team_id,
        "strategy": team.kept.config.strategy.value,
        "version": team.kept.version,
        "asked_by": None if act.actor is None else act.actor.user_id,
        "now": act.now,
    }
    queries.insert_decisions(act.session, shared, [_record(one) for one in decided])
    refusals = {one.case.ticket.id: one.choice.refusal for one in decided if one.choice.user_id is None}
    if refusals:
        queue.keep_refusals(act.session, act.organization_id, refusals)


def _record(one: Decided) -> DecisionRecord:
    return DecisionRecord(
        id=one.id,
        ticket_id=one.case.ticket.id,
        user_id=one.choice.user_id,
        considered=len(one.choice.candidates),
        candidates=json_text(one.choice.candidates[:MOST_KEPT]),
        required=json_text(dict(one.required)),
    )
