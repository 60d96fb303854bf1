"""Automatic assignment over HTTP: how a team wants it, what was decided and why, who is away, what else would be."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from psms.domain.access import Role
from tests.api.conftest import ApiClient
from workflows.routing_drain import route_tickets

NOW = datetime.now(UTC)
AN_HOUR = {"from": NOW.isoformat(), "to": (NOW + timedelta(hours=1)).isoformat()}
BY_HAND: dict[str, Any] = {
    "strategy": "manual",
    "capacity": None,
    "calendar_id": None,
    "skills": "require",
    "when_nobody": "wait",
    "members": [],
    "version": 1,
    "updated_at": None,
}
DECISION = [
    "asked_by", "candidates", "config_version", "considered", "decided_at", "id", "required", "strategy", "team_id",
    "ticket_id", "user_id", "why",
]  # fmt: skip


@pytest.fixture
def ada(client: ApiClient) -> str:
    """A person."""
    body = {"email": "ada@example.com", "name": "Ada", "role": "agent"}
    return str(client.post("/v1/users", json=body).json["id"])


@pytest.fixture
def path(client: ApiClient, ada: str) -> str:
    """Where the routing of a team of Ada is."""
    team_id = client.post("/v1/teams", json={"name": "Printers", "member_ids": [ada]}).json["id"]
    return f"/v1/teams/{team_id}/routing"


def put(client: ApiClient, path: str, **fields: Any) -> Any:
    """Say how the team's tickets are assigned."""
    return client.call("PUT", path, json={"strategy": "round_robin", **fields})


def filed(client: ApiClient, path: str) -> str:
    """File a ticket for the team and return its address."""
    body = {"subject": "Printer on fire", "team_id": path.split("/")[3]}
    return str(client.post("/v1/tickets", json=body).headers["Location"])


def test_a_team_begins_by_hand_and_is_changed_whole(client, path, ada):
    before = client.get(path)
    changed = put(client, path, capacity=3, members=[{"user_id": ada, "capacity": 5}], when_nobody="anyone")
    again = put(client, path)

    assert before.json == BY_HAND | {"team_id": path.split("/")[3]}
    assert changed.json["members"] == [{"user_id": ada, "capacity": 5, "calendar_id": None}]
    assert (changed.json["capacity"], changed.json["when_nobody"], changed.json["version"]) == (3, "anyone", 2)
    assert (again.json["capacity"], again.json["members"], again.headers["ETag"]) == (None, [], '"3"')
    assert put(client, path).json == again.json == client.get(path).json


def test_a_stale_change_is_refused(client, path, count_rows):
    put(client, path)

    answer = client.call("PUT", path, json={"strategy": "manual"}, headers={"If-Match": '"1"'})

    assert (answer.status_code, answer.json["current_version"]) == (412, 2)
    assert client.get(path).json["strategy"] == "round_robin"
    assert count_rows("routing_wakes") == 1


def test_what_cannot_be_is_refused_with_the_name_of_the_field(client, path, ada, snapshot):
    unknown = str(uuid4())
    wrong = {
        "strategy": {"strategy": "by_size"},
        "capacity": {"strategy": "manual", "capacity": -1},
        "calendar_id": {"strategy": "round_robin", "calendar_id": unknown},
        "members.1.user_id": {"strategy": "round_robin", "members": [{"user_id": ada}, {"user_id": ada}]},
        "members.0.user_id": {"strategy": "round_robin", "members": [{"user_id": unknown}]},
        "members.0.calendar_id": {
            "strategy": "round_robin",
            "members": [{"user_id": ada, "calendar_id": unknown}],
        },
    }
    before = snapshot()

    for field, body in wrong.items():
        answer = client.call("PUT", path, json=body)
        assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, field)
    assert snapshot() == before


def test_a_ticket_tells_who_got_it_and_why(client, path, ada, rt):
    put(client, path, capacity=2)
    ticket = filed(client, path)

    assert client.get(f"{ticket}/routing").json == {"items": [], "next_cursor": None}
    assert route_tickets(rt) == 1

    (decision,) = client.get(f"{ticket}/routing").json["items"]
    assert sorted(decision) == DECISION
    assert (decision["user_id"], decision["asked_by"], decision["considered"]) == (ada, None, 1)
    assert decision["why"] == (
        "Ada got it, who had not had one yet, with no open ticket of at most 2; there was nobody else."
    )
    assert decision["candidates"] == [
        {
            "user_id": ada,
            "rank": 1,
            "eligible": True,
            "obstacles": [],
            "open_tickets": 0,
            "capacity": 2,
            "score": 0,
            "last_turn": 0,
        }
    ]
    assert client.get(ticket).json["assignee_id"] == ada
    assert client.get(ticket).headers["ETag"] == '"2"'


def test_what_is_asked_for_is_decided_at_once_and_a_second_time_refused_with_the_name(client, path, ada, demo):
    put(client, path)
    ticket = filed(client, path)

    first, second = (client.post(f"{ticket}/route") for _ in range(2))

    assert (first.status_code, first.json["user_id"], first.json["asked_by"]) == (200, ada, str(demo.actor.user_id))
    assert (second.status_code, second.json["code"], second.json["assignee_name"]) == (409, "already_taken", "Ada")
    assert first.json == client.get(f"{ticket}/routing").json["items"][0]


def test_where_nobody_is_there_the_ticket_waits_and_says_why(client, path, rt):
    put(client, path, capacity=0)
    ticket = filed(client, path)

    answer = client.post(f"{ticket}/route")

    assert (answer.status_code, answer.json["user_id"]) == (200, None)
    assert answer.json["why"] == "Nobody could be given it: 1 at capacity. It waits in the team's queue."
    put(client, path, capacity=1)
    assert route_tickets(rt) == 1


def test_hours_are_those_of_the_team_or_of_the_member(client, path, ada, rt):
    another_day = (NOW + timedelta(days=3)).strftime("%a").lower()
    closed = {"name": "Closed", "time_zone": "UTC", "weekly": {another_day: [["08:00", "09:00"]]}}
    calendar = client.post("/v1/calendars", json=closed).json["id"]
    always = client.post("/v1/calendars", json={"name": "A", "time_zone": "UTC", "always_open": True}).json["id"]
    put(client, path, calendar_id=calendar)
    ticket = filed(client, path)
    assert route_tickets(rt) == 0
    assert "1 outside working hours" in client.get(f"{ticket}/routing").json["items"][0]["why"]

    put(client, path, calendar_id=calendar, members=[{"user_id": ada, "calendar_id": always}])

    assert route_tickets(rt) == 1


def test_an_agent_enters_their_own_absences_and_nobody_elses_and_others_do_not_read_why(
    client, as_role, ada, count_rows
):
    agent, other = as_role(Role.AGENT), as_role(Role.AGENT)
    own = agent.post("/v1/absences", json={**AN_HOUR, "reason": "Operation"})
    refused = agent.post("/v1/absences", json={**AN_HOUR, "user_id": ada})
    of_ada = client.post("/v1/absences", json={**AN_HOUR, "user_id": ada}).headers["Location"]
    location = own.headers["Location"]

    assert (own.status_code, refused.status_code, refused.json["code"]) == (201, 403, "not_allowed")
    assert [one.get(location).json["reason"] for one in (agent, client, other)] == ["Operation", "Operation", None]
    assert other.get(f"/v1/absences?user_id={own.json['user_id']}").json["items"][0]["reason"] is None
    assert (agent.delete(of_ada).status_code, other.delete(location).status_code) == (403, 403)
    assert count_rows("absences") == 2
    assert agent.delete(location).status_code == 204
    assert count_rows("absences") == 1
    assert "Operation" not in client.get("/v1/logs").text


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"from": AN_HOUR["to"], "to": AN_HOUR["from"]}, "to"),
        ({**AN_HOUR, "user_id": str(uuid4())}, "user_id"),
        ({"from": AN_HOUR["from"]}, "to"),
    ],
)
def test_an_absence_that_cannot_be_is_refused(still, body, field):
    answer = still.post("/v1/absences", json=body)

    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, field)


def test_skills_are_replaced_whole_and_named_once(client, ada, snapshot):
    path = f"/v1/users/{ada}/skills"
    skills = [{"skill": "Printers", "level": 4}, {"skill": "french", "level": 2}]
    assert client.call("PUT", path, json={"skills": skills}).json == {
        "skills": [{"skill": "french", "level": 2}, {"skill": "printers", "level": 4}]
    }
    before = snapshot()

    twice = [{"skill": "a", "level": 1}, {"skill": "A", "level": 2}]
    for wrong, field in ((twice, "skills.1.skill"), ([{"skill": "a", "level": 6}], "skills.0.level")):
        answer = client.call("PUT", path, json={"skills": wrong})
        assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, field)
    assert snapshot() == before
    assert client.call("PUT", path, json={"skills": []}).json == {"skills": []} == client.get(path).json


def test_nothing_of_another_organization_is_there(client, other_client, path, ada, demo):
    absence = client.post("/v1/absences", json=AN_HOUR).headers["Location"]
    asked = [
        other_client.get(path),
        put(other_client, path),
        other_client.get(f"/v1/users/{ada}/skills"),
        other_client.call("PUT", f"/v1/users/{ada}/skills", json={"skills": []}),
        other_client.get(absence),
        other_client.delete(absence),
        other_client.post(f"{filed(client, path)}/route"),
        other_client.get(f"{filed(client, path)}/routing"),
    ]

    assert [one.status_code for one in asked] == [404] * len(asked)


def test_a_simulation_says_who_would_have_had_what_and_changes_nothing(client, path, ada, snapshot):
    for _ in range(3):
        filed(client, path)
    before = snapshot()
    span = {"from": (NOW - timedelta(hours=1)).isoformat(), "to": (NOW + timedelta(hours=1)).isoformat()}

    answer = client.post(f"{path}/simulations", json={"routing": {"strategy": "least_loaded", "capacity": 2}, **span})

    assert answer.status_code == 200
    told = answer.json
    assert (told["complete"], told["tickets"], told["assigned"], told["waited"], told["unassigned"]) == (
        True,
        3,
        2,
        1,
        1,
    )
    assert told["members"] == [{"user_id": ada, "simulated": 2, "really": 0, "most_at_once": 2}]
    assert (told["different"], [one["number"] for one in told["differences"]]) == (2, [1, 2])
    assert snapshot() == before


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"routing": {"strategy": "manual"}}, "routing.strategy"),
        ({"to": "2026-01-01T00:00:00Z"}, "to"),
        ({"to": "2028-01-01T00:00:00Z"}, "to"),
        ({"routing": {"strategy": "round_robin", "members": [{"user_id": str(uuid4())}]}}, "routing.members.0.user_id"),
    ],
)
def test_a_simulation_of_what_cannot_be_is_refused(client, path, change, field):
    body = {"routing": {"strategy": "round_robin"}, "from": "2026-01-01T00:00:00Z", "to": "2026-02-01T00:00:00Z"}

    answer = client.post(f"{path}/simulations", json=body | change)

    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, field)
