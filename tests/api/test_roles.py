"""Roles of an organization's own: made, given, changed and removed, and never wider than their base or their maker."""

import pytest

from psms.domain.access import Permission, Role, Scope
from psms.domain.access.matrix import permissions_of
from tests.api.conftest import ApiClient
from tests.support.tenants import EVERY_SCOPE, add_caller

READER = {"name": "Reader", "base_role": "agent", "permissions": ["ticket.read", "comment.read"]}
PERSON = {"email": "ada@example.com", "name": "Ada"}


@pytest.fixture
def holder(client, http, rt, demo):
    """A client with the role READER: its caller, its address and the role's address."""
    role = client.post("/v1/roles", json=READER)
    caller = add_caller(rt, demo.organization_id, Role.AGENT)
    path = f"/v1/clients/{caller.client.id}"
    given = client.patch(path, json={"role_id": role.json["id"]})
    assert given.status_code == 200, given.json
    return ApiClient(http, caller.token), path, role.headers["Location"]


def test_a_role_is_made_read_changed_and_removed(client):
    created = client.post("/v1/roles", json=READER)
    path = created.headers["Location"]

    changed = client.patch(path, json={"permissions": ["ticket.read"]}, headers={"If-Match": created.headers["ETag"]})

    assert created.status_code == 201
    assert created.json["permissions"] == ["comment.read", "ticket.read"]
    assert (changed.status_code, changed.json["permissions"], changed.json["version"]) == (200, ["ticket.read"], 2)
    assert client.get(path).json == changed.json == client.get("/v1/roles").json["items"][0]
    assert client.patch(path, json={"name": "x"}, headers={"If-Match": '"1"'}).status_code == 412
    assert client.delete(path, headers={"If-Match": '"1"'}).status_code == 412
    assert client.delete(path, headers={"If-Match": '"2"'}).status_code == 204
    assert client.get(path).status_code == 404
    actions = [entry["action"] for entry in client.get("/v1/logs?target_type=role").json["items"]]
    assert actions == ["role.deleted", "role.updated", "role.created"]


def test_a_repeated_request_makes_one_role(client):
    again = {"json": READER, "headers": {"Idempotency-Key": "once"}}

    first, second = client.post("/v1/roles", **again), client.post("/v1/roles", **again)

    assert (first.json, second.headers["Idempotency-Replayed"]) == (second.json, "true")
    assert len(client.get("/v1/roles").json["items"]) == 1


def test_whoever_has_a_role_may_do_what_it_keeps_and_no_more(client, holder):
    caller, path, _ = holder
    ticket = client.post("/v1/tickets", json={"subject": "x"}).headers["Location"]

    refused = caller.patch(ticket, json={"subject": "mine"})

    assert (caller.get(ticket).status_code, caller.get("/v1/services").status_code) == (200, 403)
    assert refused.status_code == 403
    assert refused.json["detail"] == "Your role, a narrower form of agent, does not include ticket.update."
    assert (client.get(path).json["role"], client.get(path).json["role_id"] is None) == ("agent", False)


def test_a_changed_role_counts_with_the_next_request(client, holder):
    caller, _, role = holder
    assert caller.get("/v1/services").status_code == 403

    client.patch(role, json={"permissions": ["service.read"]})

    assert (caller.get("/v1/services").status_code, caller.get("/v1/tickets").status_code) == (200, 403)


def test_a_role_that_somebody_has_stays(client, holder, snapshot):
    _, path, role = holder
    before = snapshot()

    answer = client.delete(role)

    assert (answer.status_code, answer.json["code"]) == (409, "still_in_use")
    assert snapshot() == before
    client.patch(path, json={"role": "agent"})
    assert client.delete(role).status_code == 204


def test_a_person_is_given_a_role_and_another(client):
    role = client.post("/v1/roles", json=READER).json["id"]
    created = client.post("/v1/users", json={**PERSON, "role_id": role})
    path = created.headers["Location"]

    assert (created.json["role"], created.json["role_id"]) == ("agent", role)
    assert client.delete(f"/v1/roles/{role}").status_code == 409
    changed = client.patch(path, json={"role": "manager"})
    assert (changed.json["role"], changed.json["role_id"]) == ("manager", None)
    assert client.delete(f"/v1/roles/{role}").status_code == 204


@pytest.mark.parametrize("kind", ["users", "clients"])
def test_a_body_names_one_role(client, snapshot, kind):
    role = client.post("/v1/roles", json=READER).json["id"]
    body: dict[str, object] = {**PERSON} if kind == "users" else {"name": "C", "scopes": []}
    before = snapshot()

    neither = client.post(f"/v1/{kind}", json=body)
    both = client.post(f"/v1/{kind}", json={**body, "role": "agent", "role_id": role})
    unknown = client.post(f"/v1/{kind}", json={**body, "role_id": "0192f0c1-0000-7000-8000-000000000001"})

    assert [answer.status_code for answer in (neither, both, unknown)] == [422] * 3
    assert [answer.json["errors"][0]["field"] for answer in (neither, both, unknown)] == ["role", "role", "role_id"]
    assert snapshot() == before


def test_another_organizations_role_cannot_be_given(client, other_client, snapshot):
    theirs = other_client.post("/v1/roles", json=READER).json["id"]
    user = client.post("/v1/users", json={**PERSON, "role": "agent"}).headers["Location"]
    before = snapshot()

    answers = [
        client.post("/v1/users", json={**PERSON, "email": "b@example.com", "role_id": theirs}),
        client.patch(user, json={"role_id": theirs}),
        client.post("/v1/clients", json={"name": "C", "scopes": [], "role_id": theirs}),
    ]

    assert {(answer.status_code, answer.json["errors"][0]["field"]) for answer in answers} == {(422, "role_id")}
    assert snapshot() == before


def test_the_service_user_of_a_client_has_the_clients_role(client, snapshot):
    created = client.post("/v1/clients", json={"name": "C", "role": "agent", "scopes": []}).json
    user = f"/v1/users/{created['user_id']}"
    before = snapshot()

    refused = client.patch(user, json={"role": "admin"})

    assert (refused.status_code, refused.json["errors"][0]["field"]) == (422, "role")
    assert snapshot() == before
    client.patch(f"/v1/clients/{created['id']}", json={"role": "auditor"})
    assert client.get(user).json["role"] == "auditor"


@pytest.mark.parametrize("base", Role)
def test_a_role_cannot_exceed_its_base(client, snapshot, base):
    beyond = sorted(frozenset(Permission) - permissions_of(base))
    before = snapshot()
    for permission in beyond:
        answer = client.post("/v1/roles", json={"name": "x", "base_role": base, "permissions": [permission]})
        assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "permissions"), permission
    assert snapshot() == before


def test_a_role_cannot_exceed_its_maker(http, rt, demo, client, count_rows):
    scopes = tuple(scope for scope in EVERY_SCOPE if scope != Scope.AUDIT_READ)
    maker = ApiClient(http, add_caller(rt, demo.organization_id, Role.ADMIN, scopes).token)
    role = client.post("/v1/roles", json={**READER, "base_role": "auditor", "permissions": []}).headers["Location"]

    made = maker.post("/v1/roles", json={"name": "x", "base_role": "auditor", "permissions": ["log.read"]})
    widened = maker.patch(role, json={"permissions": ["log.read"]})

    assert (made.status_code, widened.status_code) == (403, 403)
    assert count_rows("roles") == 1
    assert client.get(role).json["permissions"] == []


def test_a_manager_gives_agent_and_requester_and_leaves_admins_alone(client, as_role):
    manager = as_role(Role.MANAGER)
    boss = client.post("/v1/users", json={**PERSON, "role": "admin"}).headers["Location"]
    given = {
        role.value: manager.post("/v1/users", json={"email": f"{role}@example.com", "name": "N", "role": role.value})
        for role in Role
    }

    assert {role: answer.status_code for role, answer in given.items()} == {
        "admin": 403,
        "manager": 403,
        "agent": 201,
        "requester": 201,
        "integration": 403,
        "auditor": 403,
    }
    agent = given["agent"].headers["Location"]
    assert manager.patch(agent, json={"role": "requester"}).status_code == 200
    assert manager.patch(agent, json={"role": "manager"}).status_code == 403
    assert manager.patch(boss, json={"active": False}).status_code == 403
    assert client.get(boss).json["active"] is True


def test_a_lesser_admin_makes_and_changes_no_greater_one(client, http, rt, demo):
    kept = sorted(frozenset(Permission) - {Permission.WEBHOOK_MANAGE})
    role = client.post("/v1/roles", json={"name": "Lesser", "base_role": "admin", "permissions": kept}).json["id"]
    caller = add_caller(rt, demo.organization_id, Role.ADMIN)
    client.patch(f"/v1/clients/{caller.client.id}", json={"role_id": role})
    lesser = ApiClient(http, caller.token)
    boss = client.post("/v1/users", json={**PERSON, "role": "admin"}).headers["Location"]
    greater = f"/v1/clients/{demo.client.id}"

    attempts = [
        lesser.post("/v1/users", json={"email": "b@example.com", "name": "B", "role": "admin"}),
        lesser.patch(boss, json={"active": False}),
        lesser.post("/v1/clients", json={"name": "C", "role": "admin", "scopes": []}),
        lesser.patch(greater, json={"active": False}),
        lesser.patch(f"/v1/clients/{caller.client.id}", json={"role": "admin"}),
        lesser.patch(f"/v1/roles/{role}", json={"permissions": [*kept, "webhook.manage"]}),
    ]

    assert [answer.status_code for answer in attempts] == [403] * 6
    assert (client.get(boss).json["active"], client.get(greater).json["active"]) == (True, True)
    assert lesser.post("/v1/users", json={"email": "b@example.com", "name": "B", "role": "manager"}).status_code == 201


def test_a_name_is_taken_once(client, other_client):
    assert client.post("/v1/roles", json=READER).status_code == 201
    assert client.post("/v1/roles", json={**READER, "name": "READER"}).json["code"] == "already_exists"
    assert other_client.post("/v1/roles", json=READER).status_code == 201
