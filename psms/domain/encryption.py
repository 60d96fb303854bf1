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
_HEAD_BYTES = len(_FORMAT) + _ID_BYTES + NONCE_BYTES
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
"""What `rotate-dek` renews. A new index key would make every look-up miss until all rows are indexed anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a value is stored. A ciphertext is readable in its own place only."""

    organization_id: UUID
    table: str
    column: str
    row_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Ciphertext:
    """A stored value taken apart: under which data key, with which nonce, and the encrypted bytes with their tag."""

    key_id: int
    nonce: bytes
    body: bytes


def associated_data(place: Place, key_id: int) -> bytes:
    """Return what a ciphertext in *place* under this data key is authenticated with."""
    return associated_with(associated_start(place), place.row_id, key_id)


def associated_start(place: Place) -> bytes:
    """Return the part of the associated data that all rows of one column of one organization have in common."""
    return f"psms1{_BETWEEN}{place.organization_id}{_BETWEEN}{place.table}{_BETWEEN}{place.column}{_BETWEEN}".encode()


def associated_with(start: bytes, row_id: UUID, key_id: int) -> bytes:
    """Return the associated data of one row, from the part that it has in common with others."""
    return start + f"{row_id}{_BETWEEN}{key_id}".encode()


def key_context(organization_id: UUID, purpose: Purpose) -> dict[str, str]:
    """Return what a wrapped data key is authenticated with, as AWS KMS has it: an encryption context."""
    return {"organization": str(organization_id), "purpose": purpose.value}


def packed(ciphertext: Ciphertext) -> bytes:
    """Return the stored form: `0x01`, the key's id in 4 bytes, the nonce, the encrypted bytes with their tag."""
    return _FORMAT + id_bytes(ciphertext.key_id) + ciphertext.nonce + ciphertext.body


def unpacked(stored: bytes) -> Ciphertext:
    """Take a stored value apart; raises Undecryptable for bytes that cannot be one."""
    if stored[:1] != _FORMAT or len(stored) < _HEAD_BYTES + TAG_BYTES:
        raise Undecryptable
    return Ciphertext(
        key_id=int.from_bytes(stored[1 : 1 + _ID_BYTES]),
        nonce=stored[1 + _ID_BYTES : _HEAD_BYTES],
        body=stored[_HEAD_BYTES:],
    )


def id_bytes(key_id: int) -> bytes:
    """Return a data key's id as it stands in the second to fifth byte of what it encrypted."""
    return key_id.to_bytes(_ID_BYTES)


def blind_index(key: bytes, place: Place, value: str) -> bytes:
    """Return 16 bytes that are equal for values that differ only in case, within one column of one organization.

    HMAC-SHA256 under a key of the organization's own, so that whoever has only the database can neither guess
    values nor compare organizations. The row of *place* plays no part: a look-up does not know it.
    """
    indexed = _BETWEEN.join((str(place.organization_id), place.table, place.column, folded(value)))
    return hmac.digest(key, indexed.encode(), hashlib.sha256)[:_INDEX_BYTES]


def folded(value: str) -> str:
    """Return *value* in small letters, letter by letter, as PostgreSQL's `lower` does it.

    Python's own `lower` looks at neighbours and changes lengths, and would find equal what the database did not.
    """
    return "".join(low if len(low := letter.lower()) == 1 else letter for letter in value)
