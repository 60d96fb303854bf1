"""What a partner asks for over HTTP: replays, events to pull, the ledger, filters. What becomes of it: integration."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.api.matrix_rows import REPLAY, YESTERDAY
from tests.support.receiver import Answer, Receiver
from tests.support.waiting import eventually
from workflows.deliveries import deliver_due
from workflows.relay import relay_outbox
from workflows.replay_drain import replay_webhooks

LONG_AGO = (datetime.now(UTC) - timedelta(days=31)).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.fixture
def partner():
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def path(client, partner):
    """The address of an endpoint of the partner's."""
    return client.post("/v1/webhook-endpoints", json={"url": partner.url("/hook")}).headers["Location"]


def file_and_send(rt, client):
    client.post("/v1/tickets", json={"subject": "Grüße"})
    relay_outbox(rt)
    deliver_due(rt)


def test_a_replay_is_asked_for_once_watched_and_over(rt, client, path, partner):
    partner.answer("/hook", Answer(status=500), Answer())
    file_and_send(rt, client)
    key = {"Idempotency-Key": "replay-1"}

    made = client.post(f"{path}/replays", json=REPLAY, headers=key)
    again = client.post(f"{path}/replays", json=REPLAY, headers=key)
    other = client.post(f"{path}/replays", json=REPLAY)
    replay_webhooks(rt, patience_s=0)
    deliver_due(rt)

    def is_over():
        replay_webhooks(rt)
        return client.get(made.headers["Location"]).json["state"] == "done"

    eventually(is_over, within=5, what="the end of the replay")
    assert (made.status_code, again.status_code, again.json) == (201, 201, made.json)
    assert made.headers["Location"] == f"{path}/replays/{made.json['id']}"
    assert (made.json["state"], made.json["matched"], made.json["released"]) == ("running", None, 0)
    assert (other.status_code, other.json["code"]) == (409, "replay_running")
    read = client.get(made.headers["Location"]).json
    assert (read["state"], read["matched"], read["released"], read["done"]) == ("done", 1, 1, 1)
    assert client.get(f"{path}/replays").json == {"items": [read], "next_cursor": None}
    over = client.post(f"{made.headers['Location']}/cancel")
    assert (over.status_code, over.json["code"], over.json["state"]) == (409, "replay_over", "done")
    assert len(partner.received) == 2


def test_who_asks_again_with_the_same_key_has_a_delivery_sent_once_more_and_not_twice(rt, client, path, partner):
    file_and_send(rt, client)
    (delivery,) = client.get(f"{path}/deliveries").json["items"]
    resend, key = f"{path}/deliveries/{delivery['id']}/resend", {"Idempotency-Key": "resend-1"}

    first = client.post(resend, headers=key)
    assert deliver_due(rt) == 1
    again = client.post(resend, headers=key)
    assert deliver_due(rt) == 0

    assert (first.status_code, first.json["state"], again.status_code) == (200, "pending", 200)
    assert again.json == first.json
    assert ("Idempotency-Replayed" in first.headers, again.headers["Idempotency-Replayed"]) == (False, "true")
    assert len(partner.received) == 2
    # Another key, or none, is another wish.
    assert client.post(resend, headers={"Idempotency-Key": "resend-2"}).status_code == 200
    assert (deliver_due(rt), client.post(resend).status_code, deliver_due(rt)) == (1, 200, 1)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"mode": "some"}, "mode"),
        ({"since": LONG_AGO}, "since"),
        ({"since": "yesterday"}, "since"),
        ({"until": YESTERDAY}, "since"),
        ({"event_types": []}, "event_types"),
        ({"event_types": ["ticket.exploded"]}, "event_types.0"),
        ({"dry_run": "yes"}, "dry_run"),
    ],
)
def test_a_replay_that_cannot_be_is_422_and_changes_nothing(client, path, snapshot, change, field):
    before = snapshot()

    answer = client.post(f"{path}/replays", json={**REPLAY, **change})

    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, field)
    assert snapshot() == before


def test_w29_the_same_events_can_be_pulled_byte_for_byte_and_counted(rt, client, path, partner):
    for _ in range(3):
        file_and_send(rt, client)
    received = {int(one.headers["webhook-sequence"]): one for one in partner.received}

    first = client.get(f"{path}/events?limit=2").json
    rest = client.get(f"{path}/events?after_sequence=2").json
    ledger = client.get(f"{path}/ledger").json

    assert [one["sequence"] for one in first["items"] + rest["items"]] == [1, 2, 3]
    for one in first["items"] + rest["items"]:
        assert one["body"].encode() == received[one["sequence"]].body
        assert one["event_id"] == received[one["sequence"]].headers["webhook-id"]
    assert {(page["first_sequence"], page["last_sequence"]) for page in (first, rest)} == {(1, 3)}
    assert (ledger["total"]["committed"], ledger["total"]["delivered"], ledger["gapless"]) == (3, 3, True)
    assert client.get(f"{path}/events?after_sequence=3").json["items"] == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("events?after_sequence=-1", "after_sequence"),
        ("events?after_sequence=1_0", "after_sequence"),
        ("events?limit=101", "limit"),
        ("ledger?since=2026-02-30", "since"),
        ("ledger?since=2026-03-02&until=2026-03-01", "until"),
        ("deliveries?status_class=6", "status_class"),
        ("deliveries?event_type=none", "event_type"),
        ("deliveries?since=now", "since"),
    ],
)
def test_a_question_that_cannot_be_is_422(client, path, query, field):
    answer = client.get(f"{path}/{query}")

    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, field)


def test_a_sequence_that_is_none_is_answered_with_what_one_looks_like(client, path):
    answer = client.get(f"{path}/events?after_sequence=-1")

    assert answer.json["errors"] == [
        {"field": "after_sequence", "message": "Not a whole number in digits, or too long a one."}
    ]


def test_deliveries_are_listed_by_what_became_of_them(rt, client, path, partner):
    partner.answer("/hook", Answer(status=503), Answer())
    file_and_send(rt, client)
    file_and_send(rt, client)
    (refused,) = client.get(f"{path}/deliveries?status_class=5&event_type=ticket.created").json["items"]

    assert (refused["sequence"], refused["state"], refused["last_status"]) == (1, "pending", 503)
    assert client.get(f"{path}/deliveries?until={YESTERDAY}").json["items"] == []
    assert len(client.get(f"{path}/deliveries?since={YESTERDAY}").json["items"]) == 2
    read = client.get(f"{path}/deliveries/{refused['id']}").json
    assert read["body"].encode() == partner.received[0].body
    assert read["attempts"][0]["response"]["status"] == 503
