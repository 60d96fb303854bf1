"""The chain that proves an organization's log: canonical form, hash, checkpoint. Finding tampering is in `log_proof`.

What is hashed is what the database keeps: a value that is encrypted there is hashed encrypted.
"""

import hashlib
import json
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from uuid import UUID

GENESIS = bytes(32)
"""What the first entry of a chain follows."""

CHECKPOINT_EVERY = timedelta(minutes=5)
CHECKPOINT_ROWS = 1000

_ENTRY_PREFIX = b"\x00psms.log.v1"
_CHECKPOINT_PREFIX = "psms.log.checkpoint.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptEntry:
    """One entry as the database keeps it; *before* and *after* are the texts of their JSON."""

    organization_id: UUID
    id: UUID
    at: datetime
    action: str
    outcome: str
    actor_id: UUID | None
    client_id: UUID | None
    request_id: str | None
    address: str | None
    target_type: str
    target_id: UUID | None
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """That the chain of an organization had this hash at this place, signed."""

    organization_id: UUID
    seq: int
    hash: bytes
    at: datetime
    key_id: str
    signature: bytes


Anchored = dict[UUID, list[Checkpoint]]
"""What an anchor holds outside the database, by organization."""


class _Digits(str):
    """A JSON number, in the digits that the database keeps: never a float."""

    __slots__ = ()


def canonical(entry: KeptEntry) -> bytes:
    """Return the one text that stands for *entry*: JSON in UTF-8, keys sorted, instants in UTC microseconds.

    Numbers keep their digits, so that no reader's floating point can make two values of one.
    """
    values = {field.name: _plain(getattr(entry, field.name)) for field in fields(entry)}
    for name in ("before", "after"):
        kept = values[name]
        values[name] = None if kept is None else json.loads(str(kept), parse_int=_Digits, parse_float=_Digits)
    return _text(values).encode()


def link(previous: bytes, entry: KeptEntry) -> bytes:
    """Return the hash of *entry* where it follows the hash *previous*."""
    return link_of_text(previous, canonical(entry))


def link_of_text(previous: bytes, text: bytes) -> bytes:
    """Return the hash of the entry whose canonical text this is, where it follows *previous*."""
    return hashlib.sha256(_ENTRY_PREFIX + previous + text).digest()


def checkpoint_message(organization_id: UUID, seq: int, chain_hash: bytes) -> bytes:
    """Return the bytes that a checkpoint's signature is over."""
    return f"{_CHECKPOINT_PREFIX}|{organization_id}|{seq}|{chain_hash.hex()}".encode()


def checkpoint_text(checkpoint: Checkpoint) -> str:
    """Return *checkpoint* as one line of JSON, for an anchor."""
    values = {field.name: _plain(getattr(checkpoint, field.name)) for field in fields(checkpoint)}
    return _text({**values, "seq": _Digits(checkpoint.seq)})


def checkpoint_from(line: str) -> Checkpoint:
    """Return the checkpoint in a line of an anchor; raise ValueError for anything else."""
    try:
        values = json.loads(line)
        return Checkpoint(
            organization_id=UUID(values["organization_id"]),
            seq=int(values["seq"]),
            hash=bytes.fromhex(values["hash"]),
            at=datetime.fromisoformat(values["at"]),
            key_id=str(values["key_id"]),
            signature=bytes.fromhex(values["signature"]),
        )
    except (KeyError, TypeError, AttributeError) as problem:
        message = f"not a checkpoint: {problem}"
        raise ValueError(message) from None


def instant_text(at: datetime) -> str:
    """Return an aware instant in UTC, always with six digits of microseconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return instant_text(value)
    if isinstance(value, bytes):
        return value.hex()
    return value if value is None else str(value)


def _text(value: object) -> str:
    if isinstance(value, _Digits):
        return value
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key)}:{_text(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_text, value)) + "]"
    return json.dumps(value)
