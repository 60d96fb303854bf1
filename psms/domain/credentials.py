"""The form of client secrets and access tokens, and how they are compared; both are stored as hashes only."""

import hashlib
import hmac
import re
import zlib
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from uuid import UUID

from psms.domain.access import Role

_TOKEN = re.compile(r"sda_([A-Za-z0-9_-]{43})([0-9a-f]{8})")


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredClient:
    """What the token endpoint knows of a client."""

    id: UUID
    organization_id: UUID
    client_id: str
    secret_hash: bytes
    role: Role
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedToken:
    """A new access token, which is shown this once."""

    access_token: str
    expires_in_s: int
    scopes: tuple[str, ...]


def digest(credential: str) -> bytes:
    """Return the SHA-256 under which a random 256-bit credential is stored.

    Slow hashing is for passwords: nobody guesses 256 random bits (OWASP Password Storage Cheat Sheet).
    """
    return hashlib.sha256(credential.encode()).digest()


def secret_matches(client: RegisteredClient, secret: str) -> bool:
    """Tell, in constant time, whether *secret* is the client's."""
    return hmac.compare_digest(client.secret_hash, digest(secret))


def token_from(random: bytes) -> str:
    """Return the access token of 32 random bytes: `sda_`, 43 characters, and a checksum.

    Prefix and checksum let secret scanners recognise a leaked token without asking us.
    """
    body = urlsafe_b64encode(random).rstrip(b"=").decode()
    return f"sda_{body}{zlib.crc32(body.encode()):08x}"


def is_token(text: str) -> bool:
    """Tell whether *text* has the form of an access token, so that nonsense costs no look-up."""
    match = _TOKEN.fullmatch(text)
    return match is not None and f"{zlib.crc32(match[1].encode()):08x}" == match[2]


def client_secret_from(random: bytes) -> str:
    """Return the client secret of 32 random bytes."""
    return "sdc_" + urlsafe_b64encode(random).rstrip(b"=").decode()


def client_id_from(random: bytes) -> str:
    """Return the public id of a client from 12 random bytes."""
    return "client_" + random.hex()
