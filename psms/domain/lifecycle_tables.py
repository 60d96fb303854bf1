"""How each type of ticket moves: one table a type, which the API enforces and documents. Checking is elsewhere."""

from collections.abc import Iterable, Mapping

from psms.domain.lifecycle import TRANSITIONS, Action, Edge, Guard, State
from psms.domain.tickets import Stage, Status, TicketType

Table = Mapping[tuple[State, Action], Edge]

_REQUESTERS_TOO = {Action.CLOSE, Action.REOPEN}
_BY_DESK = (Guard.DESK,)
_BY_VOTES = (Guard.VOTES,)

NEW, OPEN, PENDING, ON_HOLD, RESOLVED, CLOSED, CANCELLED = (State(status=status) for status in Status)
AWAITING = State(status=Status.PENDING, stage=Stage.AWAITING_APPROVAL)
TO_PLAN = State(status=Status.NEW, stage=Stage.PLANNING)
PLANNING = State(status=Status.OPEN, stage=Stage.PLANNING)
APPROVED = State(status=Status.OPEN, stage=Stage.APPROVED)
SCHEDULED = State(status=Status.ON_HOLD, stage=Stage.SCHEDULED)
IMPLEMENTING = State(status=Status.OPEN, stage=Stage.IMPLEMENTING)
IN_REVIEW = State(status=Status.OPEN, stage=Stage.IN_REVIEW)
REVIEWED = State(status=Status.RESOLVED, stage=Stage.IN_REVIEW)


def _edge(
    source: State,
    action: Action,
    target: State,
    guards: tuple[Guard, ...] = _BY_DESK,
    *,
    needs: tuple[str, ...] = (),
) -> Edge:
    return Edge(action=action, source=source, target=target, guards=guards, needs=needs)


def _plain(source: Status, action: Action, target: Status) -> Edge:
    guards = () if action in _REQUESTERS_TOO else _BY_DESK
    if action in {Action.RESOLVE, Action.CLOSE}:
        guards = (*guards, Guard.CHILDREN_DONE)
    return _edge(State(status=source), action, State(status=target), guards)


_PLAIN = [_plain(source, action, target) for (source, action), target in TRANSITIONS.items()]

# What the requester asked for is theirs to take back, until somebody has begun with it.
_REQUEST = [
    *(edge for edge in _PLAIN if (edge.source, edge.action) != (NEW, Action.CANCEL)),
    _edge(NEW, Action.CANCEL, CANCELLED, ()),
    *(
        _edge(source, Action.REQUEST_APPROVAL, AWAITING, (Guard.DESK, Guard.HAS_CHAIN))
        for source in (NEW, OPEN, PENDING, ON_HOLD)
    ),
    _edge(AWAITING, Action.APPROVE, OPEN, _BY_VOTES),
    # Who asks again with better reasons files a new request: what was refused stays refused.
    _edge(AWAITING, Action.REJECT, CANCELLED, _BY_VOTES),
    _edge(AWAITING, Action.WITHDRAW, OPEN, (Guard.DESK, Guard.AD_HOC)),
    _edge(AWAITING, Action.CANCEL, CANCELLED, ()),
]

_WINDOW = ("planned_start", "planned_end")
_CHANGE = [
    *_PLAIN,
    *(_edge(source, Action.PLAN, PLANNING) for source in (NEW, OPEN, PENDING, ON_HOLD, TO_PLAN, APPROVED, SCHEDULED)),
    _edge(PLANNING, Action.REQUEST_APPROVAL, AWAITING, (Guard.DESK, Guard.PLANNED, Guard.HAS_CHAIN)),
    _edge(AWAITING, Action.APPROVE, APPROVED, _BY_VOTES),
    # A plan that was refused is mended and asked for again.
    _edge(AWAITING, Action.REJECT, PLANNING, _BY_VOTES),
    _edge(AWAITING, Action.WITHDRAW, PLANNING),
    _edge(PLANNING, Action.SCHEDULE, SCHEDULED, (Guard.DESK, Guard.PLANNED, Guard.STANDARD), needs=_WINDOW),
    _edge(APPROVED, Action.SCHEDULE, SCHEDULED, needs=_WINDOW),
    _edge(SCHEDULED, Action.SCHEDULE, SCHEDULED, needs=_WINDOW),
    _edge(SCHEDULED, Action.IMPLEMENT, IMPLEMENTING),
    _edge(IMPLEMENTING, Action.REVIEW, IN_REVIEW),
    _edge(IN_REVIEW, Action.RESOLVE, REVIEWED, (Guard.DESK, Guard.CHILDREN_DONE), needs=("outcome",)),
    _edge(REVIEWED, Action.REOPEN, IN_REVIEW, ()),
    _edge(REVIEWED, Action.CLOSE, CLOSED, (Guard.CHILDREN_DONE,)),
    *(_edge(source, Action.CANCEL, CANCELLED) for source in (TO_PLAN, PLANNING, AWAITING, APPROVED, SCHEDULED)),
]


def _table(edges: Iterable[Edge]) -> Table:
    return {(edge.source, edge.action): edge for edge in edges}


LIFECYCLES: Mapping[TicketType, Table] = {
    TicketType.INCIDENT: _table(_PLAIN),
    TicketType.REQUEST: _table(_REQUEST),
    TicketType.PROBLEM: _table(_PLAIN),
    TicketType.CHANGE: _table(_CHANGE),
}


def first_state(of: TicketType, *, has_chain: bool) -> State:
    """Return where a new ticket stands: a change whose service names approvers cannot go without a plan."""
    return TO_PLAN if has_chain and of is TicketType.CHANGE else NEW


def states_of(table: Table) -> list[State]:
    """Return the states of a type, in the order of `Status` and `Stage`."""
    found = {NEW} | {edge.source for edge in table.values()} | {edge.target for edge in table.values()}
    stages = list(Stage)
    return sorted(found, key=lambda s: (list(Status).index(s.status), -1 if s.stage is None else stages.index(s.stage)))
