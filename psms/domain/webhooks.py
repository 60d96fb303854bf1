"""Endpoints, deliveries and attempts as the API shows them; when to retry is in `retry`, where to in `egress`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from psms.domain.endpoint_settings import ONLY_V1, USUAL_TIMEOUT_S, Ordering, PublicKey


class EndpointKind(StrEnum):
    """Who is at the other end: a partner's own receiver, or PagerDuty, which gets pages in its own form."""

    WEBHOOK = "webhook"
    PAGERDUTY = "pagerduty"


class EndpointState(StrEnum):
    """Whether an endpoint receives: paused by a person, or disabled with a reason; both hold, never drop."""

    ACTIVE = "active"
    PAUSED = "paused"
    DISABLED = "disabled"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A partner's address, which events it receives (*event_types* None: all), and how it wants to be called.

    The values of *headers* are masked.
    """

    id: UUID
    kind: EndpointKind
    url: str
    description: str
    event_types: list[str] | None
    state: EndpointState
    disabled_reason: str | None
    failing_since: datetime | None
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
class EndpointWithSecret:
    """An endpoint with the signing secret that is shown this once."""

    endpoint: Endpoint
    secret: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEndpoint:
    """Register an endpoint. One of PagerDuty has a routing key, and PagerDuty's own address where *url* is None.

    *max_in_flight* None: as many as its kind and its order allow.
    """

    url: str | None = None
    description: str = ""
    event_types: tuple[str, ...] | None = None
    kind: EndpointKind = EndpointKind.WEBHOOK
    routing_key: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout_seconds: int = USUAL_TIMEOUT_S
    order: Ordering = Ordering.NONE
    rate_per_minute: int | None = None
    max_in_flight: int | None = None
    signatures: tuple[str, ...] = ONLY_V1


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One event for one endpoint. *sequence* numbers the endpoint's deliveries without a gap."""

    id: UUID
    event_id: UUID
    event_type: str
    endpoint_id: UUID
    ticket_id: UUID | None
    sequence: int
    state: DeliveryState
    attempts: int
    next_attempt_at: datetime | None
    last_status: int | None
    last_error: str | None
    dead_reason: str | None
    created_at: datetime
    first_attempt_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One HTTP request of a delivery; *outcome* is `started` until its result is known."""

    id: UUID
    delivery_id: UUID
    number: int
    trigger: str
    outcome: str
    status: int | None
    error: str | None
    duration_ms: int | None
    started_at: datetime
    finished_at: datetime | None
    response_body: str | None
    response_truncated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryWithAttempts:
    """A delivery and every request made for it, oldest first."""

    delivery: Delivery
    attempts: list[Attempt]


@dataclass(frozen=True, slots=True, kw_only=True)
class RotatedSecret:
    """The new secret, shown this once, or the public key of the new pair, the other of them None.

    Deliveries carry the former signatures too until *previous_expires_at*.
    """

    endpoint_id: UUID
    secret: str | None
    public_key: str | None
    previous_expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointTestSent:
    """The event that a test send or a verification made; its delivery is in the endpoint's list."""

    event_id: UUID
