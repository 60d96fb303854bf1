"""Endpoints, deliveries and attempts as the API shows them; when to retry is in `retry`, where to in `egress`."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A partner's address and which events it receives (*event_types* None: all)."""

    id: UUID
    kind: EndpointKind
    url: str
    description: str
    event_types: list[str] | None
    state: EndpointState
    disabled_reason: str | None
    failing_since: datetime | None
    failed_attempts: int
    last_success_at: datetime | None
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
    secret: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEndpoint:
    """Register an endpoint. One of PagerDuty has a routing key, and PagerDuty's own address where *url* is None."""

    url: str | None = None
    description: str = ""
    event_types: tuple[str, ...] | None = None
    kind: EndpointKind = EndpointKind.WEBHOOK
    routing_key: str | None = None


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
    """The new secret, shown this once; deliveries carry both signatures until *previous_expires_at*."""

    endpoint_id: UUID
    secret: str
    previous_expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointTestSent:
    """The event that a test send made; its delivery is in the endpoint's list."""

    event_id: UUID
