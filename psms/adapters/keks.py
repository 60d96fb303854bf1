"""Key-encryption keys (KEKs) that this process holds itself, and a ring of several kinds. AWS KMS is in `key_kms`."""

from collections.abc import Mapping

from psms.adapters.cipher import AesGcm
from psms.domain.encryption import NONCE_BYTES
from psms.errors import Undecryptable
from psms.ports import Chance, KeyWrapper


class LocalKeks:
    """KEKs from a file or from the environment. A wrapped key is a nonce and the AES-256-GCM of the data key."""

    def __init__(self, keks: Mapping[str, bytes], primary: str, chance: Chance) -> None:
        """Take the keys by their ids, which of them wraps, and where nonces come from."""
        self._chance = chance
        self._ciphers = {kek_id: AesGcm(key) for kek_id, key in keks.items()}
        self._primary = primary

    @property
    def primary(self) -> str:
        """The id of the KEK that wraps."""
        return self._primary

    def knows(self, kek_id: str, /) -> bool:
        """Tell whether this KEK is among them."""
        return kek_id in self._ciphers

    def wrap(self, data_key: bytes, context: Mapping[str, str], /) -> bytes:
        """Return *data_key* encrypted under the primary KEK and bound to *context*."""
        nonce = self._chance.secret_bytes(NONCE_BYTES)
        return nonce + self._ciphers[self._primary].encrypt(nonce, data_key, _bytes_of(context))

    def unwrap(self, kek_id: str, wrapped: bytes, context: Mapping[str, str], /) -> bytes:
        """Return the data key; raise Undecryptable for another KEK, other bytes or another context."""
        if kek_id not in self._ciphers:
            raise Undecryptable(f"The key-encryption key {kek_id!r} is not configured.")
        return self._ciphers[kek_id].decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], _bytes_of(context))


class RingOfKeks:
    """A first keeper of KEKs, which wraps, and a second that can still unwrap: to move from one to the other."""

    def __init__(self, first: KeyWrapper, second: KeyWrapper | None) -> None:
        """Take both; there need be no second."""
        self._first = first
        self._keepers = [first] if second is None else [first, second]

    @property
    def primary(self) -> str:
        """The id of the KEK that wraps."""
        return self._first.primary

    def knows(self, kek_id: str, /) -> bool:
        """Tell whether one of them has this KEK."""
        return any(keeper.knows(kek_id) for keeper in self._keepers)

    def wrap(self, data_key: bytes, context: Mapping[str, str], /) -> bytes:
        """Have the first one wrap."""
        return self._first.wrap(data_key, context)

    def unwrap(self, kek_id: str, wrapped: bytes, context: Mapping[str, str], /) -> bytes:
        """Have the one that knows the KEK unwrap; raise Undecryptable where none does."""
        for keeper in self._keepers:
            if keeper.knows(kek_id):
                return keeper.unwrap(kek_id, wrapped, context)
        raise Undecryptable(f"The key-encryption key {kek_id!r} is not configured.")


def _bytes_of(context: Mapping[str, str]) -> bytes:
    return b"\x1f".join(f"{name}={context[name]}".encode() for name in sorted(context))
