"""Signatures of outgoing webhooks: Standard Webhooks v1 and v1a. No secret is stored or rotated here.

Key pairs, which make the signatures of v1a, are in `psms.adapters.key_pairs`.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Sequence
from datetime import datetime

SECRET_PREFIX = "whsec_"  # noqa: S105 - a prefix, not a password
SECRET_BYTES = 32
PUBLIC_PREFIX = "whpk_"

Signer = Callable[[bytes], bytes]
"""Returns the ed25519 signature over a message."""

# A full stop would make `id.timestamp.body` ambiguous.
_MESSAGE_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")


def new_secret(random_bytes: bytes) -> str:
    """Return the signing secret made of 32 *random_bytes*: `whsec_` and their base64.

    Raises ValueError for any other number of bytes.
    """
    if len(random_bytes) != SECRET_BYTES:
        raise ValueError(f"a signing secret is made of {SECRET_BYTES} bytes, not {len(random_bytes)}")
    return SECRET_PREFIX + base64.b64encode(random_bytes).decode()


def public_text(public_key: bytes) -> str:
    """Return a public key as partners are given it."""
    return PUBLIC_PREFIX + base64.b64encode(public_key).decode()


def signature_headers(
    *, message_id: str, timestamp: datetime, body: bytes, secrets: Sequence[str], signers: Sequence[Signer] = ()
) -> dict[str, str]:
    """Return the `webhook-id`, `webhook-timestamp` and `webhook-signature` headers of one attempt.

    *timestamp* is the aware instant of this attempt. *secrets* are the valid ones, the current first: each
    signs, so that a partner can change over in its own time. *signers* sign as v1a besides.
    The signed text is `id.seconds.body`, by the Standard Webhooks specification 1.0.0, "Signature scheme".

    Raises ValueError for a naive timestamp, an id with other characters than letters, digits, `_` and `-`, no
    secret, or a secret that `new_secret` did not make.
    """
    if timestamp.utcoffset() is None:
        raise ValueError("sign with an aware timestamp: a naive one means another instant on another machine")
    if not _MESSAGE_ID.fullmatch(message_id):
        raise ValueError("a message id has 1 to 128 letters, digits, '_' and '-'")
    if not secrets:
        raise ValueError("sign with at least one secret")
    seconds = str(int(timestamp.timestamp()))
    signed = b".".join((message_id.encode(), seconds.encode(), body))
    tokens = [_token("v1", hmac.digest(_key(secret), signed, hashlib.sha256)) for secret in secrets]
    tokens += [_token("v1a", sign(signed)) for sign in signers]
    return {"webhook-id": message_id, "webhook-timestamp": seconds, "webhook-signature": " ".join(tokens)}


def _token(scheme: str, signature: bytes) -> str:
    return f"{scheme},{base64.b64encode(signature).decode()}"


def _key(secret: str) -> bytes:
    if not secret.startswith(SECRET_PREFIX):
        raise ValueError(f"a signing secret begins with {SECRET_PREFIX}")
    try:
        return base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error:
        # The cause would carry the secret into a log.
        raise ValueError(f"a signing secret is base64 after {SECRET_PREFIX}") from None
