"""How a creating request is made safe to repeat, and what it answers; the HTTP headers are the edge's business."""

import hashlib
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class OnceKey:
    """An Idempotency-Key, with the SHA-256 of the request's method, path and canonical body."""

    key: str
    fingerprint: bytes

    def lock(self, client_id: UUID) -> int:
        """Return the number, of 64 bits with a sign, of the lock that a client's requests with this key take."""
        digest = hashlib.sha256(f"{client_id}/{self.key}".encode()).digest()
        return int.from_bytes(digest[:8], signed=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """The finished JSON *body* of a 201, where the new resource is, and whether it was created before."""

    body: bytes
    location: str
    version: int | None
    replayed: bool = False
