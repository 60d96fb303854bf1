"""AES-256-GCM by the `cryptography` package. What is encrypted with it, and bound to what, is decided elsewhere."""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from psms.domain.encryption import KEY_BYTES
from psms.errors import Undecryptable


class AesGcm:
    """One 256-bit key, ready to be used by any number of threads."""

    def __init__(self, key: bytes) -> None:
        """Take the key; raises ValueError for one that has not 32 bytes."""
        if len(key) != KEY_BYTES:
            message = f"a key has {KEY_BYTES} bytes, not {len(key)}"
            raise ValueError(message)
        self._aead = AESGCM(key)

    def encrypt(self, nonce: bytes, plaintext: bytes, associated: bytes, /) -> bytes:
        """Return the encrypted bytes and their 16-byte tag."""
        return self._aead.encrypt(nonce, plaintext, associated)

    def decrypt(self, nonce: bytes, body: bytes, associated: bytes, /) -> bytes:
        """Return the plaintext; raise Undecryptable unless every bit is as it was encrypted."""
        try:
            return self._aead.decrypt(nonce, body, associated)
        except (InvalidTag, ValueError):
            # A nonce that was cut off is a ValueError.
            raise Undecryptable from None
