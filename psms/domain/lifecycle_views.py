"""The lifecycles as the API shows them: all the tables, and what can be done to one ticket. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from psms.domain.access import MATRIX, Permission, Reach, Role
from psms.domain.lifecycle import MEANING, Action, Edge, Guard, State
from psms.domain.lifecycle_checks import Options
from psms.domain.lifecycle_tables import LIFECYCLES, states_of
from psms.domain.tickets import Stage, Status, Ticket, TicketType


@dataclass(frozen=True, slots=True, kw_only=True)
class LegalAction:
    """What can be done now: where it leads, and which fields it needs."""

    action: Action
    status: Status
    stage: Stage | None
    required_fields: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockedAction:
    """What the state allows and a guard does not."""

    action: Action
    guard: Guard
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketOptions:
    """Where a ticket stands, and what the caller can do."""

    ticket_id: UUID
    status: Status
    stage: Stage | None
    version: int
    legal_actions: list[LegalAction]
    blocked_actions: list[BlockedAction]


@dataclass(frozen=True, slots=True, kw_only=True)
class TransitionView:
    """One edge of a table, and the roles that may take it where they see the ticket."""

    action: Action
    source: State
    target: State
    guards: list[Guard]
    required_fields: list[str]
    roles: list[Role]


@dataclass(frozen=True, slots=True, kw_only=True)
class LifecycleView:
    """The table of one type."""

    type: TicketType
    states: list[State]
    transitions: list[TransitionView]


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardView:
    """A guard, and what is said where it does not hold."""

    guard: Guard
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifecycles:
    """All tables."""

    lifecycles: list[LifecycleView]
    guards: list[GuardView]


def ticket_options(ticket: Ticket, options: Options) -> TicketOptions:
    """Return what can be done to *ticket*."""
    return TicketOptions(
        ticket_id=ticket.id,
        status=ticket.status,
        stage=ticket.stage,
        version=ticket.version,
        legal_actions=[
            LegalAction(
                action=edge.action, status=edge.target.status, stage=edge.target.stage, required_fields=edge.needs
            )
            for edge in options.legal
        ],
        blocked_actions=[
            BlockedAction(action=one.action, guard=one.guard, reason=one.reason) for one in options.blocked
        ],
    )


def all_lifecycles() -> Lifecycles:
    """Return all tables, as they are enforced."""
    return Lifecycles(
        lifecycles=[
            LifecycleView(type=of, states=states_of(table), transitions=[_view(edge) for edge in table.values()])
            for of, table in LIFECYCLES.items()
        ],
        guards=[GuardView(guard=guard, reason=reason) for guard, reason in MEANING.items()],
    )


def _view(edge: Edge) -> TransitionView:
    return TransitionView(
        action=edge.action,
        source=edge.source,
        target=edge.target,
        guards=list(edge.guards),
        required_fields=list(edge.needs),
        roles=[] if Guard.VOTES in edge.guards else [role for role in Role if _may(role, edge)],
    )


def _may(role: Role, edge: Edge) -> bool:
    reach = MATRIX[Permission.TICKET_TRANSITION].reach[role]
    return reach is not Reach.NONE and (reach is not Reach.OWN or Guard.DESK not in edge.guards)
