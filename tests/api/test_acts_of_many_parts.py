"""Acts in which several parts of a ticket's life meet: problems with forms, rules with forms, runs with approvals."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from psms.domain.access import Role
from psms.domain.automations.views import Result
from tests.api.conftest import ApiClient, Standing
from tests.api.test_changes import IN_MAY, MORNING, scheduled
from tests.support.approvers import asked, pending, person_of, put, state_of, step
from tests.support.relations import Tickets, refusal
from tests.support.rules import firings, settle, write_rule

COST = {"key": "cost", "type": "number", "label": "Cost", "required": "resolving"}


@pytest.fixture
def client(standing: Standing) -> ApiClient:
    return ApiClient(standing.http, standing.tenant.token)


@pytest.fixture
def tickets(client: ApiClient) -> Tickets:
    return Tickets(client)


@pytest.fixture
def service(client: ApiClient) -> str:
    return str(client.post("/v1/services", json={"name": f"Service {uuid4()}"}).json["id"])


def form(client: ApiClient, service: str, *fields: dict[str, Any]) -> None:
    assert client.call("PUT", f"/v1/services/{service}/form", json={"fields": list(fields)}).status_code == 200


def test_an_incident_whose_form_is_not_filled_in_is_left_and_the_others_are_resolved(
    client: ApiClient, tickets: Tickets, service: str
) -> None:
    form(client, service, COST)
    problem, other = tickets.file(type="problem"), tickets.file()
    costly = tickets.file(service_id=service)
    for incident in (costly, other):
        tickets.act(problem, "links", kind="causes", ticket_id=incident)

    answer = tickets.act(problem, "resolve-with-incidents")

    assert (answer.status_code, [one["id"] for one in answer.json["resolved"]]) == (200, [other])
    assert [(one["ticket"]["id"], one["reason"]) for one in answer.json["left"]] == [(costly, "form_incomplete")]
    assert [tickets.read(one)["status"] for one in (problem, other, costly)] == ["resolved", "resolved", "new"]


def test_the_run_of_an_approval_that_is_waited_for_cannot_be_cancelled(
    client: ApiClient, service: str, standing: Standing, snapshot: Any
) -> None:
    boss, requester = person_of(standing, Role.MANAGER), person_of(standing, Role.REQUESTER)
    put(client, service, step(boss, remind_after_seconds=3600))
    ticket = asked(requester, service)["id"]
    (run,) = client.get(f"/v1/workflow-runs?ticket_id={ticket}").json["items"]

    refused = client.post(f"/v1/workflow-runs/{run['id']}/cancel", json={"reason": "Not needed"})

    assert refusal(refused)[:2] == (409, "approval_pending")
    assert client.get(f"/v1/workflow-runs/{run['id']}").json["run"]["state"] == "waiting"
    boss.votes(pending(boss))
    assert state_of(client, ticket) == ("open", None)


def test_options_name_children_that_are_not_done_and_acting_names_their_numbers(tickets: Tickets) -> None:
    parent = tickets.file()
    child = tickets.file()
    tickets.attach(child, parent)
    number = tickets.read(child)["number"]

    def options() -> tuple[set[str], dict[str, str]]:
        shown = tickets.act(parent, "transitions", "GET").json
        return {one["action"] for one in shown["legal_actions"]}, {
            one["action"]: one["guard"] for one in shown["blocked_actions"]
        }

    legal, blocked = options()
    assert ("resolve" in legal, blocked["resolve"]) == (False, "children_done")
    refused = tickets.move(parent, "resolve")
    assert (*refusal(refused)[:2], refused.json["children"]) == (409, "children_open", [number])
    illegal = tickets.move(parent, "reopen").json
    assert (illegal["code"], "resolve" in illegal["legal_actions"]) == ("action_not_allowed", False)
    assert {one["action"]: one["guard"] for one in illegal["blocked_actions"]}["resolve"] == "children_done"
    tickets.move(child, "resolve")
    tickets.move(parent, "resolve")
    tickets.move(child, "reopen")
    assert options()[1]["close"] == "children_done"
    assert refusal(tickets.move(parent, "close"))[:2] == (409, "children_open")
    tickets.move(child, "cancel")
    legal, blocked = options()
    assert ({"close", "reopen"} <= legal, "close" in blocked) == (True, False)


SEATS = {"key": "seats", "type": "number", "label": "Seats", "minimum": 1}
ROOM = {"key": "room", "type": "text", "label": "Room"}


def test_what_a_rule_writes_into_a_field_is_judged_by_the_ticket_s_form(
    client: ApiClient, service: str, standing: Standing
) -> None:
    form(client, service, SEATS, ROOM)
    fields: list[dict[str, Any]] = [
        {"type": "set_field", "field": field, "value": value}
        for field, value in (("seats", 0), ("seats", "two"), ("floor", 3), ("seats", 2), ("room", "4.01"))
    ]
    write_rule(standing.rt, standing.tenant, "ticket.created", *fields, service_ids=[service])
    ticket = Tickets(client).file(service_id=service)

    settle(standing.rt)

    (firing,) = firings(standing.rt, standing.tenant, UUID(ticket))
    assert [one.result for one in firing.actions] == [Result.FAILED] * 3 + [Result.DONE] * 2
    assert firing.actions[0].reason is not None
    assert "custom_fields.seats" in firing.actions[0].reason
    assert Tickets(client).read(ticket)["custom_fields"] == {"seats": 2, "room": "4.01"}


def test_a_rule_moves_a_change_as_a_person_would_with_its_window_and_its_outcome(
    client: ApiClient, service: str, standing: Standing
) -> None:
    def moves(action: str, tag: str) -> None:
        rule = {"type": "transition", "action": action}
        write_rule(standing.rt, standing.tenant, "ticket.updated", rule, name=action, service_ids=[service], tags=[tag])

    moves("cancel", "off")
    moves("resolve", "done")
    given_up, reviewed = scheduled(client, service, MORNING), scheduled(client, service, MORNING)
    for action in ("implement", "review"):
        assert Tickets(client).move(reviewed, action).status_code == 200

    for ticket, tag in ((given_up, "off"), (reviewed, "done")):
        assert client.patch(f"/v1/tickets/{ticket}", json={"tags": [tag]}).status_code == 200
        settle(standing.rt)

    assert state_of(client, given_up) == ("cancelled", None)
    assert [one["state"] for one in client.get(f"/v1/workflow-runs?ticket_id={given_up}").json["items"]] == [
        "cancelled"
    ]
    listed = client.get(IN_MAY).json["changes"]
    assert given_up not in {one["ticket_id"] for one in listed}
    # Nobody has said what came of it.
    assert state_of(client, reviewed) == ("open", "in_review")
