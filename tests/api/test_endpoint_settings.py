"""How endpoints ask to be called, over the API: headers, timeout, order, rate, width. Keys: `test_endpoint_keys`."""

from dataclasses import replace
from datetime import timedelta

import pytest
from psycopg import sql

from tests.support.dump import dump_of, found_in
from tests.support.receiver import Answer, Receiver
from workflows.deliveries import deliver_due
from workflows.delivery_claims import claim_due
from workflows.relay import relay_outbox

PATH = "/v1/webhook-endpoints"
HOOK = "http://127.0.0.1:8099/hook"
TOKEN = "Bearer s3cr3t-of-the-partner"
SHOWN = "[not shown]"
PAGERDUTY = {"kind": "pagerduty", "routing_key": "R0ut1ngK3yOfTheTestsR0ut1ngK3y32"}


@pytest.fixture
def partner():
    with Receiver() as receiver:
        yield receiver


def called(rt, client):
    """Let something happen, and tell everybody of it."""
    client.post("/v1/tickets", json={"subject": "x"})
    relay_outbox(rt)
    return deliver_due(rt)


def test_unless_asked_otherwise_an_endpoint_is_called_as_ever(client):
    shown = client.post(PATH, json={"url": HOOK}).json
    names = ("headers", "timeout_seconds", "order", "rate_per_minute", "max_in_flight", "signatures", "public_keys")

    assert [shown[name] for name in names] == [{}, 15, "none", None, 16, ["v1"], []]
    assert shown["verified_at"] is None


def test_own_headers_are_sent_and_never_shown_again(rt, client, partner, database):
    wanted = {"url": partner.url("/hook"), "headers": {"Authorization": TOKEN, "X-Route": "b"}}
    made = client.post(PATH, json=wanted, headers={"Idempotency-Key": "once"})
    assert called(rt, client) == 1

    assert made.json["headers"] == {"Authorization": SHOWN, "X-Route": SHOWN}
    assert client.get(made.headers["Location"]).json["headers"] == made.json["headers"]
    (request,) = partner.received
    assert (request.headers["authorization"], request.headers["x-route"]) == (TOKEN, "b")
    assert request.headers["user-agent"] == "PSMS-Webhooks/1"
    ((url, kept),) = database.rows("SELECT url, request_headers FROM webhook_attempts")
    assert (url, kept["Authorization"], kept["X-Route"]) == (partner.url("/hook"), SHOWN, SHOWN)
    assert kept["webhook-signature"] == request.headers["webhook-signature"]
    assert found_in(dump_of(database.superuser_url), TOKEN) == []


def test_what_the_partner_sends_back_of_its_headers_is_neither_kept_nor_shown(rt, client, partner, database):
    # As the page of a framework does that shows the request which it failed on.
    partner.answer("/hook", Answer(status=500, headers={"X-Got": TOKEN}, body=f"<td>{TOKEN}</td>".encode()))
    made = client.post(PATH, json={"url": partner.url("/hook"), "headers": {"Authorization": TOKEN}})
    assert called(rt, client) == 1

    path = f"{made.headers['Location']}/deliveries"
    (delivery,) = client.get(path).json["items"]
    (attempt,) = client.get(f"{path}/{delivery['id']}").json["attempts"]
    assert (attempt["response"]["body"], attempt["response"]["headers"]["x-got"]) == (f"<td>{SHOWN}</td>", SHOWN)
    assert found_in(dump_of(database.superuser_url), TOKEN.removeprefix("Bearer ")) == []


def test_headers_are_set_all_at_once_and_the_trail_tells_their_names(rt, client, partner):
    made = client.post(PATH, json={"url": partner.url(), "headers": {"X-Old": "1"}})
    path = made.headers["Location"]

    edited = client.patch(path, json={"headers": {"X-New": "2"}})
    again = client.patch(path, json={"headers": {"X-New": "3"}})
    called(rt, client)

    assert (edited.json["headers"], edited.json["version"], again.json["version"]) == ({"X-New": SHOWN}, 2, 3)
    assert ("x-old" in partner.received[0].headers, partner.received[0].headers["x-new"]) == (False, "3")
    entries = client.get("/v1/logs?action=webhook_endpoint.updated").json["items"]
    assert {str(entry["after"]) for entry in entries} == {"{'headers': {'X-New': '[not logged]'}}"}
    assert client.patch(path, json={"headers": {}}).json["headers"] == {}


def test_who_moves_an_endpoint_gives_its_headers_again(client, snapshot):
    path = client.post(PATH, json={"url": HOOK, "headers": {"X-Key": "1"}}).headers["Location"]
    before = snapshot()

    refused = client.patch(path, json={"url": HOOK + "/mine"})

    assert (refused.status_code, [one["field"] for one in refused.json["errors"]]) == (422, ["headers"])
    assert snapshot() == before
    assert client.patch(path, json={"url": HOOK, "description": "the same"}).status_code == 200
    assert client.patch(path, json={"url": HOOK + "/mine", "headers": {}}).json["headers"] == {}


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"headers": {"Host": "x"}}, "headers"),
        ({"headers": {"X-A": "a\r\nb"}}, "headers"),
        ({"headers": {"X-A": SHOWN}}, "headers"),
        ({"headers": {f"X-{n}": "1" for n in range(21)}}, "headers"),
        ({"headers": None}, "headers"),
        ({"timeout_seconds": 0}, "timeout_seconds"),
        ({"timeout_seconds": 31}, "timeout_seconds"),
        ({"timeout_seconds": "5"}, "timeout_seconds"),
        ({"order": "strict"}, "order"),
        ({"rate_per_minute": 0}, "rate_per_minute"),
        ({"rate_per_minute": 60_001}, "rate_per_minute"),
        ({"max_in_flight": 0}, "max_in_flight"),
        ({"max_in_flight": 65}, "max_in_flight"),
        ({"order": "endpoint", "max_in_flight": 2}, "max_in_flight"),
        ({"signatures": []}, "signatures"),
        ({"signatures": ["v1a"]}, "signatures"),
        ({"signatures": ["v1", "v1"]}, "signatures"),
        ({"signatures": ["v1", "v2"]}, "signatures"),
        ({**PAGERDUTY, "headers": {"X-A": "1"}}, "headers"),
        ({**PAGERDUTY, "order": "ticket"}, "order"),
        ({**PAGERDUTY, "signatures": ["v1", "v1a"]}, "signatures"),
        ({**PAGERDUTY, "max_in_flight": 2}, "max_in_flight"),
    ],
)
def test_what_cannot_be_is_422_and_names_the_field(still, fields, field):
    answer = still.post(PATH, json={"url": HOOK, **fields})

    assert (answer.status_code, answer.json["code"]) == (422, "validation_failed")
    assert answer.json["errors"][0]["field"].partition(".")[0] == field


def test_an_edit_is_judged_in_the_same_way(client, snapshot):
    path = client.post(PATH, json={"url": HOOK}).headers["Location"]
    before = snapshot()

    for fields in ({"headers": {"te": "x"}}, {"order": "endpoint", "max_in_flight": 2}, {"signatures": ["v1a"]}):
        assert client.patch(path, json=fields).status_code == 422
    assert snapshot() == before


def test_one_after_the_other_means_one_in_flight_and_back_again(client):
    path = client.post(PATH, json={"url": HOOK, "order": "ticket", "max_in_flight": 64}).headers["Location"]

    ordered = client.patch(path, json={"order": "endpoint", "rate_per_minute": 120})
    wider = client.patch(path, json={"max_in_flight": 2})
    same = client.patch(path, json={"max_in_flight": 1})
    back = client.patch(path, json={"order": "none", "rate_per_minute": None})

    assert (ordered.json["order"], ordered.json["max_in_flight"], ordered.json["rate_per_minute"]) == (
        "endpoint",
        1,
        120,
    )
    assert (wider.status_code, same.json["version"]) == (422, ordered.json["version"])
    assert (back.json["order"], back.json["max_in_flight"], back.json["rate_per_minute"]) == ("none", 16, None)
    assert client.post(PATH, json=PAGERDUTY).json["max_in_flight"] == 1


def test_a_lease_outlasts_the_timeout_that_an_endpoint_asks_for(rt, client, database):
    for seconds in (1, 30):
        client.post(PATH, json={"url": HOOK, "timeout_seconds": seconds})
    client.post("/v1/tickets", json={"subject": "x"})
    relay_outbox(rt)

    usual = replace(rt, settings=replace(rt.settings, lease_seconds=30))
    jobs = sorted(claim_due(usual, suspects=True, alone=True).jobs, key=lambda job: job.timeout_s)

    assert [job.timeout_s for job in jobs] == [1, 30]
    leases = database.rows(
        "SELECT d.lease_expires_at - a.started_at FROM webhook_deliveries d JOIN webhook_attempts a "
        "ON a.delivery_id = d.id ORDER BY 1"
    )
    # Fifteen seconds of a lease are for waiting for a slot and for recording the result.
    assert leases == [(timedelta(seconds=30),), (timedelta(seconds=45),)]
    assert jobs[1].lease_ends - jobs[0].lease_ends == 15


@pytest.mark.parametrize(
    ("method", "to", "change"),
    [
        ("PATCH", "", {"url": HOOK + "/new"}),
        ("PATCH", "", {"headers": {"X-A": "2"}}),
        ("POST", "/rotate-secret", {}),
    ],
    ids=["url", "headers", "secret"],
)
def test_a_change_of_what_is_called_tries_an_open_circuit_at_once(client, database, method, to, change):
    path = client.post(PATH, json={"url": HOOK}).headers["Location"]
    shut = "UPDATE webhook_lanes SET circuit = 'open', probe_at = now() + interval '1 hour', not_before = now()"
    found = "SELECT circuit, next_due_at <= psms_now(), not_before = '-infinity' FROM webhook_lanes"
    database.run(sql.SQL(shut))
    client.patch(path, json={"description": "x", "timeout_seconds": 5})
    assert database.rows(found) == [("open", False, False)]

    client.call(method, path + to, json=change)

    assert database.rows(found) == [("half_open", True, True)]
