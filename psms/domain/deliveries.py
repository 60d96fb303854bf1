"""Deliveries and their attempts as the API shows them, and which of them are asked for; endpoints are in `webhooks`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psms.domain.webhooks import DeliveryState


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
    occurred_at: datetime
    created_at: datetime
    first_attempt_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryFilter:
    """Which deliveries are listed: those that meet all that is said. *until* itself is not in.

    *status_class* is the first digit of the status that was answered last.
    """

    state: DeliveryState | None = None
    event_type: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    status_class: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRequest:
    """What was asked of the partner. The headers are as they were sent, what is secret in them masked."""

    method: str
    url: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptResponse:
    """What the partner answered, at most 8 KiB of the body; *truncated* where there was more."""

    status: int
    headers: Mapping[str, str]
    body: str
    truncated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One HTTP request of a delivery; *outcome* is `started` until its result is known.

    *request* is None where it was never noted, *response* where there was none.
    """

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
    request: AttemptRequest | None
    response: AttemptResponse | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryWithAttempts:
    """A delivery, the bytes of its event as text, and every request that was made for it, oldest first.

    *body* is None where the event is gone.
    """

    delivery: Delivery
    body: str | None
    attempts: list[Attempt]


@dataclass(frozen=True, slots=True, kw_only=True)
class PulledEvent:
    """An event as an endpoint's deliveries number it, with the very bytes that are signed and sent, as text."""

    sequence: int
    event_id: UUID
    event_type: str
    ticket_id: UUID | None
    occurred_at: datetime
    state: DeliveryState
    body: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PulledEvents:
    """The next events of an endpoint in their order, and the first and the last sequence that are kept."""

    items: list[PulledEvent]
    first_sequence: int | None
    last_sequence: int
