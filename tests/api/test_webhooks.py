"""Webhook endpoints and their deliveries over the API; the sending itself is tested elsewhere."""

import pytest
from psycopg import sql
from standardwebhooks import Webhook

from tests.support.receiver import Answer, Receiver
from tests.support.statements import heard
from workflows.deliveries import deliver_due
from workflows.endpoint_watch import watch_endpoints
from workflows.relay import relay_outbox


@pytest.fixture
def partner():
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def endpoint(client, partner):
    """The answer to registering an endpoint at the partner's."""
    return client.post("/v1/webhook-endpoints", json={"url": partner.url("/hook")})


def test_an_endpoint_is_registered_and_its_secret_shown_once(client, endpoint, partner):
    read = client.get(endpoint.headers["Location"])

    assert endpoint.status_code == 201
    assert endpoint.json["secret"].startswith("whsec_")
    registered = {name: value for name, value in endpoint.json.items() if name != "secret"}
    assert read.json == registered | {"circuit": "closed", "next_probe_at": None, "held": 0}
    assert (read.json["url"], read.json["event_types"], read.json["state"]) == (partner.url("/hook"), None, "active")
    assert client.get("/v1/webhook-endpoints").json["items"] == [registered]


def test_an_endpoint_can_be_told_of_some_events_only(client, partner):
    wanted = {"url": partner.url("/hook"), "event_types": ["ticket.resolved", "ticket.created"], "description": "x"}

    created = client.post("/v1/webhook-endpoints", json=wanted)

    assert created.json["event_types"] == ["ticket.created", "ticket.resolved"]
    assert client.patch(created.headers["Location"], json={"event_types": None}).json["event_types"] is None


@pytest.mark.parametrize(
    "url",
    [
        "ftp://partner.example/hook",
        "partner.example",
        "https://",
        "https://user:pass@partner.example/",
        "http://169.254.169.254/latest/meta-data",
        "http://10.0.0.1/",
        "http://[::ffff:10.0.0.1]/",
        "http://0.0.0.0/",
        "http://[fe80::1]/",
        "http://192.168.1.1/",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "https://partner.example/\r\nX: y",
    ],
)
def test_a48_an_address_that_must_not_be_called_is_422(still, url):
    answer = still.post("/v1/webhook-endpoints", json={"url": url})

    assert (answer.status_code, answer.json["code"]) == (422, "webhook_url_refused")
    assert answer.json["errors"] == [{"field": "url", "message": answer.json["detail"]}]


def test_a48_an_endpoint_cannot_be_moved_to_such_an_address(client, endpoint, snapshot):
    before = snapshot()

    answer = client.patch(endpoint.headers["Location"], json={"url": "http://169.254.169.254/"})

    assert (answer.status_code, answer.json["code"]) == (422, "webhook_url_refused")
    assert snapshot() == before


@pytest.mark.parametrize("state", ["disabled", "deleted", "", None, 1])
def test_an_endpoint_is_active_or_paused_by_people(client, endpoint, snapshot, state):
    before = snapshot()

    answer = client.patch(endpoint.headers["Location"], json={"state": state})

    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "state")
    assert snapshot() == before


def test_a_ticket_s_way_to_the_partner_can_be_followed(rt, client, endpoint, partner):
    path = endpoint.headers["Location"] + "/deliveries"
    ticket = client.post("/v1/tickets", json={"subject": "x"}).json["id"]
    relay_outbox(rt)
    waiting = client.get(f"{path}?state=pending").json["items"]
    deliver_due(rt)

    (delivery,) = client.get(path).json["items"]
    read = client.get(f"{path}/{delivery['id']}").json

    assert [one["id"] for one in waiting] == [delivery["id"]]
    assert client.get(f"{path}?state=pending").json["items"] == []
    assert (delivery["state"], delivery["ticket_id"], delivery["event_type"]) == (
        "delivered",
        ticket,
        "ticket.created",
    )
    assert read["delivery"] == delivery
    assert [(one["number"], one["outcome"], one["status"]) for one in read["attempts"]] == [(1, "success", 200)]
    request = partner.received[0]
    assert Webhook(endpoint.json["secret"]).verify(request.body, dict(request.headers))["id"] == delivery["event_id"]


def test_a_delivery_is_sent_again_with_the_same_id(rt, client, endpoint, partner):
    path = endpoint.headers["Location"] + "/deliveries"
    client.post("/v1/tickets", json={"subject": "x"})
    relay_outbox(rt)
    deliver_due(rt)
    (delivery,) = client.get(path).json["items"]

    answer = client.post(f"{path}/{delivery['id']}/resend")
    deliver_due(rt)

    first, second = partner.received
    assert (answer.status_code, answer.json["state"]) == (200, "pending")
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert client.get(path).json["items"][0]["state"] == "delivered"


def test_an_endpoint_shows_how_it_fares_and_what_is_held_for_it(rt, client, endpoint, partner):
    path = endpoint.headers["Location"]
    partner.answer("/hook", Answer(status=500))
    for _ in range(2):
        client.post("/v1/tickets", json={"subject": "x"})
    relay_outbox(rt)
    deliver_due(rt)
    failing = client.get(path)
    paused = client.patch(path, json={"state": "paused"})
    held = client.get(path, headers={"If-None-Match": paused.headers["ETag"]}).json
    active = client.patch(path, json={"state": "active", "backlog": "discard"})
    watch_endpoints(rt)

    assert (failing.json["failed_attempts"], failing.json["failing_since"] is not None) == (2, True)
    assert failing.json["held"] == 0
    assert (held["held"], held["failing_since"], held["failed_attempts"]) == (2, None, 0)
    assert active.status_code == 200
    assert client.get(path).json["held"] == 0
    discarded = client.get(f"{path}/deliveries?state=cancelled").json["items"]
    assert [one["dead_reason"] for one in discarded] == ["discarded"] * 2


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"backlog": "discard"}, "backlog"),
        ({"state": "paused", "backlog": "deliver"}, "backlog"),
        ({"state": "active", "backlog": "since"}, "backlog_since"),
        ({"state": "active", "backlog": "burn"}, "backlog"),
        ({"state": "active", "backlog": "since", "backlog_since": "yesterday"}, "backlog_since"),
    ],
)
def test_a_choice_of_backlog_that_cannot_be_followed_is_422(client, endpoint, snapshot, said, field):
    client.patch(endpoint.headers["Location"], json={"state": "paused"})
    before = snapshot()

    answer = client.patch(endpoint.headers["Location"], json=said)

    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, field)
    assert snapshot() == before


def test_a_test_event_reaches_this_endpoint(rt, client, endpoint, partner):
    answer = client.post(endpoint.headers["Location"] + "/test", json={})
    relay_outbox(rt)
    deliver_due(rt)

    assert answer.status_code == 200
    assert [request.headers["webhook-id"] for request in partner.received] == [answer.json["event_id"]]


def test_a_paused_endpoint_is_not_tested(client, endpoint):
    client.patch(endpoint.headers["Location"], json={"state": "paused"})

    answer = client.post(endpoint.headers["Location"] + "/test")

    assert (answer.status_code, answer.json["code"]) == (409, "endpoint_not_active")


def test_a55_after_a_rotation_both_secrets_verify(rt, client, endpoint, partner):
    rotated = client.post(endpoint.headers["Location"] + "/rotate-secret")
    client.post(endpoint.headers["Location"] + "/test")
    relay_outbox(rt)
    deliver_due(rt)

    request = partner.received[0]
    assert rotated.json["secret"] != endpoint.json["secret"]
    for secret in (endpoint.json["secret"], rotated.json["secret"]):
        Webhook(secret).verify(request.body, dict(request.headers))


def test_a_secret_is_not_rotated_without_end(client, endpoint, snapshot):
    path = endpoint.headers["Location"] + "/rotate-secret"
    assert [client.post(path).status_code for _ in range(2)] == [200, 200]
    before = snapshot()

    answer = client.post(path)

    assert (answer.status_code, answer.json["code"]) == (409, "too_many_secrets")
    assert snapshot() == before


def test_a_removed_endpoint_is_gone(client, endpoint):
    path = endpoint.headers["Location"]

    assert client.delete(path).status_code == 204
    assert {client.get(path).status_code, client.delete(path).status_code} == {404}
    assert client.get(f"{path}/deliveries").status_code == 404
    assert client.get("/v1/webhook-endpoints").json["items"] == []


def test_an_endpoint_that_is_changed_while_it_is_being_removed_stays(client, database, endpoint):
    path = endpoint.headers["Location"]

    def note(statement, _):
        # Whoever removes it has read the version, and locks it now; another edit was quicker.
        if "FOR UPDATE" in statement:
            database.run(sql.SQL("UPDATE webhook_endpoints SET version = 2 WHERE version = 1"))

    with heard(lambda statement: statement, note):
        refused = client.delete(path, headers={"If-Match": '"1"'})

    assert (refused.status_code, refused.json["code"]) == (412, "version_stale")
    assert client.get(path).json["version"] == 2
    assert client.delete(path, headers={"If-Match": '"2"'}).status_code == 204
