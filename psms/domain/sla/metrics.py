"""Which clocks a ticket has, and what happens to each when something happens to the ticket.

- First response: from filing to the first public reply of somebody who works on tickets and is not the requester.
  Resolving without one cancels it; reopening resumes it.
- Next response: from the oldest unanswered message of the customer after the first response, one cycle an exchange.
- Periodic update: from the first public reply; each reply ends a cycle and begins the next.
- Resolution: from filing to resolved.
- With team: what teams agree on among themselves. From the hand-over to a team, or from filing with it, until the
  ticket leaves the team or is resolved; one cycle for each stay, met when it was short enough.

A clock that another policy says nothing of goes on as it was; one that it is the first to promise starts then.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from psms.domain.sla.advance import HoursOf, Span, Step, advance, begin
from psms.domain.sla.clock import Clock
from psms.domain.sla.facts import (
    CustomerWrote,
    Fact,
    Filed,
    HandedOver,
    PromiseChanged,
    Replied,
    Restored,
    Seen,
    StatusChanged,
    Withdrawn,
)
from psms.domain.sla.terms import Metric, Terms
from psms.domain.sla.timeline import Cancel, Complete, Event, Look, Mode, Pause, Reopen, Resume, Retarget, Start, State
from psms.domain.tickets import Status

Promise = Mapping[Metric, Terms]
RanOf = Callable[[Metric], tuple[Span, ...]]
Plan = list[tuple[Metric, Event]]

OVER = frozenset({Status.RESOLVED, Status.CLOSED, Status.CANCELLED})
"""Where nobody waits for anything any more."""
_DONE_WHEN_RESOLVED = frozenset({Metric.RESOLUTION, Metric.WITH_TEAM})


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketClocks:
    """The clocks of a ticket, the last cycle of each metric, and what is to be known of the conversation.

    *responded*: a public reply was given; *unanswered*: the customer has written since the last one; *handed_on*: the
    ticket is not with the team any more whose stay the last cycle measured; *withdrawn*: it is deleted. *promise* holds
    what is agreed on for the team that has the ticket as well.
    """

    promise: Promise
    status: Status = Status.NEW
    responded: bool = False
    unanswered: bool = False
    handed_on: bool = False
    withdrawn: bool = False
    clocks: Mapping[Metric, Clock] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """A ticket's clocks after a fact, and each clock's steps, in order."""

    ticket: TicketClocks
    steps: tuple[tuple[Metric, Step], ...]


def _never_ran(_: Metric) -> tuple[Span, ...]:
    return ()


def follow(ticket: TicketClocks, fact: Fact, hours_of: HoursOf, ran_of: RanOf = _never_ran) -> Followed:
    """Return the clocks of a ticket after *fact*.

    *ran_of* gives the ended stretches in which a metric's cycle ran; only a retroactive change asks it.
    """
    clocks, steps = dict(ticket.clocks), []
    for metric, event in _plan(ticket, fact):
        clock = clocks.get(metric)
        if clock is not None:
            ran = ran_of(metric) if isinstance(event, Retarget) and event.mode is Mode.RETROACTIVE else ()
            step = advance(clock, event, hours_of, ran)
        elif isinstance(event, Start):
            step = begin(event, hours_of)
        else:
            continue
        clocks[metric] = step.clock
        steps.append((metric, step))
    after = replace(_learned(ticket, fact), clocks=clocks, withdrawn=_is_withdrawn(ticket, fact))
    stay = clocks.get(Metric.WITH_TEAM)
    measured = stay is not None and stay.is_active
    return Followed(ticket=replace(after, handed_on=after.handed_on and not measured), steps=tuple(steps))


def _is_withdrawn(ticket: TicketClocks, fact: Fact) -> bool:
    return isinstance(fact, Withdrawn) or (ticket.withdrawn and not isinstance(fact, Restored))


def _learned(ticket: TicketClocks, fact: Fact) -> TicketClocks:
    match fact:
        case Filed(answered=True) | Replied():
            return replace(ticket, responded=True, unanswered=False)
        case CustomerWrote():
            return replace(ticket, unanswered=ticket.responded)
        case StatusChanged(to=to):
            return replace(ticket, status=to)
        case HandedOver():
            return replace(ticket, handed_on=True)
        case PromiseChanged(promise=promise):
            return replace(ticket, promise=promise)
        case _:
            return ticket


def _plan(ticket: TicketClocks, fact: Fact) -> Plan:
    """Return what happens to which clock, in order. Events that do not fit a clock change nothing."""
    match fact:
        case Filed(at=at, answered=answered):
            begin = (Metric.FIRST_RESPONSE, Metric.RESOLUTION, Metric.WITH_TEAM)
            filed = [step for metric in begin for step in _started(ticket, at, metric)]
            return filed + (_replied(ticket, at) if answered else [])
        case Replied(at=at):
            return _replied(ticket, at)
        case CustomerWrote(at=at):
            due = ticket.responded and ticket.status not in OVER
            return _started(ticket, at, Metric.NEXT_RESPONSE) if due else []
        case PromiseChanged(at=at, promise=promise, mode=mode):
            # What has ended keeps the terms that it ended under; a reopening brings those of its day.
            going = [metric for metric, clock in ticket.clocks.items() if clock.is_active and metric in promise]
            changed: Plan = [(metric, Retarget(at=at, terms=promise[metric], mode=mode)) for metric in going]
            under = replace(ticket, promise=promise)
            return changed + _never_started(under, at) + _stay_begun(under, at)
        case StatusChanged() | HandedOver() | Withdrawn() | Restored():
            return _passed_on(ticket, fact)
        case Seen(at=at):
            return [(metric, Look(at=at)) for metric in ticket.clocks]


def _withdrawn_or_back(ticket: TicketClocks, fact: Withdrawn | Restored) -> Plan:
    if isinstance(fact, Withdrawn):
        return [(metric, Pause(at=fact.at)) for metric in ticket.clocks]
    going = [metric for metric, clock in ticket.clocks.items() if ticket.status not in clock.terms.pause_on]
    return [(metric, Resume(at=fact.at)) for metric in going]


def _passed_on(ticket: TicketClocks, fact: StatusChanged | HandedOver | Withdrawn | Restored) -> Plan:
    if isinstance(fact, StatusChanged):
        return _moved(ticket, fact.to, fact.at)
    if not isinstance(fact, HandedOver):
        return _withdrawn_or_back(ticket, fact)
    left: Plan = [(Metric.WITH_TEAM, Complete(at=fact.at))]
    return left if ticket.status in OVER else left + _started(ticket, fact.at, Metric.WITH_TEAM)


def _started(ticket: TicketClocks, at: int, metric: Metric) -> Plan:
    terms = ticket.promise.get(metric)
    if terms is None:
        return []
    paused = ticket.withdrawn or ticket.status in terms.pause_on
    return [(metric, Start(at=at, terms=terms, paused=paused))]


def _never_started(ticket: TicketClocks, at: int) -> Plan:
    """Start, of the clocks that run from filing, those that nothing was promised for until now."""
    if ticket.status in OVER:
        return []
    open_ended = [Metric.RESOLUTION] if ticket.responded else [Metric.FIRST_RESPONSE, Metric.RESOLUTION]
    return [step for metric in open_ended if metric not in ticket.clocks for step in _started(ticket, at, metric)]


def _stay_begun(ticket: TicketClocks, at: int) -> Plan:
    """Start the clock of the team that has the ticket, unless it is under way."""
    clock = ticket.clocks.get(Metric.WITH_TEAM)
    is_over = ticket.status in OVER
    return [] if is_over or (clock is not None and clock.is_active) else _started(ticket, at, Metric.WITH_TEAM)


def _replied(ticket: TicketClocks, at: int) -> Plan:
    if ticket.status in OVER:
        return []
    answered = (Metric.FIRST_RESPONSE, Metric.NEXT_RESPONSE, Metric.PERIODIC_UPDATE)
    return [*((metric, Complete(at=at)) for metric in answered), *_started(ticket, at, Metric.PERIODIC_UPDATE)]


def _moved(ticket: TicketClocks, to: Status, at: int) -> Plan:
    after = replace(ticket, status=to)
    if to in OVER:
        done = to is not Status.CANCELLED
        return [
            (metric, Complete(at=at) if done and metric in _DONE_WHEN_RESOLVED else Cancel(at=at)) for metric in Metric
        ]
    if ticket.status in OVER:
        return _reopened(after, at)
    return [
        (metric, Pause(at=at) if to in clock.terms.pause_on else Resume(at=at))
        for metric, clock in ticket.clocks.items()
    ]


def _reopened(ticket: TicketClocks, at: int) -> Plan:
    plan = _never_started(ticket, at)
    for metric in (Metric.FIRST_RESPONSE, Metric.RESOLUTION):
        clock = ticket.clocks.get(metric)
        # Answered is answered, whatever becomes of the ticket.
        if clock is not None and (metric is Metric.RESOLUTION or clock.state is State.CANCELLED):
            plan.append(_going_on(ticket, at, metric, clock))
    plan += _stay_gone_on(ticket, at)
    if ticket.unanswered:
        plan += _started(ticket, at, Metric.NEXT_RESPONSE)
    if ticket.responded:
        plan += _started(ticket, at, Metric.PERIODIC_UPDATE)
    return plan


def _stay_gone_on(ticket: TicketClocks, at: int) -> Plan:
    """Let the stay with the team go on, or begin where another team has got the ticket since it was resolved."""
    clock = ticket.clocks.get(Metric.WITH_TEAM)
    if clock is None or ticket.handed_on:
        return _stay_begun(ticket, at)
    return [_going_on(ticket, at, Metric.WITH_TEAM, clock)]


def _going_on(ticket: TicketClocks, at: int, metric: Metric, clock: Clock) -> tuple[Metric, Event]:
    terms = ticket.promise.get(metric, clock.terms)
    return metric, Reopen(at=at, terms=terms, paused=ticket.status in terms.pause_on)
