"""Agreements between teams over HTTP: how they are written, asked for and refused, and that requesters see none."""

from typing import Any
from uuid import uuid4

import pytest

from psms.domain.access import Role
from tests.api.conftest import ApiClient

STAY: dict[str, Any] = {"seconds": 14_400}


@pytest.fixture
def team_id(client: ApiClient) -> str:
    """A team."""
    return str(client.post("/v1/teams", json={"name": "Second line"}).json["id"])


def agree(client: ApiClient, **body: Any) -> Any:
    """Send an agreement."""
    return client.post("/v1/sla-policies", json={"name": "Second line", "targets": {"with_team": STAY}, **body})


def test_an_agreement_is_shown_written_out_and_changes_no_priority_unless_it_says_so(
    client: ApiClient, team_id: str
) -> None:
    made = agree(client, conditions={"team_ids": [team_id]})

    assert made.status_code == 201, made.text
    assert made.json["conditions"]["team_ids"] == [team_id]
    (target,) = made.json["targets"].values()
    assert (target["seconds"], target["pause_on"]) == (14_400, ["pending", "on_hold"])
    assert [(level["id"], level["actions"]) for level in target["levels"]] == [
        ("at_risk", [{"type": "event"}]),
        ("breach", [{"type": "notify", "to": "assignee"}]),
    ]


@pytest.mark.parametrize(
    ("field", "body"),
    [
        ("targets.with_team", {"targets": {"with_team": STAY, "resolution": STAY}}),
        ("conditions.team_ids", {"targets": {"resolution": STAY}, "conditions": {"team_ids": [str(uuid4())]}}),
        ("conditions.team_ids.0", {"conditions": {"team_ids": [str(uuid4())]}}),
        ("targets.with_team.seconds", {"targets": {"with_team": {"seconds": 0}}}),
    ],
)
def test_what_is_no_agreement_is_refused_and_nothing_is_stored(
    client: ApiClient, snapshot: Any, field: str, body: dict[str, Any]
) -> None:
    before = snapshot()
    answer = agree(client, **body)

    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, field)
    assert snapshot() == before


def test_requesters_are_not_shown_what_teams_agreed_on(client: ApiClient, as_role: Any, team_id: str) -> None:
    requester = as_role(Role.REQUESTER)
    client.post("/v1/sla-policies", json={"name": "Usual", "resolution_seconds": 60})
    agree(client)
    ticket_id = requester.post("/v1/tickets", json={"subject": "Printer on fire"}).json["id"]
    assert client.patch(f"/v1/tickets/{ticket_id}", json={"team_id": team_id}).status_code == 200

    shown = client.get(f"/v1/tickets/{ticket_id}/sla").json["clocks"]
    for_requester = requester.get(f"/v1/tickets/{ticket_id}/sla")
    assert [(one["metric"], one["operational"], one["team_id"]) for one in shown] == [
        ("resolution", False, None),
        ("with_team", True, team_id),
    ]
    assert [one["metric"] for one in for_requester.json["clocks"]] == ["resolution"]
    assert team_id not in for_requester.text


def test_with_a_team_one_asks_which_agreement_holds_and_without_one_which_promise(
    client: ApiClient, team_id: str
) -> None:
    promise = client.post("/v1/sla-policies", json={"name": "Usual", "resolution_seconds": 60}).json["id"]
    other = agree(client, conditions={"team_ids": [team_id], "priorities": ["high"]}).json["id"]
    agreement = agree(client, conditions={"team_ids": [team_id]}).json["id"]

    def asked(**question: Any) -> Any:
        return client.post("/v1/sla-policies/match", json=question).json

    assert (asked()["policy_id"], list(asked()["targets"])) == (promise, ["resolution"])
    found = asked(team_id=team_id)
    assert (found["policy_id"], list(found["targets"])) == (agreement, ["with_team"])
    assert [(one["policy_id"], one["applies"]) for one in found["verdicts"]] == [(other, False), (agreement, True)]
    answer = client.post("/v1/sla-policies/match", json={"team_id": str(uuid4())})
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "team_id")


def test_an_agreement_is_not_tried_on_the_past(client: ApiClient, snapshot: Any) -> None:
    span = {"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"}
    before = snapshot()
    answer = client.post("/v1/sla-simulations", json={"policy": {"name": "P", "targets": {"with_team": STAY}}, **span})

    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "policy.targets")
    assert snapshot() == before
