"""The whole way, on a really started system: tickets filed over the API reach a partner's signed webhook."""

import json
import os
import signal
from collections.abc import Iterator
from datetime import datetime

import pytest
from standardwebhooks import Webhook

from tests.support.desk import Desk, running_desk
from tests.support.receiver import Received, Receiver
from tests.support.stacks import RunningStack, processes_of
from tests.support.waiting import eventually


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningStack, Desk]]:
    """A system with leases of 4 s, so that what a killed worker held is soon tried again."""
    with running_desk(tmp_path_factory.mktemp("desk"), PSMS_LEASE_SECONDS="4") as started:
        yield started


def event_of(request: Received) -> dict[str, object]:
    """Return the event that a partner received."""
    event: dict[str, object] = json.loads(request.body)
    return event


def ticket_ids(partner: Receiver) -> set[str]:
    """Return the tickets that a partner was told of."""
    return {json.loads(request.body)["data"]["ticket"]["id"] for request in tuple(partner.received)}


def worker_pids(stack: RunningStack) -> set[int]:
    """Return the processes of all Celery workers of a stack."""
    lines = processes_of(stack.home)
    return {pid for pid, line in lines.items() if " psms worker " in line and "leash.py" not in line}


def test_a_ticket_filed_over_the_api_reaches_the_signed_webhook(running: tuple[RunningStack, Desk]) -> None:
    _, desk = running
    with Receiver() as partner:
        endpoint = desk.add_endpoint(partner.url("/hook"), ["ticket.created"])
        ticket_id = desk.file_ticket("The projector is dark")
        eventually(lambda: partner.received, within=10, what="the webhook")
        request = partner.received[0]

    event = Webhook(endpoint["secret"]).verify(request.body, dict(request.headers))
    deliveries = desk.call("GET", f"/v1/webhook-endpoints/{endpoint['id']}/deliveries").json()["items"]
    assert event["type"] == "ticket.created"
    assert event["data"]["ticket"]["id"] == str(ticket_id)
    assert [delivery["event_id"] for delivery in deliveries] == [request.headers["webhook-id"]]


def test_500_tickets_at_50_a_second_all_reach_the_partner(running: tuple[RunningStack, Desk]) -> None:
    _, desk = running
    with Receiver() as partner:
        desk.add_endpoint(partner.url("/hook"), ["ticket.created"])
        filed = desk.file_tickets(500, per_second=50)
        eventually(lambda: len(partner.distinct_ids()) >= 500, within=30, what="500 webhooks")

        assert ticket_ids(partner) == {str(ticket_id) for ticket_id in filed}
        assert len(partner.received) == len(partner.distinct_ids()) == 500


def test_all_workers_killed_in_the_middle_lose_nothing_and_come_back_by_themselves(
    running: tuple[RunningStack, Desk],
) -> None:
    stack, desk = running
    with Receiver() as partner:
        desk.add_endpoint(partner.url("/hook"), ["ticket.created"])
        filed = desk.file_tickets(100, per_second=50)
        victims = worker_pids(stack)
        for pid in victims:
            os.kill(pid, signal.SIGKILL)
        filed += desk.file_tickets(100, per_second=50)
        eventually(lambda: len(partner.distinct_ids()) >= 200, within=40, what="200 webhooks")

        assert ticket_ids(partner) == {str(ticket_id) for ticket_id in filed}
        assert len(partner.distinct_ids()) == 200
    assert len(victims) >= 2
    assert victims.isdisjoint(worker_pids(stack))


def test_events_carry_the_instant_of_the_commit_and_one_request_id(running: tuple[RunningStack, Desk]) -> None:
    stack, desk = running
    with Receiver() as partner:
        desk.add_endpoint(partner.url("/hook"), ["ticket.created"])
        answer = desk.call("POST", "/v1/tickets", json={"subject": "Traced"}, headers={"X-Request-ID": "trace-me-7"})
        eventually(lambda: partner.received, within=10, what="the webhook")
        event = event_of(partner.received[0])

    assert datetime.fromisoformat(str(event["timestamp"])) == datetime.fromisoformat(answer.json()["created_at"])
    assert answer.headers["X-Request-ID"] == "trace-me-7"

    def told() -> list[str]:
        return [line for line in tuple(stack.lines) if "webhook_sent" in line and "request_id=trace-me-7" in line]

    # The endpoints of other tests are told too.
    assert eventually(told, within=10, what="the line of the delivery under the request's id")
