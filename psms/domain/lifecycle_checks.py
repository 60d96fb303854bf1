"""May this action be done now, by this caller: one pure question about facts. Where they come from: `workflows`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psms.domain.lifecycle import MEANING, Action, Edge, Guard, State
from psms.domain.lifecycle_tables import LIFECYCLES
from psms.domain.tickets import TicketType
from psms.errors import ActionNotAllowed, FieldError


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that a transition depends on.

    *is_own*: the caller is there for their own tickets only, as requesters are. *by_votes*: the approvers have decided,
    and PSMS acts. *has_chain*: the ticket's service names approvers. *is_ad_hoc*: the approval that is being asked for
    was not asked for by the service. *is_planned*, *is_low_risk*: of a change. *open_children*: how many are not done.
    """

    type: TicketType
    state: State
    is_own: bool = False
    by_votes: bool = False
    has_chain: bool = False
    is_ad_hoc: bool = False
    is_planned: bool = False
    is_low_risk: bool = False
    open_children: int = 0


_HOLDS: Mapping[Guard, Callable[[Facts], bool]] = {
    Guard.DESK: lambda facts: not facts.is_own,
    Guard.VOTES: lambda facts: facts.by_votes,
    Guard.HAS_CHAIN: lambda facts: facts.has_chain,
    Guard.AD_HOC: lambda facts: facts.is_ad_hoc,
    Guard.PLANNED: lambda facts: facts.is_planned,
    Guard.STANDARD: lambda facts: facts.is_low_risk and not facts.has_chain,
    Guard.CHILDREN_DONE: lambda facts: facts.open_children == 0,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocked:
    """An action that the state allows, and the first guard that does not."""

    action: Action
    guard: Guard
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What can be done to a ticket now, in the order of `Action`, and what is in the way of the rest."""

    legal: Sequence[Edge]
    blocked: Sequence[Blocked]


def options_of(facts: Facts) -> Options:
    """Return what the caller may do now, and what blocks what else the state allows."""
    table = LIFECYCLES[facts.type]
    edges = [edge for action in Action if (edge := table.get((facts.state, action))) is not None]
    blocked = {edge.action: guard for edge in edges if (guard := _in_the_way(edge, facts)) is not None}
    return Options(
        legal=[edge for edge in edges if edge.action not in blocked],
        blocked=[Blocked(action=one, guard=guard, reason=MEANING[guard]) for one, guard in blocked.items()],
    )


def edge_of(facts: Facts, action: Action) -> Edge:
    """Return the edge that *action* takes, or raise ActionNotAllowed with what can be done now and what is blocked."""
    options = options_of(facts)
    for edge in options.legal:
        if edge.action is action:
            return edge
    raise _refusal(facts, action, options)


def require_fields(edge: Edge, given: Mapping[str, Any]) -> None:
    """Raise FieldError for the first field that *edge* needs and nobody has given."""
    for name in edge.needs:
        if given.get(name) is None:
            raise FieldError(name, f"needed to {edge.action.replace('_', ' ')}")


def own_actions(of: TicketType) -> frozenset[Action]:
    """Return what a requester may do in some state of a ticket of this type."""
    edges = LIFECYCLES[of].values()
    return frozenset(edge.action for edge in edges if not {Guard.DESK, Guard.VOTES} & set(edge.guards))


def _in_the_way(edge: Edge, facts: Facts) -> Guard | None:
    return next((guard for guard in edge.guards if not _HOLDS[guard](facts)), None)


def _refusal(facts: Facts, action: Action, options: Options) -> ActionNotAllowed:
    because = next((f": {one.reason}" for one in options.blocked if one.action is action), "")
    legal = [edge.action for edge in options.legal]
    rest = "nothing is possible now" if options.blocked else "this status is final"
    choices = f"possible now: {', '.join(legal)}" if legal else rest
    return ActionNotAllowed(
        f"A ticket that is {facts.state.words} cannot {action.replace('_', ' ')}{because}; {choices}.",
        ticket_status=facts.state.status,
        ticket_stage=facts.state.stage,
        legal_actions=legal,
        blocked_actions=[{"action": one.action, "guard": one.guard, "reason": one.reason} for one in options.blocked],
    )
