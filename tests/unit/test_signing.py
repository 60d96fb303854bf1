"""Signatures, judged by the public `standardwebhooks` library, one made by a process in another time zone."""

import base64
import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from psms.domain.signing import new_secret, signature_headers

SECRET = new_secret(bytes(range(32)))
OLD_SECRET = new_secret(bytes(range(1, 33)))
BODY = '{"subject":"Drucker raucht: 火事 é 🔥"}'.encode()
ID = "evt_018f2b6c-7d1e-7c3a-9b1f-2f6f0e6f9a11"


def now():
    return datetime.now(UTC)


def signed(body=BODY, secrets=(SECRET,), at=None):
    return signature_headers(message_id=ID, timestamp=at or now(), body=body, secrets=secrets)


def verify(body, headers, secret=SECRET):
    # The library wants text; it encodes it as UTF-8 again.
    return Webhook(secret).verify(body.decode(), headers)


def test_the_public_library_accepts_a_body_that_is_not_ascii():
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
def test_a_tampered_header_is_refused(header, value):
    with pytest.raises(WebhookVerificationError):
        verify(BODY, signed() | {header: value})


def test_a_tampered_body_is_refused():
    with pytest.raises(WebhookVerificationError):
        verify(BODY + b" ", signed())


def test_another_secret_is_refused():
    with pytest.raises(WebhookVerificationError):
        verify(BODY, signed(), secret=OLD_SECRET)


def test_during_a_rotation_both_secrets_verify_and_the_current_one_comes_first():
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


def test_a_process_in_tokyo_signs_the_right_instant():
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

    assert verify(BODY, headers) == {"subject": "Drucker raucht: 火事 é 🔥"}


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

    assert verify(body, headers, new_secret(secret)) == document
