"""Endpoints as the API shows them, and the states of deliveries, which are in `deliveries`; when to retry: `retry`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from psms.domain.endpoint_settings import ONLY_V1, USUAL_TIMEOUT_S, Ordering, PublicKey
from psms.domain.event_versions import SCHEMA_VERSION

MOST_COUNTED = 10_000


class EndpointKind(StrEnum):
    """Who is at the other end: a partner's own receiver, or PagerDuty, which gets pages in its own form."""

    WEBHOOK = "webhook"
    PAGERDUTY = "pagerduty"


class EndpointState(StrEnum):
    """Whether an endpoint receives: paused by a person, or disabled with a reason; both hold, never drop."""

    ACTIVE = "active"
    PAUSED = "paused"
    DISABLED = "disabled"


class Backlog(StrEnum):
    """What becomes of what was held when an endpoint is made active again."""

    DELIVER = "deliver"
    DISCARD = "discard"
    SINCE = "since"


class DeliveryState(StrEnum):
    """Where one event is on its way to one endpoint."""

    PENDING = "pending"
    IN_FLIGHT = "in_flight"
    HELD = "held"
    DELIVERED = "delivered"
    DEAD = "dead"
    CANCELLED = "cancelled"


class Trigger(StrEnum):
    """What caused an attempt."""

    AUTO = "auto"
    MANUAL = "manual"
    TEST = "test"
    REPLAY = "replay"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A partner's address, which events it receives (*event_types* None: all) in which version, and how it is called.

    The values of *headers* are masked.
    """

    id: UUID
    kind: EndpointKind
    url: str
    description: str
    event_types: list[str] | None
    event_filter: dict[str, Any] | None
    schema_version: int
    state: EndpointState
    disabled_reason: str | None
    failing_since: datetime | None
    failed_attempts: int
    last_success_at: datetime | None
    headers: Mapping[str, str]
    timeout_seconds: int
    order: Ordering
    rate_per_minute: int | None
    max_in_flight: int
    signatures: list[str]
    public_keys: list[PublicKey]
    verified_at: datetime | None
    version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointInFull(Endpoint):
    """An endpoint and how it fares now.

    *circuit* is `closed` while requests go out, `open` while none does until *next_probe_at*, `half_open` while one
    tries. *held* is how many deliveries wait for the endpoint to be active again, counted up to MOST_COUNTED.
    """

    circuit: str
    next_probe_at: datetime | None
    held: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointWithSecret:
    """An endpoint with the signing secret that is shown this once."""

    endpoint: Endpoint
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEndpoint:
    """Register an endpoint. One of PagerDuty has a routing key, and PagerDuty's own address where *url* is None.

    *max_in_flight* None: as many as its kind and its order allow.
    """

    url: str | None = None
    description: str = ""
    event_types: tuple[str, ...] | None = None
    event_filter: dict[str, Any] | None = None
    schema_version: int = SCHEMA_VERSION
    kind: EndpointKind = EndpointKind.WEBHOOK
    routing_key: str | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout_seconds: int = USUAL_TIMEOUT_S
    order: Ordering = Ordering.NONE
    rate_per_minute: int | None = None
    max_in_flight: int | None = None
    signatures: tuple[str, ...] = ONLY_V1


@dataclass(frozen=True, slots=True, kw_only=True)
class RotatedSecret:
    """The new secret, shown this once, or the public key of the new pair, the other of them None.

    Deliveries carry the former signatures too until *previous_expires_at*.
    """

    endpoint_id: UUID
    secret: str | None = field(repr=False)
    public_key: str | None
    previous_expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointTestSent:
    """The event that a test send or a verification made; its delivery is in the endpoint's list."""

    event_id: UUID
