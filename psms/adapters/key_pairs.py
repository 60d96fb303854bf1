"""Key pairs that sign webhooks: ed25519 (RFC 8032), as Standard Webhooks 1.0.0 writes them. None is stored here."""

import base64

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SEED_BYTES = 32
PRIVATE_PREFIX = "whsk_"


def private_text(seed: bytes) -> str:
    """Return the private key made of 32 random bytes, as it is stored, encrypted; it never leaves."""
    return PRIVATE_PREFIX + base64.b64encode(seed).decode()


def public_bytes(private: str) -> bytes:
    """Return the 32 bytes of the public key of a private key in its text form."""
    return _key(private).public_key().public_bytes_raw()


def sign(private: str, message: bytes) -> bytes:
    """Return the 64 bytes of the signature over *message*."""
    return _key(private).sign(message)


def _key(private: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(base64.b64decode(private.removeprefix(PRIVATE_PREFIX), validate=True))
