"""Which fields of a resource are for whom: the narrower forms that some roles read. Which rows: `access`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import singledispatch
from typing import Any, TypeVar
from uuid import UUID

from psms.domain.access import Actor, Role
from psms.domain.accounts import User
from psms.domain.forms.documents import for_requesters
from psms.domain.services import FormForRequester, FormView, Service, ServiceForRequester
from psms.domain.sla.terms import Metric
from psms.domain.sla.timeline import State
from psms.domain.sla_standing import TicketSla
from psms.domain.tickets import Level, Priority, Stage, Status, Ticket, TicketType
from psms.domain.timeline import Doer, Kind, TimelineEntry

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
    custom_fields: dict[str, Any]
    form_version: int | None
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


OwnKeys = Mapping[tuple[UUID, int], frozenset[str]]
"""The fields that requesters see of each version of a service's form."""

_NO_KEYS: OwnKeys = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryForRequester:
    """An entry of a timeline as the ticket's requester reads it: without the count of what they are not shown."""

    id: UUID
    at: datetime
    kind: Kind
    type: str
    actor: Doer
    summary: str
    data: dict[str, Any]


# A tuple: each answer of the hot paths asks, and its members are found without being hashed.
_READ_NARROWER_FORMS = (Role.REQUESTER, Role.AGENT)


def disclosed(actor: Actor, resource: object, own_keys: OwnKeys = _NO_KEYS) -> object:
    """Return *resource* in the form that is for *actor*; what has one form only, as it is.

    *own_keys* tells a requester's custom fields: without it they read none.
    """
    return _disclosed(resource, actor, own_keys) if actor.role in _READ_NARROWER_FORMS else resource


def disclosed_items(actor: Actor, items: Sequence[object], own_keys: OwnKeys = _NO_KEYS) -> Sequence[object]:
    """Return *items* of a list in the form that is for *actor*."""
    if actor.role not in _READ_NARROWER_FORMS:
        return items
    return [_disclosed(item, actor, own_keys) for item in items]


@singledispatch
def _disclosed(resource: object, _: Actor, __: OwnKeys) -> object:
    return resource


@_disclosed.register
def _(resource: Ticket, actor: Actor, own_keys: OwnKeys) -> object:
    if not actor.is_requester:
        return resource
    form = () if resource.form_version is None else own_keys.get((resource.service_id, resource.form_version), ())
    own = {key: value for key, value in resource.custom_fields.items() if key in form}
    return _narrowed(TicketForRequester, resource, custom_fields=own)


@_disclosed.register
def _(resource: Service, actor: Actor, _: OwnKeys) -> object:
    return _narrowed(ServiceForRequester, resource) if actor.is_requester else resource


@_disclosed.register
def _(resource: FormView, actor: Actor, _: OwnKeys) -> object:
    if not actor.is_requester:
        return resource
    own = [document for document in resource.fields if for_requesters(document)]
    return _narrowed(FormForRequester, resource, fields=own)


@_disclosed.register
def _(resource: TicketSla, actor: Actor, _: OwnKeys) -> object:
    if not actor.is_requester:
        return resource
    clocks = [_narrowed(ClockForRequester, clock) for clock in resource.clocks if not clock.operational]
    return TicketSlaForRequester(ticket_id=resource.ticket_id, at=resource.at, clocks=clocks)


@_disclosed.register
def _(resource: User, actor: Actor, _: OwnKeys) -> object:
    return _narrowed(UserForAgent, resource) if actor.role is Role.AGENT else resource


@_disclosed.register
def _(resource: TimelineEntry, actor: Actor, _: OwnKeys) -> object:
    return _narrowed(EntryForRequester, resource) if actor.is_requester else resource


def _narrowed(form: type[T], resource: object, **instead: object) -> T:
    names: tuple[str, ...] = form.__slots__  # type: ignore[attr-defined]
    return form(**{name: instead[name] if name in instead else getattr(resource, name) for name in names})
