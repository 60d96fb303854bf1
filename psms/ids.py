"""The identifiers of PSMS and how a UUIDv7 is laid out; making random bits lives in `psms.adapters.system`."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NewType
from uuid import UUID

OrganizationId = NewType("OrganizationId", UUID)
UserId = NewType("UserId", UUID)
TeamId = NewType("TeamId", UUID)
ServiceId = NewType("ServiceId", UUID)
ClientId = NewType("ClientId", UUID)
TicketId = NewType("TicketId", UUID)
CommentId = NewType("CommentId", UUID)
EventId = NewType("EventId", UUID)
EndpointId = NewType("EndpointId", UUID)
DeliveryId = NewType("DeliveryId", UUID)
AttemptId = NewType("AttemptId", UUID)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_VERSION_7 = 0x7 << 76
_VARIANT_RFC = 0b10 << 62
_MILLISECOND = timedelta(milliseconds=1)
_MICROSECOND = timedelta(microseconds=1)


def uuid7(at: datetime, random_62: int) -> UUID:
    """Return the UUIDv7 (RFC 9562 section 5.7) of the instant *at* with 62 random bits.

    The sub-millisecond field carries the microseconds (section 6.2, method 3), so ids made in one
    process within a millisecond still sort by time.
    """
    return UUID(int=_of_instant(at) | random_62)


# Whoever writes a page of rows asks for thousands of ids of one instant.
@lru_cache(64)
def _of_instant(at: datetime) -> int:
    since_epoch = at - _EPOCH
    milliseconds = since_epoch // _MILLISECOND
    fraction = (since_epoch % _MILLISECOND) // _MICROSECOND * 4096 // 1000
    return milliseconds << 80 | _VERSION_7 | fraction << 64 | _VARIANT_RFC


def instant_of(identifier: UUID) -> datetime:
    """Return the instant, to the millisecond, at which a UUIDv7 was made."""
    return _EPOCH + timedelta(milliseconds=identifier.int >> 80)


def first_id_of(at: datetime) -> UUID:
    """Return what no UUIDv7 of the millisecond of *at*, or of a later one, is below."""
    return UUID(int=max(0, (at - _EPOCH) // _MILLISECOND) << 80)
