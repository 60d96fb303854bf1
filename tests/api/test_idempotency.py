"""With an Idempotency-Key a creating request may be sent again, at once or later: it creates once (A40, A41)."""

import json
import threading

import pytest

from psms.domain.access import Role

KEY = {"Idempotency-Key": "order-17"}
SUBJECT = {"subject": "Printer on fire"}

CREATING = [
    ("/v1/tickets", SUBJECT, "tickets"),
    ("/v1/users", {"email": "a@b.example", "name": "A", "role": "agent"}, "users"),
    ("/v1/teams", {"name": "A"}, "teams"),
    ("/v1/services", {"name": "A"}, "services"),
    ("/v1/clients", {"name": "A", "role": "agent", "scopes": ["tickets:read"]}, "oauth_clients"),
    ("/v1/organizations", {"name": "A"}, "organizations"),
    ("/v1/webhook-endpoints", {"url": "http://127.0.0.1:8099/hook"}, "webhook_endpoints"),
]


def without_secrets(body):
    return {name: value for name, value in body.items() if name not in {"secret", "client_secret"}}


@pytest.mark.parametrize("creating", CREATING, ids=[path for path, _, _ in CREATING])
def test_a40_a_repetition_creates_nothing_and_gets_the_same_answer(client, count_rows, snapshot, creating):
    path, body, table = creating
    before = count_rows(table)
    first = client.post(path, json=body, headers=KEY)
    between = snapshot()
    again = client.post(path, json=body, headers=KEY)

    assert (first.status_code, again.status_code) == (201, 201)
    assert (first.headers.get("Idempotency-Replayed"), again.headers["Idempotency-Replayed"]) == (None, "true")
    assert again.headers["Location"] == first.headers["Location"]
    assert again.headers["ETag"] == first.headers["ETag"]
    assert without_secrets(again.json) == without_secrets(first.json)
    assert count_rows(table) == before + 1
    assert snapshot() == between


def test_a_secret_is_not_shown_a_second_time(client):
    path, body = "/v1/webhook-endpoints", {"url": "http://127.0.0.1:8099/hook"}

    first = client.post(path, json=body, headers=KEY).json["secret"]
    second = client.post(path, json=body, headers=KEY).json["secret"]

    assert (first.startswith("whsec_"), second) == (True, None)


def test_a_comment_is_written_once(client, count_rows):
    path = client.post("/v1/tickets", json=SUBJECT).headers["Location"] + "/comments"

    answers = [client.post(path, json={"body": "hello"}, headers=KEY) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [201] * 3
    assert len({answer.data for answer in answers}) == 1
    assert count_rows("comments") == 1


def test_the_same_object_may_be_written_differently(client):
    first = client.post("/v1/tickets", data=b'{"subject": "x", "tags": ["a"]}', headers={**KEY, **JSON})
    again = client.post("/v1/tickets", data=b' {"tags":["a"],"subject":"\\u0078"}', headers={**KEY, **JSON})

    assert (again.status_code, again.data) == (201, first.data)


JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize("other", [{"subject": "y"}, {**SUBJECT, "tags": []}, {**SUBJECT, "description": ""}])
def test_a40_a_key_that_comes_back_with_another_body_is_422_and_changes_nothing(client, snapshot, other):
    client.post("/v1/tickets", json=SUBJECT, headers=KEY)
    before = snapshot()

    answer = client.post("/v1/tickets", json=other, headers=KEY)

    assert (answer.status_code, answer.json["code"]) == (422, "idempotency_key_reused")
    assert snapshot() == before


def test_a_key_that_comes_back_at_another_address_is_422(client, snapshot):
    client.post("/v1/services", json={"name": "A"}, headers=KEY)
    before = snapshot()

    assert client.post("/v1/teams", json={"name": "A"}, headers=KEY).status_code == 422
    assert snapshot() == before


def test_a_refused_request_leaves_its_key_free(client):
    assert client.post("/v1/tickets", json={}, headers=KEY).status_code == 422
    unknown = {**SUBJECT, "service_id": "0192f0c1-0000-7000-8000-000000000001"}
    assert client.post("/v1/tickets", json=unknown, headers=KEY).status_code == 422
    assert client.post("/v1/tickets", json=SUBJECT, headers=KEY).status_code == 201


def test_a40_a_key_belongs_to_its_client(client, as_role, other_client, count_rows):
    callers = (client, as_role(Role.AGENT), other_client)

    answers = [caller.post("/v1/tickets", json=SUBJECT, headers=KEY) for caller in callers]

    assert [answer.headers.get("Idempotency-Replayed") for answer in answers] == [None] * 3
    assert count_rows("tickets") == 3


def test_a_replay_needs_a_token_and_the_permission_again(client, anonymous, as_role):
    client.post("/v1/tickets", json=SUBJECT, headers=KEY)

    assert anonymous.post("/v1/tickets", json=SUBJECT, headers=KEY).status_code == 401
    assert as_role(Role.AUDITOR).post("/v1/tickets", json=SUBJECT, headers=KEY).status_code == 403


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 201, "é", "a\tb"])
def test_a_key_that_is_no_key_is_400(still, key):
    answer = still.post("/v1/tickets", json=SUBJECT, headers={"Idempotency-Key": key})

    assert (answer.status_code, answer.json["code"]) == (400, "malformed_request")


@pytest.mark.parametrize("key", ["a", "x" * 200, '"quoted"', "!~"])
def test_a_key_may_be_any_visible_text(client, key):
    assert client.post("/v1/tickets", json=SUBJECT, headers={"Idempotency-Key": key}).status_code == 201


def test_a41_twelve_at_once_create_one(client, count_rows):
    start = threading.Barrier(12)
    answers = []

    def post():
        start.wait()
        answers.append(client.post("/v1/tickets", json=SUBJECT, headers=KEY))

    callers = [threading.Thread(target=post) for _ in range(12)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()

    created = [answer for answer in answers if answer.status_code == 201]
    waiting = [answer for answer in answers if answer.status_code == 409]
    assert len(created) + len(waiting) == 12
    assert len([answer for answer in created if "Idempotency-Replayed" not in answer.headers]) == 1
    assert len({answer.data for answer in created}) == 1
    assert {json.loads(answer.data)["code"] for answer in waiting} <= {"request_in_progress"}
    assert all(answer.headers["Retry-After"] == "1" for answer in waiting)
    assert (count_rows("tickets"), count_rows("outbox"), count_rows("idempotency_keys")) == (1, 1, 1)
    assert client.post("/v1/tickets", json=SUBJECT, headers=KEY).headers["Idempotency-Replayed"] == "true"
