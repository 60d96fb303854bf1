"""The data keys of one organization, unwrapped, and what is done with them: fields are encrypted and looked up.

Where data keys are stored, and how they are unwrapped and made, is in `workflows.data_keys`.
"""

import hmac
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from uuid import UUID

from psms.adapters.message_counts import MessageCounts
from psms.domain.encrypted_columns import EncryptedColumn
from psms.domain.encryption import (
    HEAD_BYTES,
    KEY_HEAD_BYTES,
    NONCE_BYTES,
    ROTATED,
    BlindIndexes,
    Purpose,
    associated_start,
    blind_index_from,
    blind_index_start,
    key_head,
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bound:
    """A data key as it serves one column: what its values begin with, and are authenticated with before the row."""

    key_id: int
    cipher: Cipher
    head: bytes
    start: bytes


class Keyring:
    """An organization's data keys. Never changes: a newer one replaces it."""

    def __init__(
        self,
        organization_id: UUID,
        keys: Iterable[DataKey],
        cipher: Callable[[bytes], Cipher],
        chance: Chance,
        counts: MessageCounts | None = None,
    ) -> None:
        """Take the unwrapped keys, how to make a cipher of one, where nonces come from, and what counts values."""
        self._organization_id = organization_id
        self._chance = chance
        self._counts = MessageCounts() if counts is None else counts
        held = sorted(keys, key=lambda key: key.version)
        self._ciphers = {key.id: cipher(key.key) for key in held if key.purpose is not Purpose.INDEX}
        self._purposes = {key.id: key.purpose for key in held}
        self._newest = {key.purpose: key.id for key in held}
        # Odd and even versions by turns: a value has an index of each while the index key changes.
        self._index_keys = {key.version % 2: key.key for key in held if key.purpose is Purpose.INDEX}
        # What is the same for all rows is put together once: a page of users has fifty of them.
        self._bound: dict[EncryptedColumn, dict[bytes, _Bound]] = {}
        self._index_starts: dict[EncryptedColumn, tuple[hmac.HMAC | None, hmac.HMAC | None]] = {}
        self.complete = len(self._newest) == len(Purpose)
        """Whether there is a key for every purpose."""
        self.counted = tuple(self._newest[purpose] for purpose in ROTATED if purpose in self._newest)
        """The ids of the keys that encrypt, under each of which values are counted."""

    @property
    def purposes(self) -> frozenset[Purpose]:
        """The purposes that there are keys for."""
        return frozenset(self._newest)

    def newest(self, purpose: Purpose) -> int:
        """Return the id of the key that encrypts for *purpose*."""
        return self._newest[purpose]

    def encrypt(self, column: EncryptedColumn, row_id: UUID, plaintext: bytes) -> bytes:
        """Return the stored form of *plaintext* in one column of one row, under the newest key."""
        bound = self._bound_of(column)[key_head(self._newest[column.purpose])]
        nonce = self._chance.secret_bytes(NONCE_BYTES)
        self._counts.spend(self._organization_id, bound.key_id)
        return bound.head + nonce + bound.cipher.encrypt(nonce, plaintext, bound.start + row_id.bytes)

    def decrypt(self, column: EncryptedColumn, row_id: UUID, stored: bytes) -> bytes:
        """Return the plaintext of what stands in one column of one row.

        Raises UnknownDataKey for a key that is not held, and Undecryptable for what was encrypted for another
        row, column, table, organization or purpose, or was changed.
        """
        return self.decrypt_page(column, ((row_id, stored),))[0]

    def decrypt_page(self, column: EncryptedColumn, values: Iterable[tuple[UUID, bytes]]) -> list[bytes]:
        """Return the plaintexts of a column in many rows, each with its row's id; raises as `decrypt` does."""
        bound = self._bound_of(column)
        opened = []
        for row_id, stored in values:
            key = bound.get(stored[:KEY_HEAD_BYTES])
            if key is None:
                raise self._refusal(stored)
            nonce, body = stored[KEY_HEAD_BYTES:HEAD_BYTES], stored[HEAD_BYTES:]
            opened.append(key.cipher.decrypt(nonce, body, key.start + row_id.bytes))
        return opened

    def indexes(self, column: EncryptedColumn, value: str) -> BlindIndexes:
        """Return the blind indexes of *value* in a column, by which equal values are found; none without a key."""
        starts = self._index_starts.get(column)
        if starts is None:
            starts = self._index_starts[column] = (self._index_start(column, 1), self._index_start(column, 0))
        odd, even = starts
        return BlindIndexes(
            odd=None if odd is None else blind_index_from(odd, value),
            even=None if even is None else blind_index_from(even, value),
        )

    def _bound_of(self, column: EncryptedColumn) -> dict[bytes, _Bound]:
        found = self._bound.get(column)
        if found is None:
            found = self._bound[column] = {
                key_head(key_id): _Bound(
                    key_id=key_id,
                    cipher=self._ciphers[key_id],
                    head=key_head(key_id),
                    start=associated_start(column.at(self._organization_id, _NO_ROW), key_id),
                )
                for key_id, purpose in self._purposes.items()
                if purpose is column.purpose
            }
        return found

    def _refusal(self, stored: bytes) -> Undecryptable:
        try:
            known = unpacked(stored).key_id in self._ciphers
        except Undecryptable as problem:
            return problem
        return Undecryptable() if known else UnknownDataKey()

    def _index_start(self, column: EncryptedColumn, parity: int) -> hmac.HMAC | None:
        key = self._index_keys.get(parity)
        return None if key is None else blind_index_start(key, column.at(self._organization_id, _NO_ROW))
