"""What happens to a ticket's clocks when something happens to the ticket, where the worked examples say nothing."""

from dataclasses import replace
from datetime import UTC, date

import pytest

from psms.domain.sla.calendars import Calendar, DayException, Shift
from psms.domain.sla.facts import (
    CustomerWrote,
    Fact,
    Filed,
    PromiseChanged,
    Replied,
    Restored,
    Seen,
    StatusChanged,
    Withdrawn,
)
from psms.domain.sla.hours import ROUND_THE_CLOCK, CompiledHours, Hours
from psms.domain.sla.instants import HOUR
from psms.domain.sla.levels import next_at
from psms.domain.sla.metrics import Promise, TicketClocks, follow
from psms.domain.sla.terms import PAUSED_BY_DEFAULT, Metric, Terms
from psms.domain.sla.timeline import State
from psms.domain.tickets import Status

FIRST, NEXT, UPDATE, RESOLUTION = (
    Metric.FIRST_RESPONSE,
    Metric.NEXT_RESPONSE,
    Metric.PERIODIC_UPDATE,
    Metric.RESOLUTION,
)
WHOLE: Promise = {
    FIRST: Terms(target=2 * HOUR, calendar="always"),
    NEXT: Terms(target=4 * HOUR, calendar="always"),
    UPDATE: Terms(target=6 * HOUR, calendar="always", pause_on=PAUSED_BY_DEFAULT),
    RESOLUTION: Terms(target=24 * HOUR, calendar="always", pause_on=PAUSED_BY_DEFAULT),
}


def hours_of(_: str) -> Hours:
    """Return hours that are always open."""
    return ROUND_THE_CLOCK


def after(*facts: Fact, promise: Promise = WHOLE) -> TicketClocks:
    """Return a ticket's clocks after these."""
    ticket = TicketClocks(promise=promise)
    for fact in facts:
        ticket = follow(ticket, fact, hours_of).ticket
    return ticket


def states(ticket: TicketClocks) -> dict[Metric, tuple[int, State]]:
    """Return the cycle and the state of each clock."""
    return {metric: (clock.cycle, clock.state) for metric, clock in ticket.clocks.items()}


def status(to: Status, hour: int) -> StatusChanged:
    """Return a change of status."""
    return StatusChanged(at=hour * HOUR, to=to)


FILED = Filed(at=0)


def test_filing_starts_what_runs_from_filing() -> None:
    assert states(after(FILED)) == {FIRST: (1, State.RUNNING), RESOLUTION: (1, State.RUNNING)}


def test_cancelling_a_ticket_ends_all_without_a_verdict() -> None:
    ticket = after(FILED, Replied(at=HOUR), CustomerWrote(at=2 * HOUR), status(Status.CANCELLED, 3))

    assert states(ticket) == {
        FIRST: (1, State.MET),
        RESOLUTION: (1, State.CANCELLED),
        UPDATE: (1, State.CANCELLED),
        NEXT: (1, State.CANCELLED),
    }


def test_a_message_before_the_first_response_starts_nothing() -> None:
    assert NEXT not in after(FILED, CustomerWrote(at=HOUR)).clocks


def test_a_reply_to_a_resolved_ticket_starts_nothing_and_answers() -> None:
    before = (FILED, Replied(at=HOUR), status(Status.RESOLVED, 2), CustomerWrote(at=3 * HOUR))
    ticket = after(*before, Replied(at=4 * HOUR), status(Status.OPEN, 5))

    assert states(ticket) == {
        FIRST: (1, State.MET),
        RESOLUTION: (1, State.RUNNING),
        UPDATE: (2, State.RUNNING),
    }
    assert after(*before, status(Status.OPEN, 5)).clocks[NEXT].started_at == 5 * HOUR


def test_a_first_response_that_was_cancelled_resumes_at_reopening() -> None:
    ticket = after(FILED, status(Status.RESOLVED, 1), status(Status.OPEN, 9), Replied(at=10 * HOUR))

    assert states(ticket)[FIRST] == (1, State.MET)
    assert ticket.clocks[FIRST].consumed == 2 * HOUR


@pytest.mark.parametrize("promise", [{}, {NEXT: WHOLE[NEXT]}, {UPDATE: WHOLE[UPDATE]}])
def test_what_is_not_promised_has_no_clock(promise: Promise) -> None:
    ticket = after(FILED, Replied(at=HOUR), CustomerWrote(at=2 * HOUR), status(Status.RESOLVED, 3), promise=promise)

    assert set(ticket.clocks) == set(promise)


def test_what_another_policy_says_nothing_of_goes_on() -> None:
    ticket = after(FILED, PromiseChanged(at=HOUR, promise={FIRST: WHOLE[NEXT]}))

    assert ticket.clocks[FIRST].due_at == 4 * HOUR
    assert ticket.clocks[RESOLUTION].due_at == 24 * HOUR


def test_what_another_policy_is_the_first_to_promise_starts_then() -> None:
    change = PromiseChanged(at=3 * HOUR, promise=WHOLE)

    assert {m: c.due_at for m, c in after(FILED, change, promise={}).clocks.items()} == {
        FIRST: 5 * HOUR,
        RESOLUTION: 27 * HOUR,
    }
    assert set(after(FILED, Replied(at=HOUR), change, promise={}).clocks) == {RESOLUTION}
    assert after(FILED, status(Status.RESOLVED, 2), change, promise={}).clocks == {}
    reopened = after(FILED, status(Status.RESOLVED, 2), change, status(Status.PENDING, 4), promise={})
    assert states(reopened) == {FIRST: (1, State.RUNNING), RESOLUTION: (1, State.PAUSED)}


def test_what_has_ended_keeps_its_terms_until_it_is_reopened() -> None:
    other = {**WHOLE, RESOLUTION: Terms(target=48 * HOUR, calendar="always")}
    resolved = after(FILED, status(Status.RESOLVED, 2), PromiseChanged(at=3 * HOUR, promise=other))

    assert resolved.clocks[RESOLUTION].terms == WHOLE[RESOLUTION]
    reopened = follow(resolved, status(Status.OPEN, 10), hours_of).ticket
    assert (reopened.clocks[RESOLUTION].terms, reopened.clocks[RESOLUTION].due_at) == (other[RESOLUTION], 56 * HOUR)


def test_looking_records_what_was_due_and_nothing_else() -> None:
    followed = follow(after(FILED), Seen(at=3 * HOUR), hours_of)
    (metric, step), (_, other) = followed.steps

    assert (metric, [fire.level for fire in step.fires], other.fires) == (FIRST, ["at_risk", "breach"], ())
    assert (step.clock.breached_at, step.segment, step.ended) == (2 * HOUR, None, None)


def test_what_a_calendar_never_opens_for_is_never_due() -> None:
    day = Calendar(time_zone="UTC", exceptions=(DayException(date(1970, 1, 2), (Shift(0, 60),)),))
    kept: dict[str, Hours] = {"once": CompiledHours(day, UTC, 0), "always": ROUND_THE_CLOCK}
    ticket = TicketClocks(promise={FIRST: replace(WHOLE[FIRST], calendar="once")})
    filed = follow(ticket, FILED, kept.__getitem__).ticket

    assert (filed.clocks[FIRST].state, filed.clocks[FIRST].due_at) == (State.RUNNING, None)
    assert next_at(filed.clocks[FIRST], kept["once"]) is None
    seen = follow(filed, Seen(at=10_000 * HOUR), kept.__getitem__)
    assert [step.fires for _, step in seen.steps] == [()]
    # Of the two hours one was open; the other counts as soon as there is a calendar that has it.
    change = PromiseChanged(at=20_000 * HOUR, promise={FIRST: WHOLE[FIRST]})
    assert follow(filed, change, kept.__getitem__).ticket.clocks[FIRST].due_at == 20_001 * HOUR


def test_a_deleted_tickets_clocks_are_held_also_those_that_are_promised_meanwhile() -> None:
    filed = Filed(at=0)
    deleted = after(filed, Withdrawn(at=HOUR), promise={FIRST: WHOLE[FIRST]})
    promised = follow(deleted, PromiseChanged(at=2 * HOUR, promise=WHOLE), hours_of).ticket
    restored = follow(promised, Restored(at=5 * HOUR), hours_of).ticket

    assert states(promised) == {FIRST: (1, State.PAUSED), RESOLUTION: (1, State.PAUSED)}
    assert states(restored) == {FIRST: (1, State.RUNNING), RESOLUTION: (1, State.RUNNING)}
    assert {metric: clock.due_at for metric, clock in restored.clocks.items()} == {
        FIRST: 6 * HOUR,
        RESOLUTION: 29 * HOUR,
    }


@pytest.mark.parametrize(("held", "state"), [(Status.PENDING, State.PAUSED), (Status.OPEN, State.RUNNING)])
def test_a_restored_tickets_clock_is_held_where_its_status_holds_it(held: Status, state: State) -> None:
    ticket = after(FILED, status(held, 1), Withdrawn(at=2 * HOUR), Restored(at=3 * HOUR))

    assert states(ticket)[RESOLUTION] == (1, state)


def test_a_deleted_ticket_that_was_over_stays_so() -> None:
    ticket = after(FILED, status(Status.RESOLVED, 1), Withdrawn(at=2 * HOUR), Restored(at=3 * HOUR))

    assert states(ticket) == {FIRST: (1, State.CANCELLED), RESOLUTION: (1, State.MET)}
