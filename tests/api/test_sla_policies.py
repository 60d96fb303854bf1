"""SLA policies over the API, and how a ticket stands with its targets."""

from datetime import datetime, timedelta

import pytest

POLICY = {"name": "Gold", "priority": "high", "first_response_seconds": 900, "resolution_seconds": 14_400}


def test_a_policy_is_added_read_listed_and_changed(client):
    created = client.post("/v1/sla-policies", json=POLICY)
    path = created.headers["Location"]

    changed = client.patch(path, json={"first_response_seconds": None, "active": False}, headers={"If-Match": '"1"'})

    assert (created.status_code, created.headers["ETag"]) == (201, '"1"')
    assert {name: created.json[name] for name in POLICY} == POLICY
    assert (changed.json["first_response_seconds"], changed.json["active"], changed.json["version"]) == (None, False, 2)
    assert client.get(path).json == changed.json
    assert client.get("/v1/sla-policies").json["items"] == [changed.json]


def test_a_ticket_shows_its_clocks(client):
    client.post("/v1/sla-policies", json=POLICY)
    ticket = client.post("/v1/tickets", json={"subject": "x", "impact": "high"}).json

    sla = client.get(f"/v1/tickets/{ticket['id']}/sla").json

    filed = datetime.fromisoformat(ticket["created_at"])
    clocks = {clock["metric"]: clock for clock in sla["clocks"]}
    assert ticket["priority"] == "high"
    assert set(clocks) == {"first_response", "resolution"}
    assert datetime.fromisoformat(clocks["first_response"]["due_at"]) == filed + timedelta(minutes=15)
    assert datetime.fromisoformat(clocks["resolution"]["due_at"]) == filed + timedelta(hours=4)
    assert {clock["state"] for clock in clocks.values()} == {"running"}
    (segment,) = clocks["resolution"]["segments"]
    assert (segment["cause"], segment["began_at"], segment["ended_at"]) == ("start", ticket["created_at"], None)
    assert clocks["resolution"]["why"].startswith(f"Due at {(filed + timedelta(hours=4)):%Y-%m-%dT%H:%M:%S}Z: 4 h of")


@pytest.mark.parametrize(
    "body",
    [
        {"name": "Nothing promised"},
        {"name": "Zero", "resolution_seconds": 0},
        {"name": "Negative", "resolution_seconds": -5},
        {"name": "Fraction", "resolution_seconds": 1.5},
        {"name": "Text", "resolution_seconds": "60"},
        {"name": "Enormous", "resolution_seconds": 10**12},
        {"name": "Odd priority", "priority": "urgent", "resolution_seconds": 60},
        {"name": " ", "resolution_seconds": 60},
        {"resolution_seconds": 60},
        {"name": "Unknown", "resolution_seconds": 60, "calendar": "9-5"},
    ],
    ids=lambda body: str(body.get("name")),
)
def test_a_policy_that_cannot_be_kept_is_refused(client, snapshot, body):
    before = snapshot()

    answer = client.post("/v1/sla-policies", json=body)

    assert (answer.status_code, answer.json["code"]) == (422, "validation_failed")
    assert snapshot() == before


def test_a_policy_cannot_be_emptied_by_an_edit(client, snapshot):
    path = client.post("/v1/sla-policies", json={"name": "One", "resolution_seconds": 60}).headers["Location"]
    before = snapshot()

    assert client.patch(path, json={"resolution_seconds": None}).status_code == 422
    assert snapshot() == before


def test_another_organization_sees_neither_policy_nor_clocks(client, other_client):
    path = client.post("/v1/sla-policies", json=POLICY).headers["Location"]
    ticket = client.post("/v1/tickets", json={"subject": "x"}).json

    assert other_client.get(path).status_code == 404
    assert other_client.get(f"/v1/tickets/{ticket['id']}/sla").status_code == 404
    assert other_client.get("/v1/sla-policies").json["items"] == []
