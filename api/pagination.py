"""Cursors of lists: the id of the last item seen, in a form that clients pass back and do not read.

A cursor needs no signature: the workflow lists what follows an id within the caller's own organization, so
a cursor made up or taken from elsewhere shows nothing that a list without one would not show.
"""

import binascii
import struct
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any
from uuid import UUID

from marshmallow import fields, validate

from api.fields import QueryNumber, Schema
from psms.domain.pages import DEFAULT_LIMIT, MAX_LIMIT, PageRequest
from psms.errors import CursorInvalid

_VERSION = 1
_FORM = struct.Struct(">B16sL")


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
    return PageRequest(limit=query.pop("limit"), after=None if cursor is None else decode_cursor(cursor))


def encode_cursor(last: UUID) -> str:
    """Return the cursor of the page that follows the item *last*."""
    return urlsafe_b64encode(_FORM.pack(_VERSION, last.bytes, _checksum(last))).decode()


def decode_cursor(cursor: str) -> UUID:
    """Return the id in a cursor that `encode_cursor` made; raise CursorInvalid for any other text."""
    try:
        _, last, _ = _FORM.unpack(urlsafe_b64decode(cursor.encode("ascii")))
    except (UnicodeEncodeError, binascii.Error, struct.error):
        raise CursorInvalid from None
    found = UUID(bytes=last)
    # Covers version and checksum too, and base64 has several spellings of the same bytes: only one is ours.
    if encode_cursor(found) != cursor:
        raise CursorInvalid
    return found


def _checksum(last: UUID) -> int:
    """Return what tells a cursor from a text that was mistyped or made up."""
    return zlib.crc32(last.bytes)
