"""Cursors of lists: the id of the last item seen, in a form that clients pass back and do not read.

A cursor is sealed for the organization and the list that it was given out for. What a list shows does not hang on
that, since workflows list within the caller's own organization: the seal refuses what was made up or mixed up.
"""

import binascii
import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any
from uuid import UUID

from flask import request
from marshmallow import fields, validate

from api.auth import actor
from api.context import runtime
from api.fields import QueryNumber, Schema
from psms.domain.pages import DEFAULT_LIMIT, MAX_LIMIT, PageRequest
from psms.errors import CursorInvalid

_SEAL_BYTES = 17
_ID_BYTES = 16


class PageQuery(Schema):
    """The two query parameters that every list has."""

    limit = QueryNumber(
        load_default=DEFAULT_LIMIT,
        validate=validate.Range(min=1, max=MAX_LIMIT),
        metadata={"description": "How many items at most."},
    )
    cursor = fields.String(metadata={"description": "The next_cursor of the page before; left out: the first page."})


def page_request(query: dict[str, Any]) -> PageRequest:
    """Take `limit` and `cursor` out of *query*, which keeps its filters; raise CursorInvalid."""
    cursor = query.pop("cursor", None)
    return PageRequest(limit=query.pop("limit"), after=None if cursor is None else decode_cursor(cursor, sealing_key()))


def sealing_key() -> bytes:
    """Return the key of the cursors of the list at hand, for the caller at hand."""
    about = f"{request.path} {actor().organization_id}".encode()
    return hmac.digest(runtime().settings.cursor_key, about, hashlib.sha256)


def encode_cursor(last: UUID, key: bytes) -> str:
    """Return the cursor of the page that follows the item *last*."""
    return urlsafe_b64encode(last.bytes + _seal(last, key)).decode()


def decode_cursor(cursor: str, key: bytes) -> UUID:
    """Return the id in a cursor that `encode_cursor` made with *key*; raise CursorInvalid for any other text."""
    try:
        found = UUID(bytes=urlsafe_b64decode(cursor.encode("ascii"))[:_ID_BYTES])
    except (UnicodeEncodeError, binascii.Error, ValueError):
        raise CursorInvalid from None
    # base64 has several spellings of the same bytes: only one is ours.
    if not hmac.compare_digest(encode_cursor(found, key), cursor):
        raise CursorInvalid
    return found


def _seal(last: UUID, key: bytes) -> bytes:
    return hmac.digest(key, last.bytes, hashlib.sha256)[:_SEAL_BYTES]
