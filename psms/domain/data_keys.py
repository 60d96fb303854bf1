"""Data keys as operators see them, and what re-encryption and shredding came to. Key material is in no field."""

from dataclasses import dataclass, field
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class WrappedKey:
    """A data key as it is stored; *wrapped* is None once it was shredded."""

    id: int
    purpose: str
    version: int
    kek_id: str
    wrapped: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KekUse:
    """How many data keys are wrapped under one KEK, and whether this process is configured with it."""

    kek_id: str
    data_keys: int
    known: bool
    primary: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyStatus:
    """How the keys of an installation stand. *outdated* counts values in clear or under a former data key."""

    keks: list[KekUse]
    shredded: int
    outdated: dict[str, int]


@dataclass(slots=True, kw_only=True)
class Reencrypted:
    """What one run of re-encryption came to; *unreadable* names rows, as `table/id`."""

    changed: int = 0
    left: int = 0
    unreadable: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shredded:
    """What shredding an organization destroyed and closed."""

    organization_id: UUID
    data_keys: int
    clients: int
    endpoints: int
