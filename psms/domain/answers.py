"""How a creating request is made safe to repeat, and what it answers; the HTTP headers are the edge's business."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class OnceKey:
    """An Idempotency-Key, with the SHA-256 of the request's method, path and canonical body."""

    key: str
    fingerprint: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """The finished JSON *body* of a 201, where the new resource is, and whether it was created before."""

    body: bytes
    location: str
    version: int | None
    replayed: bool = False
