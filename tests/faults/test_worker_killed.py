"""A worker killed with requests in flight: its leases end, others finish its work, and the log says what happened."""

import os
import signal
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.support.desk import Desk, running_desk
from tests.support.receiver import Answer, Received, Receiver
from tests.support.stacks import RunningStack, process_of, processes_of
from tests.support.waiting import eventually

LEASE_S = 4
IN_FLIGHT = 8
DEATHS = 3
# A worker that dies again and again is started ever later, up to 30 s.
AGAIN_S = LEASE_S + 90


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningStack, Desk]]:
    with running_desk(tmp_path_factory.mktemp("desk"), PSMS_LEASE_SECONDS=str(LEASE_S)) as started:
        yield started


def kill_with_requests_in_flight(stack: RunningStack, desk: Desk, partner: Receiver) -> None:
    """File tickets, kill the worker while the partner has its requests, and see each made again under the same id."""
    before = len(partner.received)
    partner.answer("/slow", *[Answer(hang=True)] * IN_FLIGHT, Answer())
    desk.file_tickets(IN_FLIGHT, per_second=100)
    eventually(lambda: len(partner.received) == before + IN_FLIGHT, what="all requests in flight")
    victim = process_of(stack.home, "--name webhooks")
    os.kill(victim, signal.SIGKILL)
    eventually(lambda: len(partner.received) == before + 2 * IN_FLIGHT, within=AGAIN_S, what="all made again")

    interrupted, again = partner.received[before : before + IN_FLIGHT], partner.received[before + IN_FLIGHT :]
    assert victim not in processes_of(stack.home)
    assert {told(request) for request in again} == {told(request) for request in interrupted}
    assert len({told(request) for request in again}) == IN_FLIGHT


def told(request: Received) -> tuple[str, bytes]:
    """Return what a webhook was, whoever sent it and whenever."""
    return request.headers["webhook-id"], request.body


def test_requests_in_flight_when_their_worker_is_killed_are_made_again_under_the_same_id(running, rounds):
    stack, desk = running
    with Receiver() as partner:
        endpoint = desk.add_endpoint(partner.url("/slow"), ["ticket.created"])
        for _ in range(rounds):
            kill_with_requests_in_flight(stack, desk, partner)
        again = {("unknown", "success"): IN_FLIGHT * rounds}
        eventually(lambda: outcomes(desk, endpoint["id"]) == again, within=30)
        assert desk.call("DELETE", f"/v1/webhook-endpoints/{endpoint['id']}").status_code == 204


def outcomes(desk: Desk, endpoint_id: str) -> Counter[tuple[str, ...]]:
    """Count the deliveries of an endpoint by the outcomes of their attempts, in order."""
    path = f"/v1/webhook-endpoints/{endpoint_id}/deliveries"
    found: Counter[tuple[str, ...]] = Counter()
    for delivery in desk.call("GET", f"{path}?limit=100").json()["items"]:
        attempts = desk.call("GET", f"{path}/{delivery['id']}").json()["attempts"]
        found[tuple(attempt["outcome"] for attempt in attempts)] += 1
    return found


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
