"""How an endpoint wants to be called: in which order, how fast, how signed. How its lane keeps to that is in `db`."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from psms.errors import FieldError

MOST_IN_FLIGHT = 64
USUAL_IN_FLIGHT = 16
MOST_PER_MINUTE = 60_000
LONGEST_TIMEOUT_S = 30
USUAL_TIMEOUT_S = 15
MOST_OVERLAP_HOURS = 168
USUAL_OVERLAP_HOURS = 24


class Ordering(StrEnum):
    """What waits for what: nothing, an event for the one before it of its ticket, or every event for the one before."""

    NONE = "none"
    TICKET = "ticket"
    ENDPOINT = "endpoint"


class SignatureScheme(StrEnum):
    """How requests are signed: by a shared secret (HMAC-SHA-256), or by a key pair (ed25519)."""

    V1 = "v1"
    V1A = "v1a"


ONLY_V1 = (SignatureScheme.V1.value,)
V1_AND_V1A = (SignatureScheme.V1.value, SignatureScheme.V1A.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """What requests can be verified with: `whpk_` and base64. *expires_at* None: the current one."""

    id: UUID
    public_key: str
    created_at: datetime
    expires_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedKeys:
    """The public keys of an endpoint, the current one first; none for an endpoint that is not known."""

    keys: list[PublicKey]


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneSettings:
    """How much may be under way to an endpoint at once; *rate_per_minute* None: as fast as it answers."""

    order: Ordering = Ordering.NONE
    rate_per_minute: int | None = None
    max_in_flight: int = USUAL_IN_FLIGHT


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """A change of an endpoint's secret or key pair; for *overlap* the former ones sign too."""

    overlap: timedelta = timedelta(hours=USUAL_OVERLAP_HOURS)
    signature: SignatureScheme = SignatureScheme.V1


def lane_settings(stored: LaneSettings, wanted: Mapping[str, Any], *, one_by_one: bool) -> LaneSettings:
    """Return what *stored* becomes when the fields of *wanted* are set; raises FieldError.

    Who wants every event in order, and whoever is told *one_by_one* for another reason, has one request under way.
    """
    order = Ordering(wanted.get("order", stored.order))
    return replace(
        stored,
        order=order,
        rate_per_minute=wanted.get("rate_per_minute", stored.rate_per_minute),
        max_in_flight=_in_flight(stored, wanted, order, one_by_one=one_by_one),
    )


def _in_flight(stored: LaneSettings, wanted: Mapping[str, Any], order: Ordering, *, one_by_one: bool) -> int:
    given: int | None = wanted.get("max_in_flight")
    if one_by_one or order is Ordering.ENDPOINT:
        if given not in {None, 1}:
            raise FieldError("max_in_flight", "What goes out one after the other has 1 in flight: leave it out.")
        return 1
    if given is not None:
        return given
    # It was 1 for the order's sake.
    return USUAL_IN_FLIGHT if stored.order is Ordering.ENDPOINT else stored.max_in_flight
