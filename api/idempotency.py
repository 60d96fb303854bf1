"""The Idempotency-Key header: with it, a creating request may be sent again without creating twice."""

import hashlib
import json
import re

from flask import g, request

from psms.domain.answers import OnceKey
from psms.errors import MalformedRequest

HEADER = "Idempotency-Key"
REPLAYED_HEADER = "Idempotency-Replayed"

_KEY = re.compile(r"[\x21-\x7e]{1,200}")


def once_key() -> OnceKey | None:
    """Return the key of this request and the fingerprint of what it asks for, None where it has no key.

    Raises MalformedRequest for a key that is not 1 to 200 visible ASCII characters.
    """
    key = request.headers.get(HEADER)
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        raise MalformedRequest(f"{HEADER} must have 1 to 200 visible ASCII characters.")
    return OnceKey(key=key, fingerprint=_fingerprint())


def _fingerprint() -> bytes:
    # Of the parsed body: a retry may write the same object with other spaces or in another order.
    body = json.dumps(g.get("json_body"), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{request.method}\n{request.path}\n{body}".encode()).digest()
