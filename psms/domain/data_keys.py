"""Data keys as operators see them, and what re-encryption and shredding came to. Key material is in no field."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

MOST_MESSAGES = 2**28
"""After so many values a data key is rotated: a sixteenth of what random nonces allow (NIST SP 800-38D, 8.3)."""

RESERVED_MESSAGES = 1024
"""How many values a process counts in the database at once, before it encrypts them."""

KNOWN_AFTER = timedelta(minutes=15)
"""By then every process knows what changed about keys: it keeps them for ten minutes, and works are short."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrappedKey:
    """A data key as it is stored; *wrapped* is None once it was shredded."""

    id: int
    purpose: str
    version: int
    kek_id: str
    wrapped: bytes | None
    created_at: datetime
    retired_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KekUse:
    """How many data keys are wrapped under one KEK, and whether this process is configured with it."""

    kek_id: str
    data_keys: int
    known: bool
    primary: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyStatus:
    """How the keys of an installation stand. *outdated* counts values in clear or under a former data key.

    *most_messages* is the highest number of values under one data key that still encrypts.
    """

    keks: list[KekUse]
    shredded: int
    outdated: dict[str, int]
    most_messages: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyHealth:
    """What a look from outside shows: whether anything is encrypted yet, and what somebody should see to."""

    begun: bool
    former_keks: tuple[str, ...]
    most_messages: int


@dataclass(slots=True, kw_only=True)
class Reencrypted:
    """What one run of re-encryption came to; *unreadable* names rows, as `table/id`."""

    changed: int = 0
    left: int = 0
    unreadable: list[str] = field(default_factory=list)


class IndexStep(StrEnum):
    """How far a change of the blind index's key has come: both keys in use, the former one retired, or finished."""

    BOTH = "both"
    RETIRED = "retired"
    FINISHED = "finished"


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexRotation:
    """What one call of the rotation of a blind index's key did, and from when on the next one goes on."""

    step: IndexStep
    changed: int = 0
    unreadable: tuple[str, ...] = ()
    again_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shredded:
    """What shredding an organization destroyed and closed."""

    organization_id: UUID
    data_keys: int
    clients: int
    endpoints: int
