"""A team's time with a ticket: which facts begin, end and resume a stay. Who has a ticket is known by the workflows."""

import pytest

from psms.domain.sla.facts import Fact, Filed, HandedOver, PromiseChanged, Replied, StatusChanged
from psms.domain.sla.hours import ROUND_THE_CLOCK, Hours
from psms.domain.sla.instants import HOUR
from psms.domain.sla.metrics import Promise, TicketClocks, follow
from psms.domain.sla.terms import PAUSED_BY_DEFAULT, PROMISED, Metric, Reopening, Terms
from psms.domain.sla.timeline import State
from psms.domain.tickets import Status

STAY, RESOLUTION = Metric.WITH_TEAM, Metric.RESOLUTION
AGREED: Promise = {STAY: Terms(target=4 * HOUR, calendar="always", pause_on=PAUSED_BY_DEFAULT)}
NEW_CYCLE: Promise = {STAY: Terms(target=4 * HOUR, calendar="always", reopening=Reopening.NEW_CYCLE)}
FILED = Filed(at=0)


def hours_of(_: str) -> Hours:
    """Return hours that are always open."""
    return ROUND_THE_CLOCK


def after(*facts: Fact, promise: Promise = AGREED) -> TicketClocks:
    """Return a ticket's clocks after these."""
    ticket = TicketClocks(promise=promise)
    for fact in facts:
        ticket = follow(ticket, fact, hours_of).ticket
    return ticket


def status(to: Status, hour: int) -> StatusChanged:
    """Return a change of status."""
    return StatusChanged(at=hour * HOUR, to=to)


def handed(hour: int) -> HandedOver:
    """Return a hand-over."""
    return HandedOver(at=hour * HOUR)


@pytest.mark.parametrize(
    ("facts", "cycle", "state", "consumed"),
    [
        ((FILED,), 1, State.RUNNING, 0),
        ((FILED, Replied(at=HOUR)), 1, State.RUNNING, 0),
        ((FILED, handed(3)), 2, State.RUNNING, 0),
        ((FILED, status(Status.PENDING, 1)), 1, State.PAUSED, 1),
        ((FILED, status(Status.PENDING, 1), handed(9)), 2, State.PAUSED, 0),
        ((FILED, status(Status.RESOLVED, 4)), 1, State.MET, 4),
        ((FILED, status(Status.RESOLVED, 5)), 1, State.MISSED, 5),
        ((FILED, status(Status.CANCELLED, 1)), 1, State.CANCELLED, 1),
        ((FILED, status(Status.RESOLVED, 1), handed(2)), 1, State.MET, 1),
        ((FILED, status(Status.RESOLVED, 1), status(Status.OPEN, 9)), 1, State.RUNNING, 1),
        ((FILED, status(Status.RESOLVED, 1), handed(2), status(Status.OPEN, 9)), 2, State.RUNNING, 0),
    ],
)
def test_a_stay_is_measured_from_the_hand_over_to_the_next_one_or_the_end(
    facts: tuple[Fact, ...], cycle: int, state: State, consumed: int
) -> None:
    clock = after(*facts).clocks[STAY]

    assert (clock.cycle, clock.state, clock.consumed) == (cycle, state, consumed * HOUR)


@pytest.mark.parametrize(("hour", "state"), [(4, State.MET), (5, State.MISSED)])
def test_a_stay_that_ends_with_a_hand_over_gets_its_verdict(hour: int, state: State) -> None:
    (left, begun) = follow(after(FILED), handed(hour), hours_of).steps

    assert (left[1].clock.state, left[1].clock.completed_at) == (state, hour * HOUR)
    assert (begun[1].clock.cycle, begun[1].clock.started_at, begun[1].clock.due_at) == (
        2,
        hour * HOUR,
        (hour + 4) * HOUR,
    )


def test_without_an_agreement_for_the_next_team_the_stay_ends_and_none_begins() -> None:
    before = after(FILED)
    there = follow(TicketClocks(promise={}, clocks=before.clocks), handed(1), hours_of).ticket

    assert (there.clocks[STAY].cycle, there.clocks[STAY].state) == (1, State.MET)
    agreed = follow(there, PromiseChanged(at=2 * HOUR, promise=AGREED), hours_of).ticket
    assert (agreed.clocks[STAY].cycle, agreed.clocks[STAY].state, agreed.clocks[STAY].started_at) == (
        2,
        State.RUNNING,
        2 * HOUR,
    )


def test_another_agreement_carries_what_was_counted_and_begins_no_second_stay() -> None:
    other: Promise = {STAY: Terms(target=2 * HOUR, calendar="always")}
    clock = after(FILED, PromiseChanged(at=HOUR, promise=other)).clocks[STAY]

    assert (clock.cycle, clock.consumed, clock.due_at) == (1, HOUR, 2 * HOUR)


def test_a_reopened_stay_begins_anew_where_the_agreement_says_so() -> None:
    facts = (FILED, status(Status.RESOLVED, 1), status(Status.OPEN, 9))
    clock = after(*facts, promise=NEW_CYCLE).clocks[STAY]

    assert (clock.cycle, clock.started_at) == (2, 9 * HOUR)


def test_what_the_customer_was_promised_does_not_notice_a_hand_over() -> None:
    promise: Promise = {metric: Terms(target=HOUR, calendar="always") for metric in PROMISED}
    before = after(FILED, Replied(at=1), promise=promise)

    assert follow(before, handed(1), hours_of).steps == ()
