"""Signatures, judged by the official libraries of Standard Webhooks: that for Python and that for JavaScript."""

import base64
import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from psms.adapters import key_pairs
from psms.domain.signing import new_secret, public_text, signature_headers
from tests.support import javascript

SECRET = new_secret(bytes(range(32)))
OLD_SECRET = new_secret(bytes(range(1, 33)))
BODY = '{"subject":"Drucker raucht: 火事 é 🔥"}'.encode()
ID = "evt_018f2b6c-7d1e-7c3a-9b1f-2f6f0e6f9a11"


REFUSALS = (WebhookVerificationError, javascript.RefusedByJavaScript)


def verify_in_python(body, headers, secret=SECRET):
    # The library wants text; it encodes it as UTF-8 again.
    return Webhook(secret).verify(body.decode(), headers)


def verify_in_javascript(body, headers, secret=SECRET):
    return javascript.verify(secret, body, headers)


@pytest.fixture(params=[verify_in_python, verify_in_javascript], ids=["python", "javascript"])
def verify(request):
    """The official library of one language."""
    return request.param


def now():
    return datetime.now(UTC)


def signed(body=BODY, secrets=(SECRET,), at=None):
    return signature_headers(message_id=ID, timestamp=at or now(), body=body, secrets=secrets)


def test_w13_the_official_libraries_accept_a_body_that_is_not_ascii(verify):
    assert verify(BODY, signed()) == {"subject": "Drucker raucht: 火事 é 🔥"}


def test_a_known_signature_comes_out_byte_by_byte():
    headers = signature_headers(
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp=datetime.fromtimestamp(1614265330, UTC),
        body=b'{"test": 2432232314}',
        secrets=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
    )

    # The example of the specification's own libraries.
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("webhook-id", "evt_another"),
        ("webhook-timestamp", "1614265330"),
        ("webhook-signature", "v1," + base64.b64encode(bytes(32)).decode()),
    ],
)
def test_w13_a_tampered_header_is_refused(verify, header, value):
    with pytest.raises(REFUSALS):
        verify(BODY, signed() | {header: value})


def test_w13_a_tampered_body_is_refused(verify):
    with pytest.raises(REFUSALS):
        verify(BODY + b" ", signed())


def test_w13_another_secret_is_refused(verify):
    with pytest.raises(REFUSALS):
        verify(BODY, signed(), secret=OLD_SECRET)


def test_during_a_rotation_both_secrets_verify_and_the_current_one_comes_first(verify):
    headers = signed(secrets=[SECRET, OLD_SECRET])
    tokens = headers["webhook-signature"].split(" ")

    assert tokens[0] == signed()["webhook-signature"]
    assert [token.count(",") for token in tokens] == [1, 1]
    assert verify(BODY, headers, SECRET) == verify(BODY, headers, OLD_SECRET)


def test_the_timestamp_is_the_instant_whatever_the_zone_it_is_written_in():
    at = now()
    tokyo = at.astimezone(timezone(timedelta(hours=9)))

    assert signed(at=tokyo) == signed(at=at)
    assert signed(at=at)["webhook-timestamp"] == str(int(at.timestamp()))


def test_w13_a_process_in_tokyo_signs_the_right_instant():
    script = (
        "from datetime import datetime, UTC\n"
        "from psms.domain.signing import signature_headers\n"
        f"h = signature_headers(message_id={ID!r}, timestamp=datetime.now(UTC), body={BODY!r}, "
        f"secrets=[{SECRET!r}])\n"
        "print(*(f'{name}={value}' for name, value in h.items()), sep='\\n')\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "TZ": "Asia/Tokyo"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    headers = dict(line.split("=", 1) for line in run.stdout.splitlines())

    assert abs(int(headers["webhook-timestamp"]) - now().timestamp()) < 60
    assert (
        verify_in_javascript(BODY, headers)
        == verify_in_python(BODY, headers)
        == {"subject": "Drucker raucht: 火事 é 🔥"}
    )


def test_a_naive_timestamp_is_refused():
    with pytest.raises(ValueError, match="aware"):
        signed(at=now().replace(tzinfo=None))


@pytest.mark.parametrize("message_id", ["", "evt.1", "evt 1", "evt_1\n", "évt", "a" * 129])
def test_an_id_that_would_make_the_signed_text_ambiguous_is_refused(message_id):
    with pytest.raises(ValueError, match="message id"):
        signature_headers(message_id=message_id, timestamp=now(), body=BODY, secrets=[SECRET])


def test_signing_without_a_secret_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        signed(secrets=[])


@pytest.mark.parametrize("secret", ["", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_not base64", "whsec_a"])
def test_a_malformed_secret_is_refused_without_being_shown(secret):
    with pytest.raises(ValueError, match="signing secret") as refusal:
        signed(secrets=[secret])
    assert refusal.value.__cause__ is None
    assert not secret or secret not in str(refusal.value)


def test_a_secret_is_its_prefix_and_the_base64_of_32_bytes():
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", SECRET)
    assert base64.b64decode(SECRET.removeprefix("whsec_")) == bytes(range(32))


@pytest.mark.parametrize("count", [0, 31, 33])
def test_a_secret_of_another_length_is_refused(count):
    with pytest.raises(ValueError, match="32 bytes"):
        new_secret(bytes(count))


@given(
    secret=st.binary(min_size=32, max_size=32),
    document=st.dictionaries(st.text(st.characters(codec="utf-8")), st.integers()),
    message_id=st.from_regex(r"[A-Za-z0-9_-]{1,40}", fullmatch=True),
)
def test_whatever_is_signed_verifies(secret, document, message_id):
    body = json.dumps(document, ensure_ascii=False).encode()
    headers = signature_headers(message_id=message_id, timestamp=now(), body=body, secrets=[new_secret(secret)])

    assert verify_in_python(body, headers, new_secret(secret)) == document


def test_a_key_pair_signs_besides_and_a_library_that_knows_v1_alone_passes_it_over(verify):
    private = key_pairs.private_text(bytes(range(32)))
    headers = signature_headers(
        message_id=ID,
        timestamp=now(),
        body=BODY,
        secrets=[SECRET],
        signers=[lambda message: key_pairs.sign(private, message)],
    )
    v1, v1a = headers["webhook-signature"].split(" ")

    public = Ed25519PublicKey.from_public_bytes(key_pairs.public_bytes(private))
    signed_text = b".".join((ID.encode(), headers["webhook-timestamp"].encode(), BODY))
    public.verify(base64.b64decode(v1a.removeprefix("v1a,")), signed_text)
    with pytest.raises(InvalidSignature):
        public.verify(base64.b64decode(v1a.removeprefix("v1a,")), signed_text + b" ")
    assert (v1.count(","), v1a.count(",")) == (1, 1)
    assert verify(BODY, headers) == {"subject": "Drucker raucht: 火事 é 🔥"}


def test_the_key_pair_of_rfc_8032_comes_out_byte_by_byte():
    # RFC 8032 section 7.1, TEST 1.
    seed = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    private = key_pairs.private_text(seed)

    assert private == "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="
    assert public_text(key_pairs.public_bytes(private)) == "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
    assert (
        key_pairs.sign(private, b"")
        .hex()
        .startswith("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155")
    )
