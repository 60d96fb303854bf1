"""Encryption at rest as rules: the stored format, what a ciphertext is bound to, blind indexes. No key, no AES here.

The format and the bindings are those of `docs/security.md`; AES-256-GCM itself is behind `psms.ports.Cipher`.
"""

import hashlib
import hmac
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from psms.errors import Undecryptable

KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16

_FORMAT = b"\x01"
_ID_BYTES = 4
KEY_HEAD_BYTES = len(_FORMAT) + _ID_BYTES
HEAD_BYTES = KEY_HEAD_BYTES + NONCE_BYTES
_INDEX_BYTES = 16
# The unit separator of ASCII: none of the parts can contain it.
_BETWEEN = "\x1f"


class Purpose(StrEnum):
    """What an organization's data key is for; each purpose has keys of its own."""

    WEBHOOKS = "webhooks"
    PERSONAL = "personal"
    INDEX = "index"
    FILES = "files"


ROTATED = (Purpose.WEBHOOKS, Purpose.PERSONAL, Purpose.FILES)
"""What `rotate-dek` renews. An index key is renewed by `rotate-index`, for all rows are then indexed anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a value is stored. A ciphertext is readable in its own place only."""

    organization_id: UUID
    table: str
    column: str
    row_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class BlindIndexes:
    """The blind indexes of a value under the index keys of odd and of even version, as far as there are such keys.

    Each has a column of its own, so that rows have both while the index key changes and every look-up finds them.
    """

    odd: bytes | None
    even: bytes | None

    def under(self, version: int) -> bytes | None:
        """Return the one under the index key of *version*."""
        return self.odd if version % 2 else self.even


NO_INDEXES = BlindIndexes(odd=None, even=None)
"""Of a column that nobody looks anything up in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ciphertext:
    """A stored value taken apart: under which data key, with which nonce, and the encrypted bytes with their tag."""

    key_id: int
    nonce: bytes
    body: bytes


def associated_data(place: Place, key_id: int) -> bytes:
    """Return what a ciphertext in *place* under this data key is authenticated with."""
    return associated_start(place, key_id) + place.row_id.bytes


def associated_start(place: Place, key_id: int) -> bytes:
    """Return the part of the associated data that all rows of one column under one data key have in common.

    The sixteen bytes of the row's id follow it. No two places can be taken for one another: no part before them
    contains the separator, and they are always sixteen.
    """
    parts = ("psms1", str(place.organization_id), place.table, place.column, str(key_id), "")
    return _BETWEEN.join(parts).encode()


def key_context(organization_id: UUID, purpose: Purpose) -> dict[str, str]:
    """Return what a wrapped data key is authenticated with, as AWS KMS has it: an encryption context."""
    return {"organization": str(organization_id), "purpose": purpose.value}


def packed(ciphertext: Ciphertext) -> bytes:
    """Return the stored form: `0x01`, the key's id in 4 bytes, the nonce, the encrypted bytes with their tag."""
    return key_head(ciphertext.key_id) + ciphertext.nonce + ciphertext.body


def unpacked(stored: bytes) -> Ciphertext:
    """Take a stored value apart; raises Undecryptable for bytes that cannot be one."""
    if stored[:1] != _FORMAT or len(stored) < HEAD_BYTES + TAG_BYTES:
        raise Undecryptable
    return Ciphertext(
        key_id=int.from_bytes(stored[1:KEY_HEAD_BYTES]),
        nonce=stored[KEY_HEAD_BYTES:HEAD_BYTES],
        body=stored[HEAD_BYTES:],
    )


def key_head(key_id: int) -> bytes:
    """Return what every value that this data key encrypted begins with."""
    return _FORMAT + id_bytes(key_id)


def id_bytes(key_id: int) -> bytes:
    """Return a data key's id as it stands in the second to fifth byte of what it encrypted."""
    return key_id.to_bytes(_ID_BYTES)


def blind_index(key: bytes, place: Place, value: str) -> bytes:
    """Return 16 bytes that are equal for values that differ only in case, within one column of one organization.

    HMAC-SHA256 under a key of the organization's own, so that whoever has only the database can neither guess
    values nor compare organizations. The row of *place* plays no part: a look-up does not know it.
    """
    return blind_index_from(blind_index_start(key, place), value)


def blind_index_start(key: bytes, place: Place) -> hmac.HMAC:
    """Return what all blind indexes of one column of one organization begin with, computed once for many values."""
    start = _BETWEEN.join((str(place.organization_id), place.table, place.column, ""))
    return hmac.new(key, start.encode(), hashlib.sha256)


def blind_index_from(start: hmac.HMAC, value: str) -> bytes:
    """Return the blind index of *value*; *start* stays as it is."""
    mac = start.copy()
    mac.update(folded(value).encode())
    return mac.digest()[:_INDEX_BYTES]


def folded(value: str) -> str:
    """Return *value* in small letters, letter by letter, as PostgreSQL's `lower` does it.

    Python's own `lower` looks at neighbours and changes lengths, and would find equal what the database did not.
    """
    if value.isascii():
        return value.lower()
    return "".join(low if len(low := letter.lower()) == 1 else letter for letter in value)
