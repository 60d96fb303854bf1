"""A configuration tried on the past: who would have had what, worked out by hand, and beside the plain decision."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from psms.domain.routing.config import RoutingConfig, Strategy, WhenNobody
from psms.domain.routing.deciding import Member
from psms.domain.routing.past import FiledTicket, OtherWork, Past, PastMember, RoutingSimulation
from psms.domain.routing.trying import MOST_LOOKS, simulate

START = datetime(2026, 10, 1, tzinfo=UTC)
ANA, BEN, EVE = (UUID(int=number) for number in (1, 2, 3))
LEAST = RoutingConfig(strategy=Strategy.LEAST_LOADED)


def hour(number: float) -> datetime:
    return START + timedelta(hours=number)


def ticket(number: int, at: float, over: float | None = None, **fields: Any) -> FiledTicket:
    values = {"rank": 2, "required": {}, "really": None, **fields}
    over_at = None if over is None else hour(over)
    return FiledTicket(id=UUID(int=100 + number), number=number, at=hour(at), over_at=over_at, **values)


def member(user_id: UUID, capacity: int | None = None, **fields: Any) -> PastMember:
    return PastMember(member=Member(user_id=user_id, capacity=capacity), **fields)


def tried(
    config: RoutingConfig, members: list[PastMember], filed: list[FiledTicket], work: tuple[OtherWork, ...] = ()
) -> RoutingSimulation:
    past = Past(since=START, until=hour(100), members=members, filed=filed, work=work)
    return simulate(config, past, hour(200), all_read=True)


def got(simulation: RoutingSimulation) -> list[UUID | None]:
    """Return who would have had each ticket that really was nobody's."""
    chosen = {one.number: one.simulated for one in simulation.differences}
    return [chosen.get(number) for number in range(1, simulation.tickets + 1)]


def test_what_is_over_makes_room_and_what_comes_before_does_not():
    simulation = tried(LEAST, [member(ANA), member(BEN)], [ticket(1, 1, over=3), ticket(2, 2), ticket(3, 4)])

    assert got(simulation) == [ANA, BEN, ANA]
    assert [(one.simulated, one.most_at_once) for one in simulation.members] == [(2, 1), (1, 1)]
    assert (simulation.complete, simulation.reached_at, simulation.spread.simulated) == (True, hour(100), 1)


def test_other_work_counts_from_when_it_came_until_it_was_over():
    work = (OtherWork(user_id=ANA, since=hour(-5), until=hour(2)), OtherWork(user_id=BEN, since=hour(3), until=None))
    simulation = tried(LEAST, [member(ANA, 1), member(BEN, 1)], [ticket(1, 1, over=1.5), ticket(2, 4)], work)

    assert got(simulation) == [BEN, ANA]
    assert [one.most_at_once for one in simulation.members] == [1, 1]


def test_a_ticket_waits_for_room_the_most_urgent_first():
    filed = [ticket(1, 1, over=6), ticket(2, 2), ticket(3, 3, rank=0, over=10)]
    simulation = tried(LEAST, [member(ANA, 1)], filed)

    assert got(simulation) == [ANA, ANA, ANA]
    assert (simulation.waited, simulation.unassigned) == (2, 0)
    assert simulation.longest_wait_seconds == 8 * 3600


def test_a_ticket_waits_for_who_is_away_and_for_opening_hours():
    away = member(ANA, absences=[(hour(0), hour(5))])
    closed = member(BEN, is_open=lambda at: at >= hour(7), opens_at=lambda at: None if at >= hour(7) else hour(7))
    simulation = tried(RoutingConfig(strategy=Strategy.ROUND_ROBIN), [away, closed], [ticket(1, 1), ticket(2, 8)])

    assert got(simulation) == [ANA, BEN]
    assert simulation.longest_wait_seconds == 4 * 3600


def test_what_nobody_can_do_stays_and_with_anyone_does_not():
    hard = ticket(1, 1, required={"french": 3}, really=ANA)

    left = tried(LEAST, [member(ANA)], [hard])
    taken = tried(RoutingConfig(strategy=Strategy.LEAST_LOADED, when_nobody=WhenNobody.ANYONE), [member(ANA)], [hard])

    assert (left.unassigned, left.different, left.differences[0].simulated) == (1, 1, None)
    assert (taken.unassigned, taken.different, taken.members[0].really) == (0, 0, 1)


def test_a_span_that_is_too_much_is_tried_as_far_as_that_goes_and_says_so():
    members = [member(UUID(int=number)) for number in range(1, 501)]
    filed = [ticket(number, number / 10) for number in range(1, 400)]

    simulation = tried(LEAST, members, filed)

    assert not simulation.complete
    assert START < simulation.reached_at < hour(40)
    assert simulation.tickets == simulation.assigned < 399
    assert simulation.tickets * 500 <= MOST_LOOKS


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.floats(0, 90), st.floats(0.1, 30)), max_size=12), st.integers(1, 3))
def test_nobody_ever_has_more_than_they_have_room_for_and_all_is_given_out_in_the_end(filed, capacity):
    tickets = [ticket(number, at, over=at + lasts) for number, (at, lasts) in enumerate(sorted(filed), start=1)]

    simulation = tried(LEAST, [member(ANA, capacity), member(BEN, capacity), member(EVE, capacity)], tickets)

    assert all(one.most_at_once <= capacity for one in simulation.members)
    assert simulation.assigned + simulation.unassigned == len(tickets)
