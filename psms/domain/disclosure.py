"""Which fields of a resource are for whom: the narrower forms that some roles read. Which rows: `access`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import singledispatch
from typing import TypeVar
from uuid import UUID

from psms.domain.access import Actor, Role
from psms.domain.accounts import User
from psms.domain.sla.terms import Metric
from psms.domain.sla.timeline import State
from psms.domain.sla_standing import ClockView, TicketSla
from psms.domain.tickets import Level, Priority, Stage, Status, Ticket, TicketType

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketForRequester:
    """A ticket as its requester reads it: not how the desk organizes its work."""

    id: UUID
    number: int
    type: TicketType
    subject: str
    description: str
    status: Status
    state_id: UUID | None
    stage: Stage | None
    impact: Level
    urgency: Level
    priority: Priority
    service_id: UUID
    requester_id: UUID
    merged_into_id: UUID | None
    version: int
    created_at: datetime
    updated_at: datetime
    resolved_at: datetime | None
    closed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockForRequester:
    """A target as the requester reads it: what was promised and what became of it."""

    metric: Metric
    state: State
    target_seconds: int
    remaining_seconds: int
    due_at: datetime | None
    breached_at: datetime | None
    completed_at: datetime | None
    started_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketSlaForRequester:
    """How a ticket stands with what was promised, as its requester reads it: nothing of what teams agreed on."""

    ticket_id: UUID
    at: datetime
    clocks: list[ClockForRequester]


@dataclass(frozen=True, slots=True, kw_only=True)
class UserForAgent:
    """A user as an agent finds them in the directory: whom to write to, not what they may do."""

    id: UUID
    email: str
    name: str
    is_service: bool
    active: bool
    version: int


# A tuple: each answer of the hot paths asks, and its members are found without being hashed.
_READ_NARROWER_FORMS = (Role.REQUESTER, Role.AGENT)


def disclosed(actor: Actor, resource: object) -> object:
    """Return *resource* in the form that is for *actor*; what has one form only, as it is."""
    return _disclosed(resource, actor) if actor.role in _READ_NARROWER_FORMS else resource


def disclosed_items(actor: Actor, items: Sequence[object]) -> Sequence[object]:
    """Return *items* of a list in the form that is for *actor*."""
    if actor.role not in _READ_NARROWER_FORMS:
        return items
    return [_disclosed(item, actor) for item in items]


@singledispatch
def _disclosed(resource: object, _: Actor) -> object:
    return resource


@_disclosed.register
def _(resource: Ticket, actor: Actor) -> object:
    return _narrowed(TicketForRequester, resource) if actor.is_requester else resource


@_disclosed.register
def _(resource: TicketSla, actor: Actor) -> object:
    if not actor.is_requester:
        return resource
    clocks = [_narrowed(ClockForRequester, clock) for clock in resource.clocks if not clock.operational]
    return TicketSlaForRequester(ticket_id=resource.ticket_id, at=resource.at, clocks=clocks)


@_disclosed.register
def _(resource: User, actor: Actor) -> object:
    return _narrowed(UserForAgent, resource) if actor.role is Role.AGENT else resource


def _narrowed(form: type[T], resource: Ticket | ClockView | User) -> T:
    names: tuple[str, ...] = form.__slots__  # type: ignore[attr-defined]
    return form(**{name: getattr(resource, name) for name in names})
