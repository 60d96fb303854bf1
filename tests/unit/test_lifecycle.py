"""The lifecycles' tables, exhaustively: every type, state, action and caller, and what a refusal says."""

from itertools import product

import pytest

from psms.domain.lifecycle import Action, State
from psms.domain.lifecycle_checks import Facts, edge_of, options_of, own_actions, require_fields
from psms.domain.lifecycle_tables import LIFECYCLES, first_state, states_of
from psms.domain.tickets import Stage, Status, TicketType
from psms.errors import ActionNotAllowed, FieldError
from tests.support.lifecycles import name_of, written

STATES = [State(status=status, stage=stage) for status, stage in product(Status, [None, *Stage])]
CALLERS = {"desk": "d", "requester": "", "votes": "dv"}
FLAGS = ["".join(flags) for flags in product(("", "h"), ("", "a"), ("", "p"), ("", "l"), ("", "c"))]


def facts(of: TicketType, state: State, caller: str, flags: str) -> Facts:
    return Facts(
        type=of,
        state=state,
        is_own=caller == "requester",
        by_votes=caller == "votes",
        has_chain="h" in flags,
        is_ad_hoc="a" in flags,
        is_planned="p" in flags,
        is_low_risk="l" in flags,
        open_children=0 if "c" in flags else 2,
    )


def held(caller: str, flags: str) -> set[str]:
    """Return the conditions that hold: low risk counts only where nobody is asked."""
    return set(CALLERS[caller]) | set(flags) - ({"l"} if "h" in flags else set())


@pytest.mark.parametrize("of", TicketType)
def test_every_state_and_action_for_every_caller_and_every_fact(of: TicketType) -> None:
    table, tried = written(of), 0
    for state, caller, flags in product(STATES, CALLERS, FLAGS):
        moves, holds = table.get(name_of(state), {}), held(caller, flags)
        options = options_of(facts(of, state, caller, flags))
        legal = {action: target for action, (target, needs) in moves.items() if set(needs) <= holds}
        assert {edge.action.value: name_of(edge.target) for edge in options.legal} == legal, (state, caller, flags)
        assert {one.action.value for one in options.blocked} == set(moves) - set(legal), (state, caller, flags)
        tried += len(Action)
    assert tried == 49 * 3 * 32 * 16


@pytest.mark.parametrize("of", TicketType)
def test_an_action_that_is_not_legal_is_refused_with_those_that_are(of: TicketType) -> None:
    for state, caller, action in product(STATES, CALLERS, Action):
        given = facts(of, state, caller, "c")
        options = options_of(given)
        legal = [edge.action for edge in options.legal]
        if action in legal:
            assert edge_of(given, action).action is action
            continue
        with pytest.raises(ActionNotAllowed) as refusal:
            edge_of(given, action)
        assert refusal.value.context["legal_actions"] == legal
        blocked = [(one.action, one.guard, one.reason) for one in options.blocked]
        shown = [{"action": action, "guard": guard, "reason": reason} for action, guard, reason in blocked]
        assert refusal.value.context["blocked_actions"] == shown
        assert (refusal.value.context["ticket_status"], refusal.value.context["ticket_stage"]) == (
            state.status,
            state.stage,
        )


def test_every_state_can_be_reached_and_all_but_the_final_ones_left() -> None:
    for of, table in LIFECYCLES.items():
        begun = {first_state(of, has_chain=has_chain) for has_chain in (False, True)}
        reached = set(begun)
        while more := {edge.target for edge in table.values() if edge.source in reached} - reached:
            reached |= more
        assert reached == set(states_of(table)) | begun
        final = {state.status for state in reached if not any(edge.source == state for edge in table.values())}
        assert final == {Status.CLOSED, Status.CANCELLED}


def test_a_requester_closes_reopens_and_cancels_a_request() -> None:
    usual = {Action.CLOSE, Action.REOPEN}
    assert {of: own_actions(of) for of in TicketType} == {
        of: usual | ({Action.CANCEL} if of is TicketType.REQUEST else set()) for of in TicketType
    }


def test_a_change_is_scheduled_with_a_window_and_resolved_with_an_outcome() -> None:
    needs = {(name_of(edge.source), edge.action): edge.needs for edge in LIFECYCLES[TicketType.CHANGE].values()}
    window = ("planned_start", "planned_end")

    assert {key: names for key, names in needs.items() if names} == {
        ("open/planning", Action.SCHEDULE): window,
        ("open/approved", Action.SCHEDULE): window,
        ("on_hold/scheduled", Action.SCHEDULE): window,
        ("open/in_review", Action.RESOLVE): ("outcome",),
    }
    assert not [edge for of in set(TicketType) - {TicketType.CHANGE} for edge in LIFECYCLES[of].values() if edge.needs]


def test_a_field_that_is_needed_is_named() -> None:
    (edge,) = (edge for edge in LIFECYCLES[TicketType.CHANGE].values() if edge.needs == ("outcome",))

    require_fields(edge, {"outcome": "failed"})
    with pytest.raises(FieldError, match="outcome: needed to resolve"):
        require_fields(edge, {"outcome": None})


def test_a_refusal_says_what_is_possible_and_what_is_in_the_way() -> None:
    resolved = State(status=Status.RESOLVED)
    with pytest.raises(ActionNotAllowed, match="possible now: close, reopen"):
        edge_of(facts(TicketType.INCIDENT, resolved, "desk", "c"), Action.HOLD)
    with pytest.raises(
        ActionNotAllowed, match=r"cannot close: it has children that are not done; possible now: reopen"
    ):
        edge_of(facts(TicketType.INCIDENT, resolved, "desk", ""), Action.CLOSE)
    with pytest.raises(ActionNotAllowed, match="this status is final"):
        edge_of(facts(TicketType.INCIDENT, State(status=Status.CLOSED), "desk", ""), Action.REOPEN)
    awaiting = State(status=Status.PENDING, stage=Stage.AWAITING_APPROVAL)
    with pytest.raises(ActionNotAllowed, match=r"pending \(awaiting approval\) .* nothing is possible now"):
        edge_of(facts(TicketType.CHANGE, awaiting, "requester", ""), Action.APPROVE)
