"""SLA policies and a ticket's clocks as the API shows them; the arithmetic is in `sla`."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from psms.domain.sla import ClockState, Metric
from psms.domain.tickets import Priority


@dataclass(frozen=True, slots=True, kw_only=True)
class SlaPolicy:
    """What is promised for tickets of *priority* (None: of every priority that no other policy is for)."""

    id: UUID
    name: str
    priority: Priority | None
    first_response_seconds: int | None
    resolution_seconds: int | None
    active: bool
    version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSlaPolicy:
    """Promise something: at least one of the two targets is given."""

    name: str
    priority: Priority | None = None
    first_response_seconds: int | None = None
    resolution_seconds: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """The policy that applies to a ticket, as its clocks remember it."""

    policy_id: UUID
    policy_version: int
    targets: dict[Metric, timedelta]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockView:
    """One clock of a ticket. *remaining_seconds* is negative once the target is used up."""

    id: UUID
    metric: Metric
    policy_id: UUID
    policy_version: int
    state: ClockState
    target_seconds: int
    consumed_seconds: int
    remaining_seconds: int
    due_at: datetime | None
    breached_at: datetime | None
    completed_at: datetime | None
    started_at: datetime
    levels: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketSla:
    """How a ticket stands with its targets at the instant *at*."""

    ticket_id: UUID
    at: datetime
    clocks: list[ClockView]


@dataclass(frozen=True, slots=True, kw_only=True)
class SlaNotice:
    """What an SLA event tells: which level of which clock was reached *at*, and whether late it was noticed."""

    clock_id: UUID
    metric: Metric
    level: str
    at: datetime
    due_at: datetime | None
    target_seconds: int
    late: bool
