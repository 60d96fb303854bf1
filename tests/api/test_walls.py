"""Another organization's ids answer exactly as unknown ids do, and nothing of it changes or shows."""

import pytest

from tests.api.matrix_rows import REPLAY

UNKNOWN = "0192f0c1-0000-7000-8000-000000000001"
# What may differ between two answers to two addresses: the id in them, and the request's own id.
# Each request leaves less of a rate, whatever it asks for.
OWN_HEADERS = {"X-Request-ID", "Content-Length", "RateLimit"}


@pytest.fixture
def theirs(other_client, rt):
    """What the other organization has: the address of one thing of each kind."""
    service = other_client.post("/v1/services", json={"name": "Theirs"}).json["id"]
    user = other_client.post("/v1/users", json={"email": "t@b.example", "name": "T", "role": "agent"}).json["id"]
    endpoint = other_client.post("/v1/webhook-endpoints", json={"url": "http://127.0.0.1:8099/hook"}).json["id"]
    client = {"name": "T", "role": "agent", "scopes": []}
    return {
        "tickets": other_client.post("/v1/tickets", json={"subject": "secret"}).json["id"],
        "organizations": other_client.get("/v1/organizations").json["items"][0]["id"],
        "users": user,
        "teams": other_client.post("/v1/teams", json={"name": "Theirs", "member_ids": [user]}).json["id"],
        "services": service,
        "assignments": other_client.post("/v1/assignments", json={"service_id": service, "user_id": user}).json["id"],
        "clients": other_client.post("/v1/clients", json=client).json["id"],
        "webhook-endpoints": endpoint,
    }


ATTEMPTS = [
    ("GET", "tickets/{}", None),
    ("PATCH", "tickets/{}", {"subject": "mine"}),
    ("POST", "tickets/{}/transitions", {"action": "open"}),
    ("GET", "tickets/{}/comments", None),
    ("POST", "tickets/{}/comments", {"body": "hello"}),
    ("GET", "organizations/{}", None),
    ("PATCH", "organizations/{}", {"name": "mine"}),
    ("GET", "users/{}", None),
    ("PATCH", "users/{}", {"role": "admin"}),
    ("GET", "teams/{}", None),
    ("PATCH", "teams/{}", {"name": "mine"}),
    ("GET", "services/{}", None),
    ("PATCH", "services/{}", {"active": False}),
    ("GET", "assignments/{}", None),
    ("DELETE", "assignments/{}", None),
    ("GET", "clients/{}", None),
    ("PATCH", "clients/{}", {"active": False}),
    ("GET", "webhook-endpoints/{}", None),
    ("PATCH", "webhook-endpoints/{}", {"url": "http://127.0.0.1:8099/mine"}),
    ("DELETE", "webhook-endpoints/{}", None),
    ("POST", "webhook-endpoints/{}/test", {}),
    ("POST", "webhook-endpoints/{}/verify", {}),
    ("POST", "webhook-endpoints/{}/rotate-secret", {}),
    ("POST", "webhook-endpoints/{}/rotate-secret", {"signature": "v1a"}),
    ("GET", "webhook-endpoints/{}/deliveries", None),
    ("GET", f"webhook-endpoints/{{}}/deliveries/{UNKNOWN}", None),
    ("POST", f"webhook-endpoints/{{}}/deliveries/{UNKNOWN}/resend", {}),
    ("GET", "webhook-endpoints/{}/events", None),
    ("GET", "webhook-endpoints/{}/ledger", None),
    ("GET", "webhook-endpoints/{}/replays", None),
    ("POST", "webhook-endpoints/{}/replays", REPLAY),
    ("POST", f"webhook-endpoints/{{}}/replays/{UNKNOWN}/cancel", {}),
]


def comparable(answer, identifier):
    headers = {name: value for name, value in answer.headers if name not in OWN_HEADERS}
    return answer.status_code, {**answer.json, "instance": "", "request_id": ""}, headers


def test_another_organization_s_ids_are_like_unknown_ones(client, theirs, snapshot):
    before = snapshot()

    for method, path, body in ATTEMPTS:
        address = "/v1/" + path
        foreign = client.call(method, address.format(theirs[path.partition("/")[0]]), json=body)
        unknown = client.call(method, address.format(UNKNOWN), json=body)
        assert comparable(foreign, theirs) == comparable(unknown, UNKNOWN), (method, path)
        assert (foreign.status_code, foreign.json["code"]) == (404, "not_found"), (method, path)

    assert snapshot() == before


@pytest.mark.parametrize(
    ("resource", "name"),
    [
        ("services", "service_id"),
        ("users", "assignee_id"),
        ("users", "requester_id"),
        ("teams", "team_id"),
    ],
)
def test_another_organization_s_ids_cannot_be_referred_to(client, theirs, snapshot, resource, name):
    own = client.post("/v1/tickets", json={"subject": "x"}).headers["Location"]
    before = snapshot()

    answers = [client.post("/v1/tickets", json={"subject": "x", name: theirs[resource]})]
    if name != "requester_id":
        answers.append(client.patch(own, json={name: theirs[resource]}))

    assert {(answer.status_code, answer.json["errors"][0]["field"]) for answer in answers} == {(422, name)}
    assert snapshot() == before


def test_lists_show_one_s_own_alone(client, other_client, theirs):
    for resource, identifier in theirs.items():
        mine = {one["id"] for one in client.get(f"/v1/{resource}").json["items"]}
        assert identifier not in mine, resource
        assert identifier in {one["id"] for one in other_client.get(f"/v1/{resource}").json["items"]}, resource


def test_the_audit_trail_shows_one_s_own_alone(client, theirs):
    entries = client.get("/v1/logs").json["items"]

    assert not {entry["target_id"] for entry in entries} & set(theirs.values())


def test_a_cursor_of_another_organization_is_refused(client, other_client):
    for number in range(3):
        other_client.post("/v1/tickets", json={"subject": f"secret {number}"})
    client.post("/v1/tickets", json={"subject": "mine"})
    cursor = other_client.get("/v1/tickets?limit=1").json["next_cursor"]

    answer = client.get(f"/v1/tickets?cursor={cursor}")

    assert (answer.status_code, answer.json["code"]) == (422, "cursor_invalid")
