"""A policy tried on tickets of the past: what became of its promises, and what really became of those in force.

What a ticket went through comes from its log (`psms.db.queries.sla_history`). Nothing is measured here that the
engine does not measure for real: `metrics.follow` is asked for both.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from psms.domain.sla.advance import HoursOf
from psms.domain.sla.calendar_keys import parse_key
from psms.domain.sla.clock import Clock
from psms.domain.sla.facts import CustomerWrote, Fact, Filed, PromiseChanged, Replied, Seen, StatusChanged
from psms.domain.sla.matching import Conditions, Subject, holds
from psms.domain.sla.metrics import TicketClocks, follow
from psms.domain.sla.terms import PROMISED, Metric, Terms
from psms.domain.sla.timeline import State

Cycles = Mapping[tuple[Metric, int], Clock]


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldsChanged:
    """From *at* on policies find this when they ask for the ticket."""

    at: int
    subject: Subject


PastFact = Filed | Replied | CustomerWrote | StatusChanged | FieldsChanged


@dataclass(frozen=True, slots=True, kw_only=True)
class PastTicket:
    """A ticket as it was filed, and all that its clocks care about since, oldest first."""

    id: UUID
    number: int
    subject: Subject
    facts: Sequence[PastFact]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A policy that need not exist: for which tickets it is, and what it promises."""

    conditions: Conditions
    terms: Mapping[Metric, Terms]


class Verdict(StrEnum):
    """What became of a promise; of several cycles of a ticket the first of these counts."""

    MISSED = "missed"
    RUNNING = "running"
    MET = "met"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A ticket that the policy was tried on, with each cycle's verdict: really, and under the proposal.

    *reached* are the levels that each cycle would have reached under the proposal.
    """

    ticket_id: UUID
    number: int
    really: Mapping[Metric, Sequence[Verdict]]
    simulated: Mapping[Metric, Sequence[Verdict]]
    reached: Mapping[Metric, Sequence[frozenset[str]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """How many cycles of clocks came to which end."""

    met: int = 0
    missed: int = 0
    running: int = 0
    cancelled: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What became of one metric really, and what would have become of it."""

    really: Outcomes
    simulated: Outcomes


@dataclass(frozen=True, slots=True, kw_only=True)
class Different:
    """A ticket of whose metric something else would have become; None where nothing was promised."""

    ticket_id: UUID
    number: int
    metric: Metric
    really: Verdict | None
    simulated: Verdict | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelReached:
    """A level of the proposal: so many cycles of so many tickets would have reached it."""

    metric: Metric
    level: str
    clocks: int
    tickets: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedCalendar:
    """A version of a calendar that a simulation measured by."""

    calendar_id: UUID
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedFacts:
    """What a simulation took as it is today, whatever it was then.

    *calendars* by their current versions, with the release of the time-zone data; and who answers requesters by the
    roles that authors have at the instant *roles_at*.
    """

    calendars: Sequence[UsedCalendar]
    zone_data: str
    roles_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """What a policy would have done to *tickets* of those *filed* in the span.

    *without_history* are those whose log is not kept any more, which nothing can be said of. *different* is the
    count of all differences, *differences* the first of them, by ticket number. *levels* are all of the proposal, by
    metric in the order in which they are reached.
    """

    at: datetime
    since: datetime
    until: datetime
    filed: int
    tickets: int
    without_history: int
    metrics: Mapping[str, Comparison]
    levels: Sequence[LevelReached]
    used: UsedFacts
    different: int
    differences: Sequence[Different]


def replay(ticket: PastTicket, proposal: Proposal, hours_of: HoursOf, now: int) -> Cycles | None:
    """Return every cycle that a ticket would have had until *now*, None where the policy was never for it.

    As in force: it is for the ticket from the first instant on at which its conditions hold, and stays.
    """
    clocks, is_for = TicketClocks(promise={}), False
    cycles: dict[tuple[Metric, int], Clock] = {}
    for past in (*ticket.facts, Seen(at=now)):
        subject = past.subject if isinstance(past, FieldsChanged) else ticket.subject
        asked = isinstance(past, Filed | FieldsChanged) and not is_for
        begins = asked and holds(proposal.conditions, subject)
        is_for = is_for or begins
        for fact in _facts_of(past, proposal, begins=begins):
            if isinstance(fact, Filed) and begins:
                clocks = replace(clocks, promise=proposal.terms)
            followed = follow(clocks, fact, hours_of)
            clocks = followed.ticket
            for metric, step in followed.steps:
                cycles |= {(metric, one.cycle): one for one in (step.ended, step.clock) if one is not None}
    return cycles if is_for else None


def _facts_of(past: PastFact | Seen, proposal: Proposal, *, begins: bool) -> tuple[Fact, ...]:
    if isinstance(past, FieldsChanged):
        return (PromiseChanged(at=past.at, promise=proposal.terms),) if begins else ()
    return (past,)


def verdict_of(state: State, *, breached: bool) -> Verdict:
    """Return what became of a cycle: a breach is final, and what another cycle took the place of has no verdict."""
    if state is State.SUPERSEDED:
        return Verdict.CANCELLED
    if breached:
        return Verdict.MISSED
    return {State.MET: Verdict.MET, State.CANCELLED: Verdict.CANCELLED}.get(state, Verdict.RUNNING)


def verdicts_of(cycles: Cycles) -> dict[Metric, list[Verdict]]:
    """Return the verdicts of a ticket's cycles, by metric."""
    found: dict[Metric, list[Verdict]] = {}
    for (metric, _), clock in sorted(cycles.items()):
        verdict = verdict_of(clock.state, breached=clock.breached_at is not None)
        found.setdefault(metric, []).append(verdict)
    return found


def reached_of(cycles: Cycles) -> dict[Metric, list[frozenset[str]]]:
    """Return the levels that each cycle of a ticket reached, by metric."""
    found: dict[Metric, list[frozenset[str]]] = {}
    for (metric, _), clock in sorted(cycles.items()):
        found.setdefault(metric, []).append(clock.fired)
    return found


def levels_reached(tried: Sequence[Tried], terms: Mapping[Metric, Terms]) -> list[LevelReached]:
    """Return, for each level that *terms* have, how many cycles and tickets reached it."""
    return [
        _level_reached(tried, metric, level.id)
        for metric in Metric
        if metric in terms
        for level in terms[metric].levels
    ]


def _level_reached(tried: Sequence[Tried], metric: Metric, level: str) -> LevelReached:
    counts = [sum(level in fired for fired in one.reached.get(metric, ())) for one in tried]
    return LevelReached(metric=metric, level=level, clocks=sum(counts), tickets=sum(count > 0 for count in counts))


def used_calendars(terms: Mapping[Metric, Terms]) -> list[UsedCalendar]:
    """Return the calendars that *terms* measure by, each once."""
    named = [parse_key(key) for key in sorted({one.calendar for one in terms.values()})]
    return [UsedCalendar(calendar_id=one.calendar_id, version=one.version) for one in named if one is not None]


def compared(tried: Iterable[Tried]) -> tuple[dict[str, Comparison], list[Different]]:
    """Return what became of each metric over all tickets, and where that differs, by ticket number."""
    really: Counter[tuple[Metric, Verdict]] = Counter()
    simulated: Counter[tuple[Metric, Verdict]] = Counter()
    different: list[Different] = []
    for one in sorted(tried, key=lambda ticket: ticket.number):
        really.update((metric, verdict) for metric, found in one.really.items() for verdict in found)
        simulated.update((metric, verdict) for metric, found in one.simulated.items() for verdict in found)
        different += [found for metric in PROMISED if (found := _difference(one, metric)) is not None]
    metrics = {
        metric.value: Comparison(really=_outcomes(really, metric), simulated=_outcomes(simulated, metric))
        for metric in PROMISED
    }
    return metrics, different


def _difference(one: Tried, metric: Metric) -> Different | None:
    really, simulated = _worst(one.really.get(metric, ())), _worst(one.simulated.get(metric, ()))
    if really is simulated:
        return None
    return Different(ticket_id=one.ticket_id, number=one.number, metric=metric, really=really, simulated=simulated)


def _worst(verdicts: Sequence[Verdict]) -> Verdict | None:
    return next((verdict for verdict in Verdict if verdict in verdicts), None)


def _outcomes(counted: Counter[tuple[Metric, Verdict]], metric: Metric) -> Outcomes:
    return Outcomes(**{verdict.value: counted[metric, verdict] for verdict in Verdict})
