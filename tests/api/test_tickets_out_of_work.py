"""What waits for a ticket that is merged or deleted: it ends, and begins anew when the ticket is back."""

from typing import Any
from uuid import uuid4

import pytest

from psms.domain.access import Role
from tests.api.conftest import ApiClient, Standing
from tests.api.test_changes import IN_MAY, LATER, MORNING, act, scheduled
from tests.support.approvers import asked, pending, person_of, put, state_of, step
from tests.support.relations import Tickets


@pytest.fixture
def client(standing: Standing) -> ApiClient:
    return ApiClient(standing.http, standing.tenant.token)


@pytest.fixture
def service(client: ApiClient) -> str:
    return str(client.post("/v1/services", json={"name": f"Service {uuid4()}"}).json["id"])


def merge(client: ApiClient, ticket: str) -> None:
    assert Tickets(client).merge(ticket, Tickets(client).file()).status_code == 200


def unmerge(client: ApiClient, ticket: str) -> None:
    assert client.post(f"/v1/tickets/{ticket}/unmerge").status_code == 200


def delete(client: ApiClient, ticket: str) -> None:
    assert client.delete(f"/v1/tickets/{ticket}").status_code == 204


def restore(client: ApiClient, ticket: str) -> None:
    assert client.post(f"/v1/tickets/{ticket}/restore").status_code == 200


WAYS = pytest.mark.parametrize(("out", "back"), [(merge, unmerge), (delete, restore)], ids=["merged", "deleted"])


def runs(standing: Standing, ticket: str) -> list[tuple[object, ...]]:
    found = standing.database.rows(
        "SELECT kind, state FROM workflow_runs WHERE ticket_id::text = %s ORDER BY created_at, id", ticket
    )
    return list(found)


@WAYS
def test_nobody_is_asked_about_it_and_the_same_are_asked_again(
    client: ApiClient, service: str, standing: Standing, out: Any, back: Any
) -> None:
    boss, clerk, requester = (person_of(standing, role) for role in (Role.MANAGER, Role.AGENT, Role.REQUESTER))
    put(client, service, step(boss), step(clerk))
    ticket = asked(requester, service)["id"]
    first = pending(boss)
    boss.votes(first)
    second = pending(clerk)

    out(client, ticket)

    assert clerk.votes(second).status_code == (404 if out is delete else 409)
    assert len(clerk.api.get("/v1/approvals?mine=true").json["items"]) == (0 if out is delete else 1)
    assert clerk.api.get("/v1/approvals?state=pending&mine=true").json["items"] == []
    assert runs(standing, ticket) == [("ticket.approval", "cancelled")]
    # What the service asks for is asked for from the beginning: it is not got round in this way.
    put(client, service)
    back(client, ticket)
    assert state_of(client, ticket) == ("pending", "awaiting_approval")
    assert runs(standing, ticket) == [("ticket.approval", "cancelled"), ("ticket.approval", "waiting")]
    for approver in (boss, clerk):
        assert approver.votes(pending(approver)).status_code == 200
    assert state_of(client, ticket) == ("open", None)


@WAYS
def test_a_resolved_ticket_waits_anew_to_be_closed(client: ApiClient, standing: Standing, out: Any, back: Any) -> None:
    tickets = Tickets(client)
    ticket = tickets.file()
    tickets.move(ticket, "resolve")

    out(client, ticket)

    assert runs(standing, ticket) == [("ticket.auto_close", "cancelled")]
    back(client, ticket)
    assert runs(standing, ticket) == [("ticket.auto_close", "cancelled"), ("ticket.auto_close", "waiting")]
    tickets.move(ticket, "close")
    assert runs(standing, ticket) == [("ticket.auto_close", "cancelled")] * 2


@WAYS
def test_a_scheduled_change_leaves_the_calendar_and_gets_back_its_window(
    client: ApiClient, service: str, standing: Standing, out: Any, back: Any
) -> None:
    ticket, other = scheduled(client, service, MORNING), scheduled(client, service, MORNING)

    def collide() -> list[str]:
        return [one["ticket_id"] for one in client.get(f"/v1/tickets/{other}/change").json["collisions"]]

    def calendar() -> set[str]:
        return {one["ticket_id"] for one in client.get(IN_MAY).json["changes"]}

    assert (collide(), calendar() & {ticket}) == ([ticket], {ticket})
    out(client, ticket)

    assert (collide(), calendar() & {ticket}) == ([], set())
    assert runs(standing, ticket) == [("change.window", "cancelled")]
    back(client, ticket)
    assert (collide(), calendar() & {ticket}) == ([ticket], {ticket})
    assert runs(standing, ticket) == [("change.window", "cancelled"), ("change.window", "waiting")]
    assert state_of(client, ticket) == ("on_hold", "scheduled")
    # Another window is watched in its turn.
    assert act(client, ticket, "schedule", **LATER).status_code == 200
    assert runs(standing, ticket)[1:] == [("change.window", "cancelled"), ("change.window", "waiting")]
