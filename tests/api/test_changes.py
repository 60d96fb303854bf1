"""Changes over the API: planned, approved, scheduled, implemented, reviewed; the calendar, and what collides in it."""

from typing import Any
from uuid import uuid4

import pytest

from psms.domain.access import Role
from tests.api.conftest import ApiClient, Standing
from tests.support.approvers import pending, person_of, put, state_of, step

PLAN = {"plan": "Swap the disks.", "backout_plan": "Swap them back.", "risk": "high"}
MORNING = {"planned_start": "2126-05-01T06:00:00Z", "planned_end": "2126-05-01T08:00:00Z"}
LATER = {"planned_start": "2126-05-01T07:30:00Z", "planned_end": "2126-05-01T09:00:00Z"}
IN_MAY = "/v1/change-calendar?from=2126-05-01T00:00:00Z&to=2126-06-01T00:00:00Z"


@pytest.fixture
def client(standing: Standing) -> ApiClient:
    return ApiClient(standing.http, standing.tenant.token)


@pytest.fixture
def service(client: ApiClient) -> str:
    return str(client.post("/v1/services", json={"name": f"Storage {uuid4()}"}).json["id"])


def filed(client: ApiClient, service: str) -> str:
    body = {"subject": "New disks", "type": "change", "service_id": service}
    return str(client.post("/v1/tickets", json=body).json["id"])


def act(client: ApiClient, ticket: str, action: str, **fields: Any) -> Any:
    return client.post(f"/v1/tickets/{ticket}/transitions", json={"action": action, **fields})


def planned(client: ApiClient, service: str, plan: dict[str, Any]) -> str:
    ticket = filed(client, service)
    assert act(client, ticket, "plan").json["stage"] == "planning"
    assert client.patch(f"/v1/tickets/{ticket}/change", json=plan).status_code == 200
    return ticket


def scheduled(client: ApiClient, service: str, window: dict[str, str]) -> str:
    ticket = planned(client, service, {**PLAN, "risk": "low"})
    answer = act(client, ticket, "schedule", **window)
    assert (answer.status_code, answer.json["status"], answer.json["stage"]) == (200, "on_hold", "scheduled")
    return ticket


def test_a_change_is_planned_approved_and_put_into_a_window(client, service, standing):
    boss = person_of(standing, Role.MANAGER)
    put(client, service, step(boss))
    ticket = filed(client, service)
    path = f"/v1/tickets/{ticket}"
    assert state_of(client, ticket) == ("new", "planning")
    assert act(client, ticket, "resolve").json["legal_actions"] == ["cancel", "plan"]

    act(client, ticket, "plan")
    refused = act(client, ticket, "request_approval").json
    assert {one["action"]: one["guard"] for one in refused["blocked_actions"]} == {
        "request_approval": "planned",
        "schedule": "planned",
    }
    assert client.patch(f"{path}/change", json=PLAN).json["version"] == 1
    assert act(client, ticket, "request_approval").json["stage"] == "awaiting_approval"
    frozen = client.patch(f"{path}/change", json={"plan": "Something else."})
    assert (frozen.status_code, frozen.json["code"]) == (409, "action_not_allowed")
    boss.votes(pending(boss), "reject")
    assert state_of(client, ticket) == ("open", "planning")
    act(client, ticket, "request_approval")
    boss.votes(pending(boss))
    assert state_of(client, ticket) == ("open", "approved")
    missing = act(client, ticket, "schedule")
    assert (missing.status_code, missing.json["errors"][0]["field"]) == (422, "planned_start")
    backwards = act(
        client, ticket, "schedule", planned_start=MORNING["planned_end"], planned_end=MORNING["planned_start"]
    )
    assert (backwards.status_code, backwards.json["errors"][0]["field"]) == (422, "planned_end")


def test_a_change_is_resolved_with_its_outcome_in_review(client, service):
    ticket = scheduled(client, service, MORNING)

    assert act(client, ticket, "implement").json["stage"] == "implementing"
    assert act(client, ticket, "review").json["stage"] == "in_review"
    assert act(client, ticket, "resolve").json["errors"][0]["field"] == "outcome"
    assert act(client, ticket, "resolve", outcome="successful").json["status"] == "resolved"
    assert act(client, ticket, "reopen").json["stage"] == "in_review"
    # The outcome was said before.
    assert act(client, ticket, "resolve").json["status"] == "resolved"
    assert act(client, ticket, "close").json["status"] == "closed"
    shown = client.get(f"/v1/tickets/{ticket}/change").json
    assert (shown["outcome"], shown["planned_start"]) == ("successful", MORNING["planned_start"])


def test_a_change_without_a_stage_moves_as_it_always_has(client, service):
    ticket = filed(client, service)

    for action, status in (("open", "open"), ("hold", "on_hold"), ("resume", "open"), ("resolve", "resolved")):
        assert act(client, ticket, action).json["status"] == status
    assert state_of(client, ticket) == ("resolved", None)
    assert act(client, ticket, "close", outcome="failed").json["errors"][0]["field"] == "outcome"


def test_a_high_risk_needs_consent_although_the_service_asks_nobody(client, service):
    ticket = planned(client, service, PLAN)

    refused = act(client, ticket, "schedule", **MORNING)

    assert refused.status_code == 409
    assert {one["action"]: one["guard"] for one in refused.json["blocked_actions"]} == {
        "request_approval": "has_chain",
        "schedule": "standard",
    }


def test_what_collides_is_told_and_forbids_nothing(client, service):
    first, second = scheduled(client, service, MORNING), scheduled(client, service, LATER)

    shown = client.get(f"/v1/tickets/{second}/change").json
    assert [one["ticket_id"] for one in shown["collisions"]] == [first]
    entries = {one["ticket_id"]: one["collides"] for one in client.get(IN_MAY).json["changes"]}
    assert (entries[first], entries[second]) == (True, True)
    act(client, first, "cancel")
    assert client.get(f"/v1/tickets/{second}/change").json["collisions"] == []
    entries = {one["ticket_id"]: one["collides"] for one in client.get(IN_MAY).json["changes"]}
    assert first not in entries
    assert entries[second] is False


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("from=2126-05-01T00:00:00Z&to=2126-05-01T00:00:00Z", "to"),
        ("from=2126-05-01T00:00:00Z&to=2128-05-01T00:00:00Z", "to"),
        ("from=2126-05-01T00:00:00Z", "to"),
    ],
)
def test_a_span_that_makes_no_sense_is_refused(client, query, field):
    answer = client.get(f"/v1/change-calendar?{query}")

    assert (answer.status_code, [one["field"] for one in answer.json["errors"]]) == (422, [field])


def test_only_a_change_has_a_plan(client):
    ticket = client.post("/v1/tickets", json={"subject": "x"}).json["id"]

    assert client.get(f"/v1/tickets/{ticket}/change").status_code == 404
    assert client.patch(f"/v1/tickets/{ticket}/change", json=PLAN).status_code == 404
