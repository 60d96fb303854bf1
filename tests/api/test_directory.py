"""Users, teams, services, assignments, clients and organizations over the API."""

import pytest

from api.app import create_app
from tests.api.conftest import ApiClient

PERSON = {"email": "ada@example.com", "name": "Ada", "role": "agent"}


def token_of(http, created):
    answer = http.post(
        "/oauth/token",
        data={
            "grant_type": "client_credentials",
            "client_id": created["client_id"],
            "client_secret": created["client_secret"],
        },
    )
    assert answer.status_code == 200, answer.json
    return answer.json["access_token"]


def test_a_person_is_added_read_and_changed(client):
    created = client.post("/v1/users", json=PERSON)
    path = created.headers["Location"]

    changed = client.patch(path, json={"name": "Ada L.", "role": "manager", "active": False})

    assert (created.status_code, created.json["is_service"], created.json["active"]) == (201, False, True)
    assert (changed.json["name"], changed.json["role"], changed.json["active"]) == ("Ada L.", "manager", False)
    assert client.get(path).json == changed.json
    assert created.json["id"] in {user["id"] for user in client.get("/v1/users").json["items"]}


@pytest.mark.parametrize("email", [PERSON["email"], "ADA@example.com"])
def test_an_address_is_taken_once_in_an_organization(client, other_client, snapshot, email):
    client.post("/v1/users", json=PERSON)
    before = snapshot()

    answer = client.post("/v1/users", json={**PERSON, "email": email})

    assert (answer.status_code, answer.json["code"]) == (409, "already_exists")
    assert snapshot() == before
    assert other_client.post("/v1/users", json=PERSON).status_code == 201


def test_an_address_cannot_be_changed(client, snapshot):
    path = client.post("/v1/users", json=PERSON).headers["Location"]
    before = snapshot()

    assert client.patch(path, json={"email": "b@example.com"}).status_code == 422
    assert client.patch(path, json={"is_service": True}).status_code == 422
    assert snapshot() == before


def test_a_team_has_members(client):
    users = sorted(
        client.post("/v1/users", json={**PERSON, "email": f"{name}@example.com"}).json["id"] for name in "abc"
    )
    created = client.post("/v1/teams", json={"name": "Print", "member_ids": users[:2]})

    changed = client.patch(created.headers["Location"], json={"member_ids": [users[2], users[2]]})

    assert created.json["member_ids"] == users[:2]
    assert changed.json["member_ids"] == [users[2]]
    assert client.get("/v1/teams").json["items"] == [changed.json]


def test_a_member_who_is_unknown_is_refused_by_name_of_the_field(client, snapshot):
    path = client.post("/v1/teams", json={"name": "Print"}).headers["Location"]
    before = snapshot()

    answer = client.patch(path, json={"member_ids": ["0192f0c1-0000-7000-8000-000000000001"]})

    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "member_ids")
    assert snapshot() == before


@pytest.mark.parametrize("resource", ["services", "teams"])
def test_a_name_is_taken_once_whatever_its_case(client, snapshot, resource):
    client.post(f"/v1/{resource}", json={"name": "Printing"})
    before = snapshot()

    answer = client.post(f"/v1/{resource}", json={"name": "PRINTING"})

    assert (answer.status_code, answer.json["code"]) == (409, "already_exists")
    assert snapshot() == before


def test_a_service_is_added_read_and_changed(client):
    created = client.post("/v1/services", json={"name": "Printing", "description": "Paper"})
    path = created.headers["Location"]

    changed = client.patch(path, json={"description": "", "active": False})

    assert (changed.json["description"], changed.json["active"]) == ("", False)
    assert client.get(path).json == changed.json
    assert changed.json in client.get("/v1/services").json["items"]


def test_somebody_answers_for_a_service_until_it_ends(client, count_rows):
    service = client.post("/v1/services", json={"name": "Printing"}).json["id"]
    user = client.post("/v1/users", json=PERSON).json["id"]
    team = client.post("/v1/teams", json={"name": "Print"}).json["id"]

    by_user = client.post("/v1/assignments", json={"service_id": service, "user_id": user})
    by_team = client.post("/v1/assignments", json={"service_id": service, "user_id": None, "team_id": team})

    assert (by_user.json["user_id"], by_user.json["team_id"]) == (user, None)
    assert client.get(f"/v1/assignments?service_id={service}").json["items"] == [by_user.json, by_team.json]
    assert client.get(by_team.headers["Location"]).json == by_team.json
    assert client.delete(by_user.headers["Location"]).status_code == 204
    assert client.delete(by_user.headers["Location"]).status_code == 404
    assert count_rows("assignments") == 1


def test_an_assignment_is_of_one_and_of_one_only(client, snapshot):
    service = client.post("/v1/services", json={"name": "Printing"}).json["id"]
    user = client.post("/v1/users", json=PERSON).json["id"]
    team = client.post("/v1/teams", json={"name": "Print"}).json["id"]
    client.post("/v1/assignments", json={"service_id": service, "user_id": user})
    before = snapshot()

    both = client.post("/v1/assignments", json={"service_id": service, "user_id": user, "team_id": team})
    neither = client.post("/v1/assignments", json={"service_id": service})
    twice = client.post("/v1/assignments", json={"service_id": service, "user_id": user})

    assert [answer.status_code for answer in (both, neither, twice)] == [422, 422, 409]
    assert snapshot() == before


def test_a_client_is_made_and_its_secret_works(client, http):
    created = client.post("/v1/clients", json={"name": "CI", "role": "agent", "scopes": ["tickets:read"]})

    program = ApiClient(http, token_of(http, created.json))

    assert program.get("/v1/tickets").status_code == 200
    assert program.post("/v1/tickets", json={"subject": "x"}).status_code == 403
    read = client.get(created.headers["Location"])
    assert "client_secret" not in read.json
    assert {**read.json, "client_secret": created.json["client_secret"]} == created.json


def test_a_token_loses_a_scope_with_its_client(client, http):
    created = client.post("/v1/clients", json={"name": "CI", "role": "agent", "scopes": ["tickets:read"]})
    program = ApiClient(http, token_of(http, created.json))

    assert client.patch(created.headers["Location"], json={"scopes": []}).json["scopes"] == []
    assert program.get("/v1/tickets").status_code == 403


def test_an_organization_is_founded_with_a_client_of_its_own(client, http, rt):
    created = client.post("/v1/organizations", json={"name": "Partner"})
    partner = ApiClient(http, token_of(http, created.json))

    (own,) = partner.get("/v1/organizations").json["items"]

    assert (own["id"], own["name"]) == (created.json["id"], "Partner")
    assert partner.post("/v1/tickets", json={"subject": "x"}).json["number"] == 1
    assert client.get(created.headers["Location"]).status_code == 404
    assert create_app(rt).test_client().get(created.headers["Location"]).status_code == 401


def test_an_organization_is_renamed_and_given_another_default_service(client):
    (own,) = client.get("/v1/organizations").json["items"]
    service = client.post("/v1/services", json={"name": "Printing"}).json["id"]

    changed = client.patch(f"/v1/organizations/{own['id']}", json={"name": "New", "default_service_id": service})

    assert (changed.json["name"], changed.json["default_service_id"]) == ("New", service)
    assert client.post("/v1/tickets", json={"subject": "x"}).json["service_id"] == service


def test_without_a_default_service_a_ticket_must_name_one(client, snapshot):
    (own,) = client.get("/v1/organizations").json["items"]
    client.patch(f"/v1/organizations/{own['id']}", json={"default_service_id": None})
    before = snapshot()

    answer = client.post("/v1/tickets", json={"subject": "x"})

    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "service_id")
    assert snapshot() == before


def test_everything_that_was_done_is_in_the_audit_trail(client):
    user = client.post("/v1/users", json=PERSON).json["id"]
    client.patch(f"/v1/users/{user}", json={"name": "Ada L."})

    entries = client.get(f"/v1/logs?target_type=user&target_id={user}").json["items"]

    assert [(entry["action"], entry["outcome"]) for entry in entries] == [
        ("user.updated", "done"),
        ("user.created", "done"),
    ]
    assert (entries[0]["before"], entries[0]["after"]) == ({"name": "Ada"}, {"name": "Ada L."})


def test_the_audit_trail_is_filtered_and_paged(client, demo):
    for number in range(3):
        client.post("/v1/services", json={"name": f"number {number}"})
    mine = f"/v1/logs?action=service.created&actor_id={demo.actor.user_id}"

    first = client.get(f"{mine}&limit=2").json
    rest = client.get(f"{mine}&limit=2&cursor={first['next_cursor']}").json

    names = [entry["after"]["name"] for entry in first["items"] + rest["items"]]
    assert (names, rest["next_cursor"]) == (["number 2", "number 1", "number 0"], None)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_the_audit_trail_cannot_be_written(still, method):
    assert still.call(method, "/v1/logs", json={}).status_code == 405
