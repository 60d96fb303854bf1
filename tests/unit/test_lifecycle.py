"""The lifecycle's table, exhaustively, and what a refusal says."""

import pytest

from psms.domain.lifecycle import TRANSITIONS, Action, legal_actions, next_status
from psms.domain.tickets import Status
from psms.errors import ActionNotAllowed

# Written out a second time on purpose: a change of the table must be meant.
EXPECTED = {
    Status.NEW: {"open": "open", "pend": "pending", "hold": "on_hold", "resolve": "resolved", "cancel": "cancelled"},
    Status.OPEN: {"pend": "pending", "hold": "on_hold", "resolve": "resolved", "cancel": "cancelled"},
    Status.PENDING: {"hold": "on_hold", "resume": "open", "resolve": "resolved", "cancel": "cancelled"},
    Status.ON_HOLD: {"pend": "pending", "resume": "open", "resolve": "resolved", "cancel": "cancelled"},
    Status.RESOLVED: {"close": "closed", "reopen": "open"},
    Status.CLOSED: {},
    Status.CANCELLED: {},
}


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("action", Action)
def test_every_status_and_action(status: Status, action: Action) -> None:
    expected = EXPECTED[status].get(action)
    if expected is not None:
        assert next_status(status, action) == expected
        return
    with pytest.raises(ActionNotAllowed) as refusal:
        next_status(status, action)
    assert refusal.value.context["legal_actions"] == [str(legal) for legal in legal_actions(status)]


def test_the_legal_actions_are_those_of_the_table() -> None:
    for status in Status:
        assert {str(action) for action in legal_actions(status)} == set(EXPECTED[status])


def test_every_status_but_the_first_can_be_reached() -> None:
    assert set(TRANSITIONS.values()) == set(Status) - {Status.NEW}


def test_a_refusal_says_what_is_possible() -> None:
    with pytest.raises(ActionNotAllowed, match="possible now: close, reopen"):
        next_status(Status.RESOLVED, Action.HOLD)
    with pytest.raises(ActionNotAllowed, match="this status is final"):
        next_status(Status.CLOSED, Action.REOPEN)
