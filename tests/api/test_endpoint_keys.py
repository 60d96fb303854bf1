"""Secrets and key pairs of endpoints: rotated with an overlap, published, and what is signed with them verifies."""

import base64
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from tests.support import javascript
from tests.support.dump import dump_of, found_in
from tests.support.receiver import Receiver
from tests.support.tenants import file_ticket
from workflows import endpoint_secrets, endpoints
from workflows.deliveries import deliver_due
from workflows.relay import relay_outbox

PATH = "/v1/webhook-endpoints"
KEYS = "/.well-known/webhook-keys.json"
UNKNOWN = "00000000-0000-7000-8000-000000000000"
BOTH = ["v1", "v1a"]


class Desk:
    """A desk whose clock can be moved, with a partner who hears what happens. Tokens do not outlive the clock."""

    def __init__(self, rt, actor, partner, database):
        self.rt = rt
        self.actor = actor
        self.url = partner.url("/hook")
        self.later = database.move_clock
        self._partner = partner

    def tells(self):
        """Let something happen and return the request that told of it."""
        file_ticket(self.rt, self.actor, "é 火事")
        relay_outbox(self.rt)
        assert deliver_due(self.rt) == 1
        return self._partner.received[-1]


@pytest.fixture
def desk(rt, demo, database):
    with Receiver() as partner:
        yield Desk(rt, demo.actor, partner, database)


def verified_with(secrets, request):
    """Return which of *secrets* verify a request, by the libraries for Python and for JavaScript alike."""
    found = []
    for secret in secrets:
        try:
            Webhook(secret).verify(request.body.decode(), dict(request.headers))
        except WebhookVerificationError:
            with pytest.raises(javascript.RefusedByJavaScript):
                javascript.verify(secret, request.body, request.headers)
        else:
            javascript.verify(secret, request.body, request.headers)
            found.append(secret)
    return found


def tokens(request, scheme):
    """Return the signatures of one scheme; every token has one comma."""
    pairs = [token.split(",") for token in request.headers["webhook-signature"].split(" ")]
    assert {len(pair) for pair in pairs} == {2}
    return [base64.b64decode(signature) for found, signature in pairs if found == scheme]


def signed_by(published, request):
    """Return the ids of the keys, of those published, that signed a request."""
    text = b".".join(
        (request.headers["webhook-id"].encode(), request.headers["webhook-timestamp"].encode(), request.body)
    )
    found = []
    for key in published["keys"]:
        public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key["public_key"].removeprefix("whpk_")))
        for signature in tokens(request, "v1a"):
            try:
                public.verify(signature, text)
            except InvalidSignature:
                continue
            found.append(key["id"])
    return found


def test_w14_rotation_overlaps_for_a_day_and_then_only_the_new_secret_signs(client, desk):
    made = client.post(PATH, json={"url": desk.url})
    path, first = made.headers["Location"] + "/rotate-secret", made.json["secret"]

    second = client.post(path).json["secret"]
    in_overlap = desk.tells()
    third = client.post(path, json={"overlap_hours": 24}).json["secret"]
    after_two = desk.tells()
    refused = client.post(path)

    assert verified_with([first, second], in_overlap) == [first, second]
    assert (len(tokens(in_overlap, "v1")), len(tokens(after_two, "v1"))) == (2, 3)
    assert verified_with([first, second, third], after_two) == [first, second, third]
    assert (refused.status_code, refused.json["code"]) == (409, "too_many_secrets")
    desk.later(timedelta(hours=23, minutes=59))
    assert len(tokens(desk.tells(), "v1")) == 3
    desk.later(timedelta(hours=24, minutes=1))
    late = desk.tells()
    assert len(tokens(late, "v1")) == 1
    # The libraries refuse what is a day ahead of them, so the signature is judged alone.
    signed_now = Webhook(third).sign(late.headers["webhook-id"], instant_of(late), late.body.decode())
    assert late.headers["webhook-signature"] == signed_now
    endpoint_id = UUID(made.json["id"])
    assert endpoint_secrets.rotate_secret(desk.rt, desk.actor, endpoint_id).secret not in {first, second, third}


def instant_of(request):
    """Return the instant that a request was signed at, as the library takes it."""
    return datetime.fromtimestamp(int(request.headers["webhook-timestamp"]), UTC)


def test_after_a_leak_every_former_secret_ends_at_once(client, desk):
    made = client.post(PATH, json={"url": desk.url})
    path = made.headers["Location"] + "/rotate-secret"
    for _ in range(2):
        client.post(path, json={"overlap_hours": 168})

    newest = client.post(path, json={"overlap_hours": 0})

    assert newest.status_code == 200
    request = desk.tells()
    assert len(tokens(request, "v1")) == 1
    assert verified_with([newest.json["secret"]], request) == [newest.json["secret"]]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"overlap_hours": -1}, "overlap_hours"),
        ({"overlap_hours": 169}, "overlap_hours"),
        ({"overlap_hours": "24"}, "overlap_hours"),
        ({"overlap_hours": None}, "overlap_hours"),
        ({"signature": "v2"}, "signature"),
        ({"signature": "v1a"}, "signature"),
        ({"force": True}, "force"),
    ],
)
def test_a_rotation_that_cannot_be_is_422_and_changes_nothing(client, snapshot, body, field):
    path = client.post(PATH, json={"url": "http://127.0.0.1:8099/"}).headers["Location"]
    before = snapshot()

    answer = client.post(path + "/rotate-secret", json=body)

    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, field)
    assert snapshot() == before


def test_w15_v1a_verifies_from_the_well_known_key_and_who_knows_v1_alone_still_verifies(http, client, desk, database):
    made = client.post(PATH, json={"url": desk.url, "signatures": BOTH}).json

    request = desk.tells()
    published = http.get(f"{KEYS}?endpoint_id={made['id']}")

    assert published.status_code == 200
    assert published.headers["Cache-Control"] == "public, max-age=300"
    assert published.json["keys"] == made["public_keys"]
    (key,) = made["public_keys"]
    assert signed_by(published.json, request) == [key["id"]]
    assert (key["public_key"].startswith("whpk_"), key["expires_at"]) == (True, None)
    assert verified_with([made["secret"]], request) == [made["secret"]]
    assert found_in(dump_of(database.superuser_url), "whsk_") == []


def test_a_key_pair_is_rotated_with_an_overlap_in_which_both_are_published_and_both_sign(http, client, desk):
    made = client.post(PATH, json={"url": desk.url, "signatures": BOTH})
    path, address = made.headers["Location"], f"{KEYS}?endpoint_id={made.json['id']}"

    rotated = client.post(path + "/rotate-secret", json={"signature": "v1a", "overlap_hours": 2})
    published = http.get(address).json
    request = desk.tells()

    assert (rotated.json["secret"], rotated.json["public_key"]) == (None, published["keys"][0]["public_key"])
    assert [key["expires_at"] for key in published["keys"]] == [None, rotated.json["previous_expires_at"]]
    assert signed_by(published, request) == [key["id"] for key in published["keys"]]
    # The secret was left as it is.
    assert verified_with([made.json["secret"]], request) == [made.json["secret"]]
    desk.later(timedelta(hours=3))
    assert http.get(address).json["keys"] == published["keys"][:1]
    left = endpoints.get_endpoint(desk.rt, desk.actor, UUID(made.json["id"])).public_keys
    assert [str(key.id) for key in left] == [published["keys"][0]["id"]]
    assert len(tokens(desk.tells(), "v1a")) == 1


def test_a_pair_comes_and_goes_with_the_wish_for_it(http, client, desk):
    made = client.post(PATH, json={"url": desk.url})
    path, address = made.headers["Location"], f"{KEYS}?endpoint_id={made.json['id']}"

    first = client.patch(path, json={"signatures": BOTH}).json["public_keys"]
    assert http.get(address).json["keys"] == first
    assert client.patch(path, json={"signatures": ["v1"]}).json["public_keys"] == []
    assert (http.get(address).json, tokens(desk.tells(), "v1a")) == ({"keys": []}, [])
    second = client.patch(path, json={"signatures": BOTH}).json["public_keys"]

    assert len(first) == len(second) == 1
    assert first[0]["id"] != second[0]["id"]
    client.delete(path)
    assert http.get(address).json == {"keys": []}


def test_keys_are_published_to_anybody_who_names_an_endpoint(http, client, other_client):
    theirs = other_client.post(PATH, json={"url": "http://127.0.0.1:8099/", "signatures": BOTH}).json

    assert http.get(f"{KEYS}?endpoint_id={theirs['id']}").json["keys"] == theirs["public_keys"]
    assert http.get(f"{KEYS}?endpoint_id={UNKNOWN}").json == {"keys": []}
    for query, field in (("", "endpoint_id"), ("?endpoint_id=x", "endpoint_id"), (f"?endpoint_id={UNKNOWN}&x=1", "x")):
        answer = http.get(KEYS + query)
        assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, field)
    # Whose it is stays behind the wall.
    assert client.get(f"{PATH}/{theirs['id']}").status_code == 404


def test_w30_nobody_reads_resends_or_rotates_what_is_another_organization_s(rt, client, other_client, snapshot):
    mine, theirs = [
        caller.post(PATH, json={"url": "http://127.0.0.1:8099/", "signatures": BOTH, "headers": {"X-Key": "1"}})
        for caller in (client, other_client)
    ]
    other_client.post("/v1/tickets", json={"subject": "x"})
    relay_outbox(rt)
    path, own = theirs.headers["Location"], mine.headers["Location"]
    (delivery,) = [one["id"] for one in other_client.get(f"{path}/deliveries").json["items"]]
    before = snapshot()

    answers = [
        client.get(path),
        client.get(f"{path}/deliveries"),
        *(client.get(f"{of}/deliveries/{delivery}") for of in (path, own)),
        *(client.post(f"{of}/deliveries/{delivery}/resend") for of in (path, own)),
        *(client.post(f"{path}/rotate-secret", json={"signature": scheme}) for scheme in BOTH),
        client.post(f"{path}/verify"),
        client.patch(path, json={"headers": {"X-Key": "2"}}),
    ]

    assert [answer.status_code for answer in answers] == [404] * 10
    assert {answer.json["code"] for answer in answers} == {"not_found"}
    assert snapshot() == before
