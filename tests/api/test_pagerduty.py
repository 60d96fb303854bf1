"""Endpoints of PagerDuty over the API: registered with a key that is never shown, told of pages only."""

import pytest

from tests.support.dump import dump_of, found_in
from tests.support.pagerduty import PagerDuty
from workflows.deliveries import deliver_due
from workflows.relay import relay_outbox

PATH = "/v1/webhook-endpoints"
KEY = "R0ut1ngK3yOfTheTestsR0ut1ngK3y32"
OTHER = "0th3rR0ut1ngK3yOfTheTests0th3r32"
PAGES = ["page.acknowledged", "page.resolved", "page.triggered"]


@pytest.fixture
def desk():
    with PagerDuty(KEY) as server:
        yield server


@pytest.fixture
def endpoint(client, desk):
    return client.post(PATH, json={"kind": "pagerduty", "routing_key": KEY, "url": desk.url})


def test_it_is_registered_and_its_key_is_never_shown(client, endpoint, desk, database):
    read = client.get(endpoint.headers["Location"])

    assert (endpoint.status_code, endpoint.json["secret"]) == (201, None)
    assert (read.json["kind"], read.json["url"], read.json["event_types"]) == ("pagerduty", desk.url, PAGES)
    assert KEY not in endpoint.text + read.text + client.get(PATH).text + client.get("/v1/logs").text
    assert found_in(dump_of(database.superuser_url), KEY) == []


def test_its_address_is_pagerduty_s_own_unless_another_is_named(client):
    answer = client.post(PATH, json={"kind": "pagerduty", "routing_key": KEY, "event_types": ["page.triggered"]})

    assert (answer.status_code, answer.json["url"]) == (201, "https://events.pagerduty.com/v2/enqueue")
    assert answer.json["event_types"] == ["page.triggered"]


def test_a_repeated_request_is_answered_alike(client, desk):
    body = {"kind": "pagerduty", "routing_key": KEY, "url": desk.url}
    first, again = (client.post(PATH, json=body, headers={"Idempotency-Key": "once"}) for _ in range(2))

    assert (first.status_code, again.status_code, first.json) == (201, 201, again.json)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kind": "pagerduty"}, "routing_key"),
        ({"kind": "pagerduty", "routing_key": "short"}, "routing_key"),
        ({"kind": "pagerduty", "routing_key": "-" * 32}, "routing_key"),
        ({"kind": "pagerduty", "routing_key": "\u0661" * 32}, "routing_key"),
        ({"kind": "pagerduty", "routing_key": None}, "routing_key"),
        ({"kind": "pagerduty", "routing_key": KEY, "event_types": ["ticket.created"]}, "event_types"),
        ({"kind": "pager", "routing_key": KEY}, "kind"),
        ({"url": "http://127.0.0.1:40009/", "routing_key": KEY}, "routing_key"),
        ({"kind": "webhook"}, "url"),
        ({}, "url"),
    ],
    ids=str,
)
def test_what_does_not_fit_the_kind_is_422(still, body, field):
    answer = still.post(PATH, json=body)

    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, field)
    assert KEY not in answer.text


def test_an_address_that_must_not_be_called_is_refused_here_too(still):
    answer = still.post(PATH, json={"kind": "pagerduty", "routing_key": KEY, "url": "http://169.254.169.254/"})

    assert (answer.status_code, answer.json["code"]) == (422, "webhook_url_refused")


def test_a_test_tries_the_key_and_calls_nobody(rt, client, endpoint, desk):
    client.post(endpoint.headers["Location"] + "/test")
    relay_outbox(rt)
    deliver_due(rt)

    (delivery,) = client.get(endpoint.headers["Location"] + "/deliveries").json["items"]
    assert (delivery["state"], delivery["last_status"]) == ("delivered", 202)
    assert [request["event_action"] for request in desk.requests] == ["resolve"]
    assert desk.incidents == {}


def test_another_key_takes_the_place_of_the_first(rt, client, endpoint, desk, database):
    desk.routing_key = OTHER
    edited = client.patch(endpoint.headers["Location"], json={"routing_key": OTHER})
    client.post(endpoint.headers["Location"] + "/test")
    relay_outbox(rt)
    deliver_due(rt)

    assert edited.status_code == 200
    assert "routing_key" not in edited.json
    assert [request["routing_key"] for request in desk.requests] == [OTHER]
    assert found_in(dump_of(database.superuser_url), KEY, OTHER) == []
    (entry,) = client.get("/v1/logs?action=webhook_endpoint.secret_rotated").json["items"]
    assert entry["after"] is None


def test_its_events_can_be_chosen_among_those_of_pages(client, endpoint, snapshot):
    path = endpoint.headers["Location"]
    assert client.patch(path, json={"event_types": ["page.resolved"]}).json["event_types"] == ["page.resolved"]
    assert client.patch(path, json={"event_types": None}).json["event_types"] == PAGES
    before = snapshot()

    answer = client.patch(path, json={"event_types": ["ticket.created"]})

    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "event_types")
    assert snapshot() == before


def test_there_is_nothing_to_rotate(client, endpoint, snapshot):
    before = snapshot()

    answer = client.post(endpoint.headers["Location"] + "/rotate-secret")

    assert (answer.status_code, answer.json["code"]) == (409, "nothing_to_rotate")
    assert snapshot() == before


def test_an_ordinary_endpoint_takes_no_key(client, snapshot):
    path = client.post(PATH, json={"url": "http://127.0.0.1:40009/"}).headers["Location"]
    before = snapshot()

    answer = client.patch(path, json={"routing_key": KEY})

    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "routing_key")
    assert snapshot() == before


def test_it_is_not_moved_by_who_does_not_know_the_key(client, endpoint, desk, snapshot):
    path = endpoint.headers["Location"]
    before = snapshot()
    refused = client.patch(path, json={"url": "http://127.0.0.1:40009/"})
    assert (refused.status_code, refused.json["errors"][0]["field"]) == (422, "routing_key")
    assert snapshot() == before

    assert client.patch(path, json={"url": desk.url, "description": "the same"}).status_code == 200
    moved = client.patch(path, json={"url": "http://127.0.0.1:40009/", "routing_key": KEY})
    assert (moved.status_code, moved.json["url"]) == (200, "http://127.0.0.1:40009/")
