"""Who is let in: bearer tokens, permissions of routes, and refusals that are written down."""

import json

import pytest

from api.app import create_app
from psms.domain.access import Role, Scope
from tests.api.conftest import ApiClient
from tests.support.tenants import add_caller

EVERY_ROUTE = [
    ("GET", "/v1/tickets"),
    ("POST", "/v1/tickets"),
    ("GET", "/v1/tickets/{id}"),
    ("PATCH", "/v1/tickets/{id}"),
    ("POST", "/v1/tickets/{id}/transitions"),
    ("GET", "/v1/tickets/{id}/comments"),
    ("POST", "/v1/tickets/{id}/comments"),
    ("GET", "/v1/organizations"),
    ("POST", "/v1/organizations"),
    ("PATCH", "/v1/organizations/{id}"),
    ("GET", "/v1/users"),
    ("POST", "/v1/users"),
    ("GET", "/v1/teams"),
    ("GET", "/v1/services"),
    ("GET", "/v1/assignments"),
    ("DELETE", "/v1/assignments/{id}"),
    ("GET", "/v1/clients"),
    ("GET", "/v1/webhook-endpoints"),
    ("DELETE", "/v1/webhook-endpoints/{id}"),
    ("POST", "/v1/webhook-endpoints/{id}/test"),
    ("POST", "/v1/webhook-endpoints/{id}/verify"),
    ("GET", "/v1/webhook-endpoints/{id}/deliveries"),
    ("POST", "/v1/webhook-endpoints/{id}/deliveries/{id}/resend"),
    ("GET", "/v1/logs"),
]
SOME_ID = "0192f0c1-0000-7000-8000-000000000001"


@pytest.mark.parametrize(("method", "path"), EVERY_ROUTE)
def test_without_a_token_nothing_is_looked_at(still, method, path):
    answer = still.call(method, path.format(id=SOME_ID), data=b"{", headers={"Authorization": ""})

    assert (answer.status_code, answer.json["code"]) == (401, "not_authenticated")
    assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="psms"')


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Bearer sda_" + "A" * 43 + "00000000",
        "Bearer sda_" + "A" * 43 + "00000000 extra",
        "Basic dXNlcjpwYXNz",
        "sda_x",
        "Bearer \x00",
        "Bearer é",
        "Bearer " + "x" * 10_000,
    ],
)
def test_anything_but_a_live_token_is_401(still, header):
    answer = still.get("/v1/tickets", headers={"Authorization": header})

    assert (answer.status_code, answer.json["code"]) == (401, "not_authenticated")


def test_whoever_tried_a_token_is_told_that_it_is_no_good(still):
    tried = still.get("/v1/tickets", headers={"Authorization": "Bearer x"})

    assert tried.headers["WWW-Authenticate"] == 'Bearer realm="psms", error="invalid_token"'


def test_the_scheme_may_be_written_in_any_case(http, demo):
    answer = http.get("/v1/tickets", headers={"Authorization": f"bEARER {demo.token}"})

    assert answer.status_code == 200


def test_a_token_in_the_address_is_ignored(http, demo):
    assert http.get(f"/v1/tickets?access_token={demo.token}").status_code == 401


def test_a_route_that_nobody_has_declared_is_closed(rt, demo):
    app = create_app(rt)
    app.add_url_rule("/v1/forgotten", "forgotten", lambda: "open to the world")
    http = app.test_client()

    for headers in ({}, {"Authorization": f"Bearer {demo.token}"}):
        answer = http.get("/v1/forgotten", headers=headers)
        assert (answer.status_code, json.loads(answer.data)["code"]) == (403, "not_allowed")
        assert b"world" not in answer.data


def test_a_role_without_the_permission_is_403_before_its_body_is_read(as_role):
    answer = as_role(Role.AUDITOR).post("/v1/tickets", data=b"{")

    assert (answer.status_code, answer.json["code"]) == (403, "not_allowed")
    assert answer.json["detail"] == "The role auditor does not include ticket.create."


def test_a_scope_that_the_token_lacks_is_403_and_named(http, rt, demo):
    reader = add_caller(rt, demo.organization_id, Role.ADMIN, (Scope.TICKETS_READ.value,))
    client = ApiClient(http, reader.token)

    answer = client.post("/v1/tickets", json={"subject": "x"})

    assert client.get("/v1/tickets").status_code == 200
    assert (answer.status_code, answer.json["detail"]) == (
        403,
        "The access token lacks the scope tickets:write.",
    )


def test_a_refusal_changes_nothing_but_the_audit_trail_where_it_is_written(client, as_role, snapshot):
    ticket = client.post("/v1/tickets", json={"subject": "x"})
    auditor = as_role(Role.AUDITOR)
    before = snapshot()

    answer = auditor.patch(ticket.headers["Location"], json={"subject": "mine"}, headers={"X-Request-ID": "denied-1"})

    after = snapshot()
    assert answer.status_code == 403
    assert {table for table in before if before[table] != after[table]} == {"logs"}
    (entry,) = client.get("/v1/logs?action=ticket.update").json["items"]
    assert (entry["outcome"], entry["request_id"]) == ("denied", "denied-1")
    assert (entry["target_type"], entry["target_id"]) == ("ticket", ticket.json["id"])
    assert entry["after"] == {"reason": "The role auditor does not include ticket.update."}


def test_what_only_the_workflow_can_refuse_is_written_down_too(client, as_role):
    ticket = client.post("/v1/tickets", json={"subject": "x"})

    answer = as_role(Role.REQUESTER).post(
        "/v1/tickets", json={"subject": "x", "requester_id": ticket.json["requester_id"]}
    )

    assert (answer.status_code, answer.json["code"]) == (403, "not_allowed")
    (entry,) = client.get("/v1/logs?action=ticket.create").json["items"]
    assert entry["outcome"] == "denied"


def test_a_client_that_is_switched_off_is_out_at_once(client, as_role):
    agent = as_role(Role.AGENT)
    (found,) = [one for one in client.get("/v1/clients").json["items"] if one["role"] == "agent"]

    assert agent.get("/v1/tickets").status_code == 200
    client.patch(f"/v1/clients/{found['id']}", json={"active": False})
    assert agent.get("/v1/tickets").status_code == 401


def test_a_client_cannot_be_given_more_than_its_maker_has(http, rt, demo, snapshot):
    scopes = (Scope.CLIENTS_MANAGE.value, Scope.TICKETS_READ.value)
    maker = ApiClient(http, add_caller(rt, demo.organization_id, Role.ADMIN, scopes).token)
    wanted = {"name": "x", "role": "agent", "scopes": ["tickets:write"]}
    before = snapshot()

    answer = maker.post("/v1/clients", json=wanted)

    after = snapshot()
    assert answer.status_code == 403
    assert {table for table in before if before[table] != after[table]} == {"logs"}


def test_a_requester_sees_their_own_tickets_alone(client, as_role):
    theirs = client.post("/v1/tickets", json={"subject": "theirs"}).headers["Location"]
    requester = as_role(Role.REQUESTER)
    own = requester.post("/v1/tickets", json={"subject": "own"})

    assert requester.get(theirs).status_code == 404
    assert requester.get(f"{theirs}/comments").status_code == 404
    assert [ticket["subject"] for ticket in requester.get("/v1/tickets").json["items"]] == ["own"]
    assert requester.get(own.headers["Location"]).status_code == 200


def test_internal_comments_are_not_for_the_requester(client, as_role):
    requester = as_role(Role.REQUESTER)
    path = requester.post("/v1/tickets", json={"subject": "own"}).headers["Location"] + "/comments"
    client.post(path, json={"body": "between us", "visibility": "internal"})
    client.post(path, json={"body": "hello"})

    assert [comment["body"] for comment in requester.get(path).json["items"]] == ["hello"]
    assert [comment["body"] for comment in client.get(path).json["items"]] == ["between us", "hello"]
    assert requester.post(path, json={"body": "x", "visibility": "internal"}).status_code == 403


def test_no_token_or_secret_is_in_the_log(http, demo, capsys):
    http.get("/v1/tickets", headers={"Authorization": f"Bearer {demo.token}"})
    http.post(
        "/oauth/token",
        data={
            "grant_type": "client_credentials",
            "client_id": demo.client.client_id,
            "client_secret": demo.client_secret,
        },
    )

    printed = json.dumps(capsys.readouterr())
    assert demo.token not in printed
    assert demo.client_secret not in printed
    assert "/oauth/token" in printed
