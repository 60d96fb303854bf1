"""Which fields each role reads and may write: golden lists, so that a new field is shown to nobody by accident."""

import json
from collections.abc import Callable

import pytest

from psms.domain.access import Role
from tests.api.conftest import ApiClient
from workflows.relay import relay_outbox

FOR_REQUESTERS = [
    "closed_at",
    "created_at",
    "custom_fields",
    "description",
    "form_version",
    "id",
    "impact",
    "merged_into_id",
    "number",
    "priority",
    "requester_id",
    "resolved_at",
    "service_id",
    "stage",
    "state_id",
    "status",
    "subject",
    "type",
    "updated_at",
    "urgency",
    "version",
]
FOR_AGENTS = ["assignee_id", "parent_id", "priority_reason", "priority_source"]
TICKET = sorted([*FOR_REQUESTERS, *FOR_AGENTS, "tags", "team_id"])
COMMENT = ["author_id", "body", "created_at", "id", "mentions", "survivor_id", "ticket_id", "visibility"]
USER = ["active", "created_at", "email", "id", "is_service", "name", "role", "role_id", "updated_at", "version"]
CLOCK = [
    "breached_at",
    "calendar_id",
    "calendar_version",
    "completed_at",
    "consumed_seconds",
    "cycle",
    "due_at",
    "id",
    "levels",
    "metric",
    "operational",
    "policy_id",
    "policy_version",
    "remaining_seconds",
    "segments",
    "started_at",
    "state",
    "target_seconds",
    "team_id",
    "void_reason",
    "voided_at",
    "voided_by",
    "why",
]
CLOCK_FOR_REQUESTERS = [
    "breached_at",
    "completed_at",
    "due_at",
    "metric",
    "remaining_seconds",
    "started_at",
    "state",
    "target_seconds",
]
READ_BY: dict[str, dict[Role, list[str]]] = {
    "ticket": {role: FOR_REQUESTERS if role is Role.REQUESTER else TICKET for role in Role},
    "comment": dict.fromkeys(Role, COMMENT),
    "user": {
        role: ["active", "email", "id", "is_service", "name", "version"] if role is Role.AGENT else USER
        for role in Role
        if role is not Role.REQUESTER
    },
    "clock": {role: CLOCK_FOR_REQUESTERS if role is Role.REQUESTER else CLOCK for role in Role},
}

AsRole = Callable[[Role], ApiClient]


@pytest.fixture
def ticket(client, as_role):
    """A ticket that every role sees, with something in each field, and both kinds of comment; and its requester."""
    client.post("/v1/sla-policies", json={"name": "Usual", "resolution_seconds": 600})
    requester = as_role(Role.REQUESTER)
    path = requester.post("/v1/tickets", json={"subject": "own"}).headers["Location"]
    client.patch(path, json={"tags": ["vip"], "custom_fields": {"cost": 3}})
    client.post(f"{path}/comments", json={"body": "between us", "visibility": "internal"})
    client.post(f"{path}/comments", json={"body": "hello"})
    return path, requester


def reader(role, as_role, requester):
    return requester if role is Role.REQUESTER else as_role(role)


@pytest.mark.parametrize("role", Role)
def test_a28_a_role_reads_these_fields_of_a_ticket_and_no_others(ticket, as_role, role):
    path, requester = ticket
    caller = reader(role, as_role, requester)
    shown = [caller.get(path).json, *caller.get("/v1/tickets").json["items"]]
    if role not in {Role.AUDITOR, Role.REQUESTER}:
        shown += [
            caller.patch(path, json={"subject": "edited"}).json,
            caller.post("/v1/tickets", json={"subject": "x"}).json,
        ]
    if role is Role.REQUESTER:
        shown += [caller.patch(path, json={"subject": "edited"}).json]
        again = {"json": {"subject": "x"}, "headers": {"Idempotency-Key": "key"}}
        shown += [caller.post("/v1/tickets", **again).json, caller.post("/v1/tickets", **again).json]

    assert len(shown) >= 2
    for one in shown:
        assert sorted(one) == READ_BY["ticket"][role]


@pytest.mark.parametrize("role", Role)
def test_a28_a_role_reads_these_comments_and_targets(ticket, as_role, role):
    path, requester = ticket
    caller = reader(role, as_role, requester)
    comments = caller.get(f"{path}/comments").json["items"]
    (clock,) = caller.get(f"{path}/sla").json["clocks"]

    assert [one["body"] for one in comments] == (["hello"] if role is Role.REQUESTER else ["between us", "hello"])
    assert [sorted(one) for one in comments] == [READ_BY["comment"][role]] * len(comments)
    assert sorted(clock) == READ_BY["clock"][role]


def test_a28_a_requester_cannot_guess_an_internal_comment_or_filter_by_what_is_hidden(client, ticket):
    path, requester = ticket
    internal = client.get(f"{path}/comments").json["items"][0]["id"]
    team = client.post("/v1/teams", json={"name": "Desk"}).json["id"]

    assert client.get(f"{path}/comments/{internal}").status_code == 200
    assert requester.get(f"{path}/comments/{internal}").status_code == 404
    for hidden in ("tag=vip", f"team_id={team}", f"assignee_id={team}"):
        assert client.get(f"/v1/tickets?{hidden}").status_code == 200
        answer = requester.get(f"/v1/tickets?{hidden}")
        assert (answer.status_code, answer.json["errors"][0]["message"]) == (422, "Unknown field.")


@pytest.mark.parametrize("role", READ_BY["user"])
def test_a28_a_role_reads_these_fields_of_people(client, as_role, role):
    path = client.post("/v1/users", json={"email": "a@example.com", "name": "A", "role": "agent"}).headers["Location"]
    caller = as_role(role)

    for one in (caller.get(path).json, *caller.get("/v1/users").json["items"]):
        assert sorted(one) == READ_BY["user"][role]


def test_a28_partners_are_told_this_and_no_internal_comment(client, ticket, database, rt):
    relay_outbox(rt)
    bodies = [json.loads(bytes(body)) for (body,) in database.rows("SELECT body FROM events")]

    assert len(bodies) == 4
    for body in bodies:
        assert list(body) == ["id", "type", "timestamp", "schema_version", "data"]
        assert list(body["data"]) == ["ticket", "sequence", "actor_id", "changes", "comment", "sla"]
        assert sorted(body["data"]["ticket"]) == TICKET
    said = [body["data"]["comment"] for body in bodies if body["data"]["comment"]]
    assert [sorted(comment) for comment in said] == [["author_id", "body", "id", "visibility"]] * 2
    assert [comment["body"] for comment in said] == [None, "hello"]


NOBODYS = {
    "organization_id": "0192f0c1-0000-7000-8000-000000000001",
    "id": "0192f0c1-0000-7000-8000-000000000001",
    "created_at": "2020-01-01T00:00:00Z",
    "updated_at": "2020-01-01T00:00:00Z",
    "version": 1,
    "is_admin": True,
}
OF_TICKETS = {
    "role": "admin",
    "requester_id": "0192f0c1-0000-7000-8000-000000000001",
    "sla_due_at": "2030-01-01T00:00:00Z",
    "status": "closed",
    "number": 1,
}
OF_REQUESTERS: dict[str, object] = {
    "assignee_id": None,
    "team_id": None,
    "tags": [],
    "custom_fields": {},
    "priority": "low",
    "impact": "low",
    "urgency": "low",
    "service_id": "0192f0c1-0000-7000-8000-000000000001",
}


@pytest.mark.parametrize("role", Role)
def test_a27_no_role_writes_what_is_not_its_to_write(ticket, as_role, snapshot, role):
    path, requester = ticket
    caller = reader(role, as_role, requester)
    before = snapshot()
    for name, value in (NOBODYS | OF_TICKETS | (OF_REQUESTERS if role is Role.REQUESTER else {})).items():
        answer = caller.patch(path, json={"subject": "mine", name: value})
        if role is Role.AUDITOR:
            assert answer.status_code == 403
        else:
            assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, name)
    after = snapshot()
    assert {table for table in before if before[table] != after[table]} <= {"logs"}
    assert (before["logs"] == after["logs"]) == (role is not Role.AUDITOR)


@pytest.mark.parametrize(
    ("path", "body", "foreign"),
    [
        ("users", {"email": "a@example.com", "name": "A", "role": "agent"}, {"email", "is_service", "password_hash"}),
        ("teams", {"name": "A"}, {"role"}),
        ("services", {"name": "A"}, {"role"}),
        ("clients", {"name": "A", "role": "agent", "scopes": []}, {"client_id", "secret_hash", "user_id"}),
        ("roles", {"name": "A", "base_role": "agent", "permissions": []}, {"base_role", "role"}),
        ("sla-policies", {"name": "A", "resolution_seconds": 60}, {"priority", "role"}),
        ("webhook-endpoints", {"url": "http://127.0.0.1:40009/"}, {"secret", "disabled_reason", "role"}),
    ],
)
def test_a27_nor_of_anything_else(client, snapshot, path, body, foreign):
    address = client.post(f"/v1/{path}", json=body).headers["Location"]
    before = snapshot()

    for name in [*NOBODYS, *foreign]:
        answer = client.patch(address, json={"name": "x", name: NOBODYS.get(name, "admin")})
        assert answer.status_code == 422, name
        assert name in {error["field"] for error in answer.json["errors"]}
    assert snapshot() == before


@pytest.mark.parametrize("name", ["priority", "assignee_id", "team_id", "tags", "organization_id", "status"])
def test_a27_a_requester_files_without_what_is_the_desks(as_role, snapshot, name):
    requester = as_role(Role.REQUESTER)
    before = snapshot()

    answer = requester.post("/v1/tickets", json={"subject": "x", name: None})

    assert (answer.status_code, answer.json["errors"]) == (422, [{"field": name, "message": "Unknown field."}])
    assert snapshot() == before
