"""Priorities from impact and urgency, those that somebody chose, and what an edit really changes."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from psms.domain.priorities import USUAL, changes_between, matrix_of, priority_of_new
from psms.domain.tickets import Level, Priority, PrioritySource, Status, Ticket, TicketType
from psms.errors import FieldError

AT = datetime(2026, 11, 22, tzinfo=UTC)
TICKET = Ticket(
    id=UUID(int=1),
    number=1,
    type=TicketType.INCIDENT,
    subject="Printer on fire",
    description="",
    status=Status.NEW,
    impact=Level.MEDIUM,
    urgency=Level.MEDIUM,
    priority=Priority.MEDIUM,
    priority_source=PrioritySource.MATRIX,
    priority_reason=None,
    service_id=UUID(int=2),
    requester_id=UUID(int=3),
    assignee_id=None,
    team_id=None,
    tags=["hot"],
    custom_fields={},
    version=1,
    created_at=AT,
    updated_at=AT,
    resolved_at=None,
    closed_at=None,
)


CHOSEN = replace(TICKET, priority=Priority.CRITICAL, priority_source=PrioritySource.MANUAL, priority_reason="VIP")
RAISED = replace(TICKET, priority=Priority.HIGH, priority_source=PrioritySource.ESCALATION)
FLAT = matrix_of({impact: dict.fromkeys(Level, "low") for impact in Level})


@pytest.mark.parametrize(
    ("impact", "urgencies"),
    [
        ("high", {"high": "critical", "medium": "high", "low": "medium"}),
        ("medium", {"high": "high", "medium": "medium", "low": "low"}),
        ("low", {"high": "medium", "medium": "low", "low": "low"}),
    ],
)
def test_the_priority_matrix(impact: str, urgencies: dict[str, str]) -> None:
    assert {u: USUAL.priority_for(Level(impact), Level(u)) for u in urgencies} == urgencies
    assert USUAL.document[impact] == urgencies


@pytest.mark.parametrize(
    ("impact", "urgency", "priority"),
    [
        ("low", "high", "critical"),
        ("high", "low", "critical"),
        ("low", "low", "high"),
        ("medium", "medium", "critical"),
    ],
)
def test_a_matrix_by_which_more_impact_waits_longer_is_refused(impact: str, urgency: str, priority: str) -> None:
    document = {row: {**cells} for row, cells in USUAL.document.items()}
    document["high"]["high"] = "high"
    document[impact][urgency] = priority

    with pytest.raises(FieldError, match="more pressing than"):
        matrix_of(document)


def test_a_new_ticket_has_the_priority_that_was_chosen_or_that_follows() -> None:
    assert priority_of_new(USUAL, Level.HIGH, Level.HIGH, None) == (Priority.CRITICAL, PrioritySource.MATRIX)
    assert priority_of_new(FLAT, Level.HIGH, Level.HIGH, None) == (Priority.LOW, PrioritySource.MATRIX)
    assert priority_of_new(USUAL, Level.HIGH, Level.HIGH, Priority.LOW) == (Priority.LOW, PrioritySource.MANUAL)


@pytest.mark.parametrize(
    ("wanted", "changes"),
    [
        ({}, {}),
        ({"subject": "Printer on fire", "tags": ["hot"]}, {}),
        ({"subject": "Printer out"}, {"subject": "Printer out"}),
        ({"impact": Level.HIGH}, {"impact": Level.HIGH, "priority": Priority.HIGH}),
        (
            {"impact": Level.HIGH, "priority": Priority.LOW},
            {"impact": Level.HIGH, "priority": Priority.LOW, "priority_source": PrioritySource.MANUAL},
        ),
        (
            {"urgency": Level.HIGH, "priority": Priority.MEDIUM},
            {"urgency": Level.HIGH, "priority_source": PrioritySource.MANUAL},
        ),
        ({"urgency": Level.MEDIUM}, {}),
        ({"assignee_id": None}, {}),
        ({"priority": Priority.MEDIUM}, {}),
        ({"priority": Priority.MEDIUM, "urgency": Level.MEDIUM}, {}),
        (
            {"priority": Priority.MEDIUM, "impact": Level.LOW, "urgency": Level.HIGH},
            {"impact": Level.LOW, "urgency": Level.HIGH},
        ),
        (
            {"priority": Priority.MEDIUM, "impact": Level.HIGH},
            {"impact": Level.HIGH, "priority_source": PrioritySource.MANUAL},
        ),
        (
            {"priority": Priority.MEDIUM, "priority_reason": "No more, no less"},
            {"priority_source": PrioritySource.MANUAL, "priority_reason": "No more, no less"},
        ),
        ({"priority": None}, {}),
    ],
)
def test_an_edit_keeps_what_really_changes(wanted: dict[str, Any], changes: dict[str, Any]) -> None:
    assert changes_between(TICKET, wanted, USUAL) == changes


@pytest.mark.parametrize("kept", [CHOSEN, RAISED], ids=["chosen", "raised"])
def test_what_somebody_chose_or_an_escalation_raised_stays_until_it_is_let_go(kept: Ticket) -> None:
    assert changes_between(kept, {"impact": Level.HIGH, "urgency": Level.LOW}, USUAL) == {
        "impact": Level.HIGH,
        "urgency": Level.LOW,
    }
    let_go = changes_between(kept, {"priority": None}, USUAL)
    assert (let_go["priority"], let_go["priority_source"]) == (Priority.MEDIUM, PrioritySource.MATRIX)
    assert replace(kept, **let_go) == TICKET


def test_another_choice_does_not_keep_the_reason_of_the_former() -> None:
    assert changes_between(CHOSEN, {"priority": Priority.LOW}, USUAL) == {
        "priority": Priority.LOW,
        "priority_reason": None,
    }
    assert changes_between(CHOSEN, {"priority_reason": "The board"}, USUAL) == {"priority_reason": "The board"}


def test_an_edited_matrix_counts_where_impact_or_urgency_changes_or_a_choice_is_let_go() -> None:
    assert changes_between(TICKET, {"impact": Level.MEDIUM, "subject": "x"}, FLAT) == {"subject": "x"}
    assert changes_between(TICKET, {"impact": Level.HIGH}, FLAT) == {"impact": Level.HIGH, "priority": Priority.LOW}
    assert changes_between(TICKET, {"priority": None}, FLAT) == {"priority": Priority.LOW}


@pytest.mark.parametrize("wanted", [{"priority_reason": "x"}, {"priority": None, "priority_reason": "x"}])
def test_a_reason_without_a_choice_is_refused(wanted: dict[str, Any]) -> None:
    with pytest.raises(FieldError, match="priority_reason"):
        changes_between(TICKET, wanted, USUAL)


def test_an_unchanged_impact_does_not_undo_a_priority_that_a_person_chose() -> None:
    assert changes_between(CHOSEN, {"impact": Level.MEDIUM}, USUAL) == {}
