"""Tickets over the API: opened with defaults, listed, edited, moved and commented on."""

from datetime import datetime

import pytest

from psms.domain.access import Role


def open_ticket(client, **fields):
    answer = client.post("/v1/tickets", json={"subject": "Printer on fire", **fields})
    assert answer.status_code == 201, answer.json
    return answer


def test_only_the_subject_is_needed(client, demo):
    answer = open_ticket(client)
    organization = client.get("/v1/organizations").json["items"][0]

    assert answer.headers["Location"] == f"/v1/tickets/{answer.json['id']}"
    assert {name: value for name, value in answer.json.items() if name not in {"id", "created_at", "updated_at"}} == {
        "number": 1,
        "type": "incident",
        "subject": "Printer on fire",
        "description": "",
        "status": "new",
        "impact": "medium",
        "urgency": "medium",
        "priority": "medium",
        "service_id": organization["default_service_id"],
        "requester_id": str(demo.actor.user_id),
        "assignee_id": None,
        "team_id": None,
        "tags": [],
        "custom_fields": {},
        "priority_source": "matrix",
        "priority_reason": None,
        "stage": None,
        "form_version": None,
        "parent_id": None,
        "merged_into_id": None,
        "state_id": None,
        "version": 1,
        "resolved_at": None,
        "closed_at": None,
    }
    assert answer.json["created_at"].endswith("Z")
    assert client.get(answer.headers["Location"]).data == answer.data


def test_everything_that_is_said_is_kept(client):
    service = client.post("/v1/services", json={"name": "Printing"}).json["id"]
    user = client.post("/v1/users", json={"email": "a@b.example", "name": "A", "role": "agent"}).json["id"]
    team = client.post("/v1/teams", json={"name": "Print", "member_ids": [user]}).json["id"]
    wanted = {
        "type": "problem",
        "subject": "Größe 😀",
        "description": "line\nline\ttab",
        "impact": "high",
        "urgency": "high",
        "priority": "low",
        "service_id": service,
        "requester_id": user,
        "assignee_id": user,
        "team_id": team,
        "tags": ["a", "b"],
        "custom_fields": {"deep": [{"er": None}], "n": 1.5, "yes": True},
    }

    answer = open_ticket(client, **wanted)

    assert {name: answer.json[name] for name in wanted} == wanted
    assert client.get(answer.headers["Location"]).json == answer.json


@pytest.mark.parametrize(
    ("impact", "urgency", "priority"), [("high", "high", "critical"), ("low", "low", "low"), ("high", "low", "medium")]
)
def test_the_priority_follows_from_impact_and_urgency(client, impact, urgency, priority):
    assert open_ticket(client, impact=impact, urgency=urgency).json["priority"] == priority


def test_an_edit_changes_what_it_names_and_nothing_else(client):
    before = open_ticket(client, tags=["a"], description="kept").json

    after = client.patch(f"/v1/tickets/{before['id']}", json={"urgency": "high", "tags": [], "custom_fields": {"a": 1}})

    changed = {"urgency", "priority", "tags", "custom_fields", "version", "updated_at"}
    assert after.status_code == 200
    assert {name for name in before if before[name] != after.json[name]} == changed
    assert (after.json["priority"], after.json["version"]) == ("high", 2)


def test_somebody_can_be_assigned_and_unassigned(client, demo):
    path = open_ticket(client).headers["Location"]

    assert client.patch(path, json={"assignee_id": str(demo.actor.user_id)}).json["assignee_id"] is not None
    assert client.patch(path, json={"assignee_id": None}).json["assignee_id"] is None


@pytest.mark.parametrize("field", ["type", "requester_id", "status", "number", "version", "created_at", "id"])
def test_some_fields_are_not_edited(client, snapshot, field):
    path = open_ticket(client).headers["Location"]
    before = snapshot()

    answer = client.patch(path, json={field: None})

    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, field)
    assert snapshot() == before


def test_a_ticket_goes_through_its_life(client):
    path = open_ticket(client).headers["Location"]

    states = [
        client.post(f"{path}/transitions", json={"action": action}).json["status"]
        for action in ("open", "pend", "hold", "resume", "resolve", "reopen", "resolve", "close")
    ]

    closed = client.get(path).json
    assert states == ["open", "pending", "on_hold", "open", "resolved", "open", "resolved", "closed"]
    assert closed["version"] == 9
    assert datetime.fromisoformat(closed["resolved_at"]) <= datetime.fromisoformat(closed["closed_at"])
    assert client.post(f"{path}/transitions", json={"action": "open"}).json["legal_actions"] == []


@pytest.mark.parametrize("body", [{}, {"action": "explode"}, {"action": None}, {"action": "open", "note": "x"}])
def test_an_action_that_is_none_is_422(client, snapshot, body):
    path = open_ticket(client).headers["Location"]
    before = snapshot()

    assert client.post(f"{path}/transitions", json=body).status_code == 422
    assert snapshot() == before


def test_comments_are_listed_in_the_order_in_which_they_were_written(client, demo):
    path = open_ticket(client).headers["Location"] + "/comments"

    written = [client.post(path, json={"body": f"number {number}"}) for number in range(3)]

    assert [answer.status_code for answer in written] == [201] * 3
    assert client.get(path).json["items"] == [answer.json for answer in written]
    assert {(one.json["author_id"], one.json["visibility"]) for one in written} == {(str(demo.actor.user_id), "public")}


@pytest.mark.parametrize(
    "body", [{}, {"body": ""}, {"body": " "}, {"body": "x" * 65_537}, {"body": "x", "visibility": "secret"}]
)
def test_a_wrong_comment_is_422(client, snapshot, body):
    path = open_ticket(client).headers["Location"] + "/comments"
    before = snapshot()

    assert client.post(path, json=body).status_code == 422
    assert snapshot() == before


def test_a_list_is_newest_first_and_page_by_page_complete(client):
    filed = [open_ticket(client, subject=f"number {number}").json["id"] for number in range(7)]

    pages = []
    path = "/v1/tickets?limit=3"
    while path:
        page = client.get(path).json
        pages.append([ticket["id"] for ticket in page["items"]])
        path = page["next_cursor"] and f"/v1/tickets?limit=3&cursor={page['next_cursor']}"

    assert [len(page) for page in pages] == [3, 3, 1]
    assert [identifier for page in pages for identifier in page] == filed[::-1]


def test_a_list_that_ends_with_a_full_page_says_so(client):
    for _ in range(2):
        open_ticket(client)

    assert client.get("/v1/tickets?limit=2").json["next_cursor"] is None
    assert len(client.get("/v1/tickets").json["items"]) == 2


def test_what_is_filed_meanwhile_does_not_disturb_the_pages(client):
    filed = [open_ticket(client).json["id"] for _ in range(4)]
    first = client.get("/v1/tickets?limit=2").json
    open_ticket(client)

    second = client.get(f"/v1/tickets?limit=2&cursor={first['next_cursor']}").json

    assert [ticket["id"] for ticket in second["items"]] == [filed[1], filed[0]]


def test_a_list_is_filtered_by_what_tickets_are(client, as_role, demo):
    requester = as_role(Role.REQUESTER)
    own = open_ticket(requester, subject="own").json
    client.patch(f"/v1/tickets/{own['id']}", json={"tags": ["vip"]})
    other = open_ticket(client, subject="other", type="request", impact="high", urgency="high").json
    client.patch(f"/v1/tickets/{other['id']}", json={"assignee_id": str(demo.actor.user_id)})
    client.post(f"/v1/tickets/{other['id']}/transitions", json={"action": "open"})

    def found(query):
        return [ticket["subject"] for ticket in client.get(f"/v1/tickets?{query}").json["items"]]

    assert found("status=new") == ["own"]
    assert found("status=open&type=request") == ["other"]
    assert found("status=new&type=request") == []
    assert found("priority=critical") == ["other"]
    assert found(f"assignee_id={demo.actor.user_id}") == ["other"]
    assert found(f"requester_id={own['requester_id']}") == ["own"]
    assert found(f"service_id={own['service_id']}") == ["other", "own"]
    assert found("tag=vip") == ["own"]
    assert found("tag=vip&limit=1") == ["own"]
