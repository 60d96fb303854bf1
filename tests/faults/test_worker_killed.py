"""A worker killed with requests in flight: its leases end, others finish its work; nothing is held open meanwhile."""

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from threading import Event

import pytest

from tests.faults.conftest import soaking
from tests.support.crew import assert_webhooks_are_accounted_for
from tests.support.desk import Desk, running_desk
from tests.support.extras import environment_of, frozen
from tests.support.ledger import ledger_of
from tests.support.receiver import Answer, Received, Receiver
from tests.support.stacks import RunningStack, process_of, processes_of
from tests.support.waiting import eventually

# A request may take half of its lease; in the long form it hangs for ten seconds.
LEASE_S, LONG_LEASE_S = 8, 30
REQUEST_S = LEASE_S / 2
LANES = 8
# As many as a lane lets out at once, in all lanes together; and half of it.
SLOTS = 16 * LANES
IN_FLIGHT = SLOTS // 2
HANGING_S, LONG_HANGING_S = 1.5, 10.0
# Connections of a worker: one for each thread, and for drains that nobody asked for (`psms.runtime`).
THREADS = 8
POOL = THREADS + 8
ESTABLISHED = "01"
OPEN_LONG = """SELECT pid, state, query FROM pg_stat_activity
    WHERE application_name = 'psms' AND now() - xact_start > make_interval(secs => %s)"""
DEATHS = 3
# A worker that dies again and again is started ever later, up to 30 s.
AGAIN_S = LONG_LEASE_S + 90
VARIABLES = {
    "PSMS_DELIVERY_SLOTS": str(SLOTS),
    "PSMS_WORKER_THREADS": str(THREADS),
}


@pytest.fixture(scope="module")
def running(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[tuple[RunningStack, Desk]]:
    lease_s = LONG_LEASE_S if soaking(request.config) else LEASE_S
    with running_desk(tmp_path_factory.mktemp("desk"), PSMS_LEASE_SECONDS=str(lease_s), **VARIABLES) as started:
        yield started
        assert_webhooks_are_accounted_for(environment_of(started[0].home))


@contextmanager
def warm_lanes(stack: RunningStack, desk: Desk) -> Iterator[tuple[Receiver, list[str]]]:
    """Lend a partner with several endpoints, each of which has answered once already."""
    with Receiver() as partner:
        created = [desk.add_endpoint(partner.url(f"/{n}"), ["ticket.created"])["id"] for n in range(LANES)]
        desk.file_ticket("First of all")
        eventually(lambda: len(partner.received) == LANES, what="a webhook at each endpoint")
        eventually(lambda: outcomes(stack.home, created) == {("success",): LANES}, what="each success to be recorded")
        yield partner, created
        for endpoint_id in created:
            assert desk.call("DELETE", f"/v1/webhook-endpoints/{endpoint_id}").status_code == 204


def put_in_flight(stack: RunningStack, desk: Desk, partner: Receiver, count: int, answer: Answer) -> int:
    """Have the worker begin *count* requests at once, each of which gets *answer*; return the worker's process id."""
    for number in range(LANES):
        partner.answer(f"/{number}", *[answer] * (count // LANES), Answer())
    before, worker = len(partner.received), process_of(stack.home, "--name webhooks")
    with frozen(worker):
        desk.file_tickets(count // LANES, per_second=100)
        ledger = ledger_of(stack.home)
        eventually(lambda: not ledger.rows("SELECT FROM outbox"), within=10, what="an empty outbox")
    eventually(lambda: len(partner.received) == before + count, within=REQUEST_S, what=f"{count} requests in flight")
    return worker


def kill_after_the_answers(stack: RunningStack, desk: Desk, partner: Receiver) -> None:
    """Kill the worker when its partner has answered all it asked and it has heard of none; see all made again."""
    first, answered, told = len(partner.received), partner.sent_bytes, Event()
    each = answered // first
    victim = put_in_flight(stack, desk, partner, IN_FLIGHT, Answer(until=told))
    with frozen(victim):
        told.set()
        eventually(lambda: partner.sent_bytes == answered + IN_FLIGHT * each, what="every answer to be sent")
        os.kill(victim, signal.SIGKILL)
    eventually(lambda: len(partner.received) == first + 2 * IN_FLIGHT, within=AGAIN_S, what="all made again")

    lost, again = partner.received[first : first + IN_FLIGHT], partner.received[first + IN_FLIGHT :]
    assert victim not in processes_of(stack.home)
    assert {told_by(request) for request in again} == {told_by(request) for request in lost}
    assert len({told_by(request) for request in again}) == IN_FLIGHT


def told_by(request: Received) -> tuple[str, str, bytes]:
    """Return what a webhook was and for which endpoint, whoever sent it and whenever."""
    return request.path, request.headers["webhook-id"], request.body


def test_w03_64_requests_answered_before_their_worker_is_killed_are_each_made_once_more_and_noted_as_unknown(
    running, rounds
):
    stack, desk = running
    with warm_lanes(stack, desk) as (partner, created):
        for done in range(1, rounds + 1):
            kill_after_the_answers(stack, desk, partner)
            # Who is frozen while it records holds the lanes that the relay needs next.
            expected = {("success",): LANES, ("unknown", "success"): IN_FLIGHT * done}
            eventually(partial(has_come_to, stack.home, created, expected), within=30)
        assert len(partner.received) == LANES + 2 * IN_FLIGHT * rounds
        assert not ledger_of(stack.home).breaches()


def test_w05_no_transaction_is_open_and_no_pool_exceeded_while_128_requests_hang(running, rounds):
    stack, desk = running
    hanging_s = HANGING_S if rounds == 1 else LONG_HANGING_S
    told = Event()
    with warm_lanes(stack, desk) as (partner, created):
        worker = put_in_flight(stack, desk, partner, SLOTS, Answer(until=told))
        ledger, began = ledger_of(stack.home), time.monotonic()
        while time.monotonic() < began + hanging_s:
            assert not ledger.rows(OPEN_LONG, HANGING_S / 2)
            assert 0 < connections_of(worker, ledger.port) <= POOL
        assert len(partner.received) == LANES + SLOTS
        told.set()
        eventually(lambda: outcomes(stack.home, created) == {("success",): LANES + SLOTS}, within=30)


def connections_of(pid: int, port: int) -> int:
    """Return how many TCP connections a process has to a port, as proc(5) shows them."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
    there = {f"socket:[{line[9]}]" for line in lines if line[2].endswith(f":{port:04X}") and line[3] == ESTABLISHED}
    found = 0
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):  # closed meanwhile
            found += str(entry.readlink()) in there
    return found


def outcomes(home: Path, endpoint_ids: list[str]) -> Counter[tuple[str, ...]]:
    """Count the deliveries of endpoints by the outcomes of their attempts, in order."""
    query = """SELECT string_agg(a.outcome, ' ' ORDER BY a.number) FROM webhook_attempts a
        WHERE a.endpoint_id = ANY (CAST(%s AS uuid[])) GROUP BY a.delivery_id"""
    return Counter(tuple(str(found).split()) for (found,) in ledger_of(home).rows(query, endpoint_ids))


def has_come_to(home: Path, endpoint_ids: list[str], expected: dict[tuple[str, ...], int]) -> bool:
    """Tell whether the deliveries of endpoints ended so."""
    return outcomes(home, endpoint_ids) == expected


def test_the_core_worker_killed_again_and_again_delays_events_and_loses_none(running, rounds):
    stack, desk = running
    victims = set()
    with Receiver() as partner:
        desk.add_endpoint(partner.url("/hook"), ["ticket.created"])
        for _ in range(DEATHS * rounds):
            victims.add(process_of(stack.home, "--name core"))
            os.kill(process_of(stack.home, "--name core"), signal.SIGKILL)
            desk.file_tickets(30, per_second=60)
            eventually(lambda: process_of_any(stack, "--name core") - victims, within=AGAIN_S)
        filed = 30 * DEATHS * rounds
        eventually(lambda: len(partner.distinct_ids()) == filed, within=40, what=f"{filed} webhooks")

        assert len(partner.received) == filed
    assert len(victims) == DEATHS * rounds


def process_of_any(stack: RunningStack, part: str) -> set[int]:
    """Return the processes, leashes apart, whose command line contains *part*: none while it is started anew."""
    lines = processes_of(stack.home)
    return {pid for pid, line in lines.items() if part in line and "leash.py" not in line}
