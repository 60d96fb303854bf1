"""A policy tried on tickets of the past, beside what really became of them. It leaves an entry, and changes nothing.

The facts are read in sets in one transaction; the engine runs outside it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from psms.db.direct import direct
from psms.db.queries import sla_history as queries
from psms.domain.access import Actor, Permission, require
from psms.domain.sla.advance import HoursOf
from psms.domain.sla.definitions import PolicyDefinition
from psms.domain.sla.instants import instant_of
from psms.domain.sla.matching import Conditions
from psms.domain.sla.past import FiledTicket, PastEntry, past_ticket
from psms.domain.sla.simulation import (
    PastTicket,
    Proposal,
    Simulation,
    Tried,
    UsedFacts,
    Verdict,
    compared,
    levels_reached,
    reached_of,
    replay,
    used_calendars,
    verdict_of,
    verdicts_of,
)
from psms.domain.sla.terms import Metric
from psms.domain.sla.timeline import State
from psms.domain.sla_policies import Matched, SimulatePolicy
from psms.errors import FieldError
from psms.runtime import Runtime
from workflows import trail
from workflows.act import Act, act_of
from workflows.sla_books import current_book, hours_in
from workflows.sla_policies import proposed
from workflows.sla_reports import require_span

# What one request may ask for: it is computed in a few seconds.
MOST_TICKETS = 5000
MOST_DIFFERENCES = 200

_ACTION = "sla.simulated"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Past:
    """What was read: the tickets, their logs and clocks, and what to measure them by."""

    now: datetime
    filed: Sequence[FiledTicket]
    entries: Mapping[UUID, Sequence[PastEntry]]
    cycles: Mapping[UUID, Sequence[Row[Any]]]
    proposal: Proposal
    hours_of: HoursOf


def simulate(rt: Runtime, actor: Actor, command: SimulatePolicy, most: int = MOST_TICKETS) -> Simulation:
    """Return what a policy would have done.

    Raise FieldError for what it could not keep, for an agreement between teams, and where more than *most* tickets were
    filed in the span.
    """
    require(actor, Permission.SLA_MANAGE)
    require_span(command.since, command.until)
    with rt.db.begin(actor.organization_id) as session:
        past = _read(act_of(rt, session, actor), command, most)
    histories = [past_ticket(one, past.entries.get(one.id, ())) for one in past.filed]
    tried = [found for one in histories if one is not None and (found := _tried(one, past)) is not None]
    metrics, different = compared(tried)
    simulation = Simulation(
        at=past.now,
        since=command.since,
        until=command.until,
        filed=len(histories),
        tickets=len(tried),
        without_history=histories.count(None),
        metrics=metrics,
        levels=levels_reached(tried, past.proposal.terms),
        used=UsedFacts(
            calendars=used_calendars(past.proposal.terms), zone_data=rt.shelf.zones.version, roles_at=past.now
        ),
        different=len(different),
        differences=different[:MOST_DIFFERENCES],
    )
    _note(rt, actor, simulation)
    return simulation


def _read(act: Act, command: SimulatePolicy, most: int = MOST_TICKETS) -> _Past:
    session, organization_id = act.session, act.organization_id
    definition = proposed(act, command.policy)
    if definition.is_operational:
        raise FieldError("policy.targets", "try what customers are promised; the log does not tell stays with teams")
    filed = queries.filed_in(session, organization_id, command.since, command.until, most + 1)
    if len(filed) > most:
        raise FieldError("from", f"more than {most} tickets were filed in this span: ask for a shorter one")
    ids = [one.id for one in filed]
    proposal, hours_of = _proposal(act, command, definition)
    return _Past(
        now=act.now,
        filed=filed,
        entries=queries.entries_of(session, organization_id, ids, command.since),
        cycles=queries.cycles_of(session, organization_id, ids, act.now),
        proposal=proposal,
        hours_of=hours_of,
    )


def _proposal(act: Act, command: SimulatePolicy, definition: PolicyDefinition) -> tuple[Proposal, HoursOf]:
    way = direct(act.session)
    book = current_book(act.rt, way, act.organization_id)
    terms = book.terms_of(definition)
    conditions = definition.conditions if command.match is Matched.CONDITIONS else Conditions()
    keys = {one.calendar for one in terms.values()}
    hours_of = hours_in(act.rt, way, [book], keys, instant_of(act.now))
    return Proposal(conditions=conditions, terms=terms), hours_of


def _tried(ticket: PastTicket, past: _Past) -> Tried | None:
    cycles = replay(ticket, past.proposal, past.hours_of, instant_of(past.now))
    if cycles is None:
        return None
    return Tried(
        ticket_id=ticket.id,
        number=ticket.number,
        really=_really(past.cycles.get(ticket.id, ())),
        simulated=verdicts_of(cycles),
        reached=reached_of(cycles),
    )


def _really(rows: Sequence[Row[Any]]) -> dict[Metric, list[Verdict]]:
    found: dict[Metric, list[Verdict]] = {}
    for row in rows:
        verdict = verdict_of(State(row.state), breached=row.breached)
        found.setdefault(Metric(row.metric), []).append(verdict)
    return found


def _note(rt: Runtime, actor: Actor, simulation: Simulation) -> None:
    shown = {"from": simulation.since, "to": simulation.until}
    shown_counts = {"tickets": simulation.tickets, "different": simulation.different}
    with rt.db.begin(actor.organization_id) as session:
        trail.note(act_of(rt, session, actor), _ACTION, ("sla_simulation", None), trail.added(shown | shown_counts))
