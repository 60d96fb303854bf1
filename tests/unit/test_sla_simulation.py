"""Policies tried on tickets of the past: worked examples, computed by hand."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from psms.domain.sla.calendars import Calendar, Shift
from psms.domain.sla.facts import CustomerWrote, Filed, Replied, StatusChanged
from psms.domain.sla.hours import ROUND_THE_CLOCK, CompiledHours, Hours
from psms.domain.sla.instants import HOUR, MINUTE, instant_of
from psms.domain.sla.matching import Conditions, Subject
from psms.domain.sla.past import FiledTicket, PastEntry, past_ticket
from psms.domain.sla.simulation import (
    Different,
    FieldsChanged,
    Outcomes,
    PastFact,
    PastTicket,
    Proposal,
    Tried,
    Verdict,
    compared,
    levels_reached,
    reached_of,
    replay,
    verdicts_of,
)
from psms.domain.sla.terms import BREACH, PAUSED_BY_DEFAULT, Metric, PercentLevel, Terms, WallLevel
from psms.domain.sla.time_in_status import Life, TicketBy, TimeQuestion, times_of
from psms.domain.tickets import Priority, Status, TicketType

SERVICE, TICKET, CUSTOMER, AGENT = (UUID(int=number) for number in range(1, 5))
PLAIN = Subject(service_id=SERVICE, type=TicketType.INCIDENT, priority=Priority.MEDIUM)
URGENT = Subject(service_id=SERVICE, type=TicketType.INCIDENT, priority=Priority.CRITICAL)
FOR_URGENT = Conditions(priorities=frozenset({Priority.CRITICAL}))
FIRST, RESOLUTION = Metric.FIRST_RESPONSE, Metric.RESOLUTION
MISSED, MET, RUNNING, CANCELLED = Verdict.MISSED, Verdict.MET, Verdict.RUNNING, Verdict.CANCELLED


def hours_of(_: str) -> Hours:
    """Return hours that are always open."""
    return ROUND_THE_CLOCK


def after(*facts: PastFact, first: int = 60, resolution: int = 240, conditions: Conditions | None = None) -> object:
    """Return what becomes of a ticket filed at 0 by hour 10, under targets in minutes."""
    terms = {
        FIRST: Terms(target=first * MINUTE, calendar="always"),
        RESOLUTION: Terms(target=resolution * MINUTE, calendar="always", pause_on=PAUSED_BY_DEFAULT),
    }
    ticket = PastTicket(id=TICKET, number=1, subject=PLAIN, facts=(Filed(at=0), *facts))
    proposal = Proposal(conditions=conditions or Conditions(), terms=terms)
    cycles = replay(ticket, proposal, hours_of, 10 * HOUR)
    return None if cycles is None else verdicts_of(cycles)


def status(minute: int, to: Status) -> StatusChanged:
    """Return a change of status."""
    return StatusChanged(at=minute * MINUTE, to=to)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ((), {FIRST: [MISSED], RESOLUTION: [MISSED]}),
        ((Replied(at=60 * MINUTE), status(240, Status.RESOLVED)), {FIRST: [MET], RESOLUTION: [MET]}),
        ((Replied(at=60 * MINUTE + 1), status(241, Status.RESOLVED)), {FIRST: [MISSED], RESOLUTION: [MISSED]}),
        # Two hours of pause: 100 minutes before, 100 after.
        (
            (Replied(at=MINUTE), status(100, Status.PENDING), status(220, Status.OPEN), status(320, Status.RESOLVED)),
            {FIRST: [MET], RESOLUTION: [MET]},
        ),
        (
            (Replied(at=MINUTE), status(100, Status.PENDING), CustomerWrote(at=HOUR * 2)),
            {FIRST: [MET], RESOLUTION: [RUNNING]},
        ),
        ((status(30, Status.CANCELLED),), {FIRST: [CANCELLED], RESOLUTION: [CANCELLED]}),
    ],
)
def test_a_ticket_is_followed_as_the_engine_follows_it(facts: tuple[PastFact, ...], expected: object) -> None:
    assert after(*facts) == expected


def test_a_policy_is_not_for_a_ticket_that_its_conditions_never_hold_for() -> None:
    assert after(conditions=FOR_URGENT) is None


def test_a_policy_is_for_a_ticket_from_the_change_on_that_makes_it_so_and_stays() -> None:
    becomes = FieldsChanged(at=7 * HOUR, subject=URGENT)
    back = FieldsChanged(at=8 * HOUR, subject=PLAIN)
    # Three hours are left until now: an hour to answer is over, four to resolve are not.
    assert after(becomes, back, conditions=FOR_URGENT) == {FIRST: [MISSED], RESOLUTION: [RUNNING]}


def test_outcomes_are_counted_by_cycle_and_differ_by_the_worst_of_a_ticket() -> None:
    same = Tried(ticket_id=TICKET, number=2, really={FIRST: [MET, MISSED]}, simulated={FIRST: [MISSED]})
    other = Tried(ticket_id=AGENT, number=1, really={RESOLUTION: [MET]}, simulated={FIRST: [MET], RESOLUTION: [MISSED]})
    metrics, different = compared([same, other])

    assert (metrics["first_response"].really, metrics["first_response"].simulated) == (
        Outcomes(met=1, missed=1),
        Outcomes(met=1, missed=1),
    )
    assert different == [
        Different(ticket_id=AGENT, number=1, metric=FIRST, really=None, simulated=MET),
        Different(ticket_id=AGENT, number=1, metric=RESOLUTION, really=MET, simulated=MISSED),
    ]


def test_levels_are_counted_by_cycle_and_ticket_those_that_nobody_reached_as_well() -> None:
    levels = (PercentLevel(id="half", percent=50), BREACH, WallLevel(id="page", offset=2 * HOUR))
    terms = {FIRST: Terms(target=HOUR, calendar="always", levels=levels)}
    proposal = Proposal(conditions=Conditions(), terms=terms)

    def tried(number: int, answered: int) -> Tried:
        facts = (Filed(at=0), Replied(at=answered))
        ticket = PastTicket(id=TICKET, number=number, subject=PLAIN, facts=facts)
        cycles = replay(ticket, proposal, hours_of, 10 * HOUR)
        assert cycles is not None
        return Tried(ticket_id=TICKET, number=number, really={}, simulated={}, reached=reached_of(cycles))

    # At once, at half time, on time, an hour late, and later than two hours after the breach.
    found = levels_reached([tried(n, at) for n, at in enumerate((0, HOUR // 2 + 1, HOUR, 2 * HOUR, 4 * HOUR))], terms)
    assert [(one.level, one.clocks, one.tickets) for one in found] == [("half", 4, 4), ("breach", 2, 2), ("page", 1, 1)]
    assert [one.clocks for one in levels_reached([], terms)] == [0, 0, 0]


AT = datetime(2026, 6, 1, 10, tzinfo=UTC)


def entry(action: str, minute: int, actor_id: UUID = AGENT, *, staff: bool = True, **changed: object) -> PastEntry:
    """Return an entry; each field is given as before and after, or as after alone."""
    pairs = {name: value if isinstance(value, tuple) else (None, value) for name, value in changed.items()}
    return PastEntry(
        at=AT.replace(minute=minute),
        action=action,
        before={name: before for name, (before, _) in pairs.items() if before is not None},
        after={name: later for name, (_, later) in pairs.items()},
        actor_id=actor_id,
        by_staff=staff,
    )


def test_the_past_of_a_ticket_is_told_from_its_fields_and_its_log() -> None:
    fields = {"service_id": SERVICE, "type": "incident", "priority": "critical", "tags": ["b"], "custom_fields": {}}
    filed = FiledTicket(id=TICKET, number=7, requester_id=CUSTOMER, created_at=AT, fields=fields)
    log = [
        entry("ticket.created", 0, CUSTOMER, staff=False, status="new", priority="low"),
        entry("ticket.commented", 1, visibility="internal"),
        entry("ticket.commented", 2, CUSTOMER, visibility="public"),
        entry("ticket.updated", 3, tags=(["a"], ["b"])),
        entry("ticket.commented", 4, visibility="public"),
        entry("ticket.status_changed", 5, status=("open", "pending")),
        entry("sla.escalated", 6, priority=("low", "critical")),
    ]
    past = past_ticket(filed, log)

    def subject(priority: Priority, tag: str) -> Subject:
        return Subject(service_id=SERVICE, type=TicketType.INCIDENT, priority=priority, tags=frozenset({tag}))

    start = instant_of(AT)
    assert past == PastTicket(
        id=TICKET,
        number=7,
        subject=subject(Priority.LOW, "a"),
        facts=[
            Filed(at=start),
            CustomerWrote(at=start + 2 * MINUTE),
            FieldsChanged(at=start + 3 * MINUTE, subject=subject(Priority.LOW, "b")),
            Replied(at=start + 4 * MINUTE),
            StatusChanged(at=start + 5 * MINUTE, to=Status.PENDING),
            FieldsChanged(at=start + 6 * MINUTE, subject=subject(Priority.CRITICAL, "b")),
        ],
    )
    assert past_ticket(filed, log[1:]) is None


def test_time_in_status_counts_open_time_by_each_tickets_calendar() -> None:
    # Open from the third minute on, each for ever.
    kept = {"late": _from_minute(3), "always": ROUND_THE_CLOCK}
    lives = [
        Life(ticket_id=TICKET, key="a", calendar="late", statuses=[(0, Status.NEW), (2 * MINUTE, Status.OPEN)]),
        Life(ticket_id=AGENT, key="a", calendar="always", statuses=[(MINUTE, Status.NEW), (4 * MINUTE, Status.CLOSED)]),
    ]
    question = TimeQuestion(since=AT, until=AT, by=TicketBy.TEAM)
    statuses = times_of(question, "a", lives, kept.__getitem__, 10 * MINUTE)
    found = {
        name: (time.tickets, time.wall_seconds, time.open_seconds)
        for name, time in statuses.statuses.items()
        if time.tickets
    }

    assert found == {"new": (2, 300, 180), "open": (1, 480, 420)}


def _from_minute(minute: int) -> Hours:
    shift = Shift(start=minute, end=24 * 60)
    calendar = Calendar(time_zone="UTC", weekly=((shift,),) * 7)
    return CompiledHours(calendar, UTC, 0)
