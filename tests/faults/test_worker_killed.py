"""A worker killed with requests in flight: its leases end, others finish its work, and the log says what happened."""

import os
import signal
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.support.desk import Desk, running_desk
from tests.support.receiver import Answer, Receiver
from tests.support.stacks import RunningStack, process_of, processes_of
from tests.support.waiting import eventually

LEASE_S = 4
IN_FLIGHT = 8


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningStack, Desk]]:
    with running_desk(tmp_path_factory.mktemp("desk"), PSMS_LEASE_SECONDS=str(LEASE_S)) as started:
        yield started


def test_requests_in_flight_when_their_worker_is_killed_are_made_again_under_the_same_id(running):
    stack, desk = running
    with Receiver() as partner:
        partner.answer("/slow", *[Answer(delay_s=0.8)] * IN_FLIGHT, Answer(status=200))
        endpoint = desk.add_endpoint(partner.url("/slow"), ["ticket.created"])
        desk.file_tickets(IN_FLIGHT, per_second=100)
        eventually(lambda: len(partner.received) == IN_FLIGHT, what="all requests in flight")
        victim = process_of(stack.home, "--name webhooks")
        os.kill(victim, signal.SIGKILL)
        interrupted = partner.distinct_ids()
        eventually(lambda: len(partner.received) == 2 * IN_FLIGHT, within=LEASE_S + 15, what="all made again")

        again = partner.received[IN_FLIGHT:]
    bodies = {(request.headers["webhook-id"], request.body) for request in partner.received}
    assert victim not in processes_of(stack.home)
    assert {request.headers["webhook-id"] for request in again} == set(interrupted)
    assert len(bodies) == len(interrupted) == IN_FLIGHT
    eventually(lambda: outcomes(desk, endpoint["id"]) == {("unknown", "success"): IN_FLIGHT})


def outcomes(desk: Desk, endpoint_id: str) -> Counter[tuple[str, ...]]:
    """Count the deliveries of an endpoint by the outcomes of their attempts, in order."""
    path = f"/v1/webhook-endpoints/{endpoint_id}/deliveries"
    found: Counter[tuple[str, ...]] = Counter()
    for delivery in desk.call("GET", path).json()["items"]:
        attempts = desk.call("GET", f"{path}/{delivery['id']}").json()["attempts"]
        found[tuple(attempt["outcome"] for attempt in attempts)] += 1
    return found


def test_the_core_worker_killed_again_and_again_delays_events_and_loses_none(running):
    stack, desk = running
    victims = set()
    with Receiver() as partner:
        desk.add_endpoint(partner.url("/hook"), ["ticket.created"])
        for _ in range(3):
            victims.add(process_of(stack.home, "--name core"))
            os.kill(process_of(stack.home, "--name core"), signal.SIGKILL)
            desk.file_tickets(30, per_second=60)
            eventually(lambda: process_of_any(stack, "--name core") - victims, within=30)
        eventually(lambda: len(partner.distinct_ids()) == 90, within=20, what="90 webhooks")

        assert len(partner.received) == 90
    assert len(victims) == 3


def process_of_any(stack: RunningStack, part: str) -> set[int]:
    """Return the processes, leashes apart, whose command line contains *part*: none while it is started anew."""
    lines = processes_of(stack.home)
    return {pid for pid, line in lines.items() if part in line and "leash.py" not in line}
