"""Endpoints are tried out: a ping that verifies their address, and how often an organization may ask for one."""

import json

import pytest

from tests.support.answers import ACCEPTED
from tests.support.receiver import Answer, Receiver
from workflows.deliveries import deliver_due
from workflows.delivery_claims import claim_due
from workflows.delivery_jobs import Finished
from workflows.delivery_results import record
from workflows.relay import relay_outbox

PATH = "/v1/webhook-endpoints"


@pytest.fixture
def partner():
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def path(client, partner):
    """The address of an endpoint at the partner's."""
    return client.post(PATH, json={"url": partner.url("/hook"), "event_types": ["ticket.created"]}).headers["Location"]


def verified_at(client, path):
    return client.get(path).json["verified_at"]


def test_a_ping_that_is_answered_with_a_2xx_verifies_the_address(rt, client, path, partner):
    asked = client.post(path + "/verify")
    assert (asked.status_code, verified_at(client, path)) == (200, None)
    relay_outbox(rt)
    deliver_due(rt)

    (request,) = partner.received
    body = json.loads(request.body)
    assert (body["type"], body["id"]) == ("webhook.ping", asked.json["event_id"])
    assert len(bytes.fromhex(body["data"]["challenge"])) == 24
    assert "webhook-signature" in request.headers
    assert verified_at(client, path) is not None
    # A change of anything else leaves it verified, a change of the address does not.
    assert client.patch(path, json={"description": "x"}).json["verified_at"] is not None
    assert client.patch(path, json={"url": partner.url("/new")}).json["verified_at"] is None


@pytest.mark.parametrize("status", [302, 404, 500])
def test_whoever_answers_otherwise_is_not_verified(rt, client, path, partner, status):
    partner.answer("/hook", Answer(status=status))
    client.post(path + "/verify")
    relay_outbox(rt)
    deliver_due(rt)

    assert (len(partner.received), verified_at(client, path)) == (1, None)


def test_neither_another_event_nor_an_answer_from_the_former_address_verifies(rt, client, path, partner):
    client.post(path + "/test")
    client.post("/v1/tickets", json={"subject": "x"})
    relay_outbox(rt)
    assert (deliver_due(rt), verified_at(client, path)) == (2, None)
    client.post(path + "/verify")
    relay_outbox(rt)

    (job,) = claim_due(rt, suspects=True, alone=True).jobs
    client.patch(path, json={"url": partner.url("/new")})
    record(rt, [Finished(job=job, result=ACCEPTED)])

    assert verified_at(client, path) is None


def test_a_paused_endpoint_is_not_pinged(client, path, snapshot):
    client.patch(path, json={"state": "paused"})
    before = snapshot()

    answer = client.post(path + "/verify")

    assert (answer.status_code, answer.json["code"]) == (409, "endpoint_not_active")
    assert snapshot() == before


def test_an_organization_tries_its_endpoints_out_five_times_a_minute(client, other_client, path, snapshot):
    second = client.post(PATH, json={"url": "http://127.0.0.1:8099/"}).headers["Location"]
    asked = [client.post(one + how).status_code for one in (path, second) for how in ("/test", "/verify")]
    assert [*asked, client.post(path + "/test").status_code] == [200] * 5
    before = snapshot()

    refused = client.post(second + "/verify")

    assert (refused.status_code, refused.json["code"]) == (429, "too_many_trials")
    # The window slides: what was asked in one minute counts into the next.
    assert 1 <= int(refused.headers["Retry-After"]) <= 120
    assert snapshot() == before
    theirs = other_client.post(PATH, json={"url": "http://127.0.0.1:8099/"}).headers["Location"]
    assert other_client.post(theirs + "/test").status_code == 200
