"""How a ticket stands with its targets, as the API shows it; the arithmetic is in `sla`."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psms.domain.sla.terms import Metric
from psms.domain.sla.timeline import Cause, State


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentView:
    """The stretch of a clock's life from one event to the next; *ended_at* is None for the one that it is in."""

    cause: Cause
    state: State
    began_at: datetime
    ended_at: datetime | None
    counted_seconds: int
    target_seconds: int
    policy_id: UUID
    policy_version: int
    calendar_id: UUID | None
    calendar_version: int | None
    zone_data: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockView:
    """One cycle of one clock of a ticket. *remaining_seconds* is negative once the target is used up.

    *voided_at*: since then its breach counts in no report.
    *operational*: teams agreed on it among themselves; *team_id* is the team whose time with the ticket it measures.
    """

    id: UUID
    metric: Metric
    operational: bool
    team_id: UUID | None
    cycle: int
    policy_id: UUID
    policy_version: int
    calendar_id: UUID | None
    calendar_version: int | None
    state: State
    target_seconds: int
    consumed_seconds: int
    remaining_seconds: int
    due_at: datetime | None
    breached_at: datetime | None
    completed_at: datetime | None
    started_at: datetime
    levels: list[str]
    voided_at: datetime | None
    voided_by: UUID | None
    void_reason: str | None
    why: str
    segments: list[SegmentView]


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
