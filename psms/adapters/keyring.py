"""The data keys of one organization, unwrapped, and what is done with them: fields are encrypted and looked up.

Where data keys are stored, and how they are unwrapped and made, is in `workflows.data_keys`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from uuid import UUID

from psms.domain.encrypted_columns import EncryptedColumn
from psms.domain.encryption import (
    NONCE_BYTES,
    Ciphertext,
    Purpose,
    associated_start,
    associated_with,
    blind_index,
    packed,
    unpacked,
)
from psms.errors import Undecryptable
from psms.ports import Chance, Cipher

_NO_ROW = UUID(int=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataKey:
    """One unwrapped data key."""

    id: int
    purpose: Purpose
    version: int
    key: bytes


class UnknownDataKey(Undecryptable):
    """A value is encrypted under a data key that this keyring does not hold: it may be newer than the keyring."""


class Keyring:
    """An organization's data keys. Never changes: a newer one replaces it."""

    def __init__(
        self, organization_id: UUID, keys: Iterable[DataKey], cipher: Callable[[bytes], Cipher], chance: Chance
    ) -> None:
        """Take the unwrapped keys, how to make a cipher of one, and where nonces come from."""
        self._organization_id = organization_id
        self._chance = chance
        held = sorted(keys, key=lambda key: key.version)
        self._ciphers = {key.id: cipher(key.key) for key in held if key.purpose is not Purpose.INDEX}
        self._purposes = {key.id: key.purpose for key in held}
        self._newest = {key.purpose: key.id for key in held}
        self._starts: dict[EncryptedColumn, bytes] = {}
        self._index_key = next((key.key for key in held if key.purpose is Purpose.INDEX), b"")

    @property
    def purposes(self) -> frozenset[Purpose]:
        """The purposes that there are keys for."""
        return frozenset(self._newest)

    def newest(self, purpose: Purpose) -> int:
        """Return the id of the key that encrypts for *purpose*."""
        return self._newest[purpose]

    def encrypt(self, column: EncryptedColumn, row_id: UUID, plaintext: bytes) -> bytes:
        """Return the stored form of *plaintext* in one column of one row, under the newest key."""
        key_id = self._newest[column.purpose]
        nonce = self._chance.secret_bytes(NONCE_BYTES)
        associated = self._binding(column, row_id, key_id)
        body = self._ciphers[key_id].encrypt(nonce, plaintext, associated)
        return packed(Ciphertext(key_id=key_id, nonce=nonce, body=body))

    def decrypt(self, column: EncryptedColumn, row_id: UUID, stored: bytes) -> bytes:
        """Return the plaintext of what stands in one column of one row.

        Raises UnknownDataKey for a key that is not held, and Undecryptable for what was encrypted for another
        row, column, table, organization or purpose, or was changed.
        """
        ciphertext = unpacked(stored)
        if ciphertext.key_id not in self._ciphers:
            raise UnknownDataKey
        if self._purposes[ciphertext.key_id] is not column.purpose:
            raise Undecryptable
        associated = self._binding(column, row_id, ciphertext.key_id)
        return self._ciphers[ciphertext.key_id].decrypt(ciphertext.nonce, ciphertext.body, associated)

    def index(self, column: EncryptedColumn, value: str) -> bytes:
        """Return the blind index of *value* in a column, by which equal values are found.

        Raises UnknownDataKey where no index key is held.
        """
        if not self._index_key:
            raise UnknownDataKey
        return blind_index(self._index_key, column.at(self._organization_id, _NO_ROW), value)

    def _binding(self, column: EncryptedColumn, row_id: UUID, key_id: int) -> bytes:
        # What rows of a column have in common is put together once: a page of users has fifty of them.
        start = self._starts.get(column)
        if start is None:
            start = self._starts[column] = associated_start(column.at(self._organization_id, row_id))
        return associated_with(start, row_id, key_id)
