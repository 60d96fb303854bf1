"""Each guard of a lane, taken out: the claim then takes what the tests of fairness and order forbid; with it, not."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from psms.adapters.slots import Slots
from psms.domain.lanes import SLOW_MS
from psms.runtime import Runtime
from tests.support.answers import ACCEPTED, HOOK
from tests.support.databases import MigratedDatabase
from tests.support.lanes import answered, pile_up, set_lane
from tests.support.sabotage import without_all
from tests.support.tenants import add_endpoint, claim, file_ticket, known_to_answer, make_tenant
from workflows.relay import relay_outbox

CAP = {
    "WHERE f.endpoint_id = lane.endpoint_id AND f.state = 'in_flight'": "WHERE false",
    "flying.count >= wanted.cap": "false",
}
TURN = {" AND d.state = 'pending' AND NOT d.behind": " AND d.state = 'pending'"}
CIRCUIT = {"AND (l.circuit <> 'open' OR l.probe_at <= %(now)s)": ""}
WISH = {"AND l.not_before <= %(now)s": ""}
ROUND = {"ORDER BY l.served_at, l.endpoint_id LIMIT %(lanes)s": "ORDER BY l.endpoint_id LIMIT %(lanes)s"}
SLOW = {f"l.latency_ms > {SLOW_MS}": "false"}


@pytest.fixture
def struck() -> Iterator[ExitStack]:
    """What takes a guard out until the test ends."""
    with ExitStack() as stack:
        yield stack


def lanes_of(rt: Runtime, database: MigratedDatabase, count: int, *, each: int = 20, order: str = "none") -> list[UUID]:
    """Return endpoints that are known to answer, with so many deliveries each that are due."""
    acme = make_tenant(rt)
    ids = sorted(add_endpoint(rt, acme.actor, f"{HOOK}/{number}")[0] for number in range(count))
    for endpoint_id in ids:
        set_lane(database, endpoint_id, ordering=order)
    file_ticket(rt, acme.actor)
    relay_outbox(rt)
    pile_up(database, ids, each - 1)
    known_to_answer(database)
    return ids


@pytest.mark.parametrize(("guard", "out"), [({}, 5), (CAP, 15)], ids=["with", "without"])
def test_a_lane_lets_out_no_more_than_its_cap(rt, database, struck, *, guard, out):
    (endpoint_id,) = lanes_of(rt, database, 1)
    set_lane(database, endpoint_id, max_in_flight=5)
    struck.enter_context(without_all(guard))

    assert sum(len(claim(rt)) for _ in range(3)) == out


@pytest.mark.parametrize(("guard", "out"), [({}, [1]), (TURN, [1, 2, 3])], ids=["with", "without"])
def test_of_a_line_only_the_first_goes(rt, database, struck, *, guard, out):
    lanes_of(rt, database, 1, each=3, order="endpoint")
    struck.enter_context(without_all(guard))

    assert sorted(job.sequence for job in claim(rt)) == out


@pytest.mark.parametrize(("guard", "out"), [({}, 0), (CIRCUIT, 1)], ids=["with", "without"])
def test_an_open_circuit_lets_nobody_out_before_its_probe(rt, database, struck, *, guard, out):
    (endpoint_id,) = lanes_of(rt, database, 1)
    now = rt.db.ask(rt.clock.now)
    # As if its hint had been lost: that is no more than when to look.
    set_lane(database, endpoint_id, circuit="open", probe_at=now + timedelta(hours=1), next_due_at=now)
    struck.enter_context(without_all(guard))

    assert len(claim(rt)) == out


@pytest.mark.parametrize(("guard", "out"), [({}, 0), (WISH, 16)], ids=["with", "without"])
def test_a_partner_that_asked_to_be_left_alone_is(rt, database, struck, *, guard, out):
    (endpoint_id,) = lanes_of(rt, database, 1)
    now = rt.db.ask(rt.clock.now)
    set_lane(database, endpoint_id, not_before=now + timedelta(hours=1), next_due_at=now)
    struck.enter_context(without_all(guard))

    assert len(claim(rt)) == out


@pytest.mark.parametrize(("guard", "served"), [({}, 3), (ROUND, 1)], ids=["with", "without"])
def test_who_was_served_least_recently_is_served_first(rt, database, struck, *, guard, served):
    lanes_of(rt, database, 3)
    slots = Slots(4)
    struck.callback(slots.close, 2)
    few = replace(rt, slots=slots)
    struck.enter_context(without_all(guard))
    found = set()
    for _ in range(3):
        jobs = claim(few)
        answered(rt, jobs, ACCEPTED)
        found |= {job.endpoint_id for job in jobs}

    assert len(found) == served


@pytest.mark.parametrize(("guard", "out"), [({}, 4), (SLOW, 16)], ids=["with", "without"])
def test_slow_lanes_have_a_quarter_of_the_slots_together(rt, database, struck, *, guard, out):
    for endpoint_id in lanes_of(rt, database, 8):
        set_lane(database, endpoint_id, latency_ms=2 * SLOW_MS)
    struck.enter_context(without_all(guard))

    assert (len(claim(rt)), rt.slots.size) == (out, 16)
