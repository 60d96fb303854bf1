"""Priorities from impact and urgency, and what an edit really changes."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from psms.domain.tickets import (
    Level,
    Priority,
    Status,
    Ticket,
    TicketType,
    changes_between,
    priority_for,
)

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


@pytest.mark.parametrize(
    ("impact", "urgencies"),
    [
        ("high", {"high": "critical", "medium": "high", "low": "medium"}),
        ("medium", {"high": "high", "medium": "medium", "low": "low"}),
        ("low", {"high": "medium", "medium": "low", "low": "low"}),
    ],
)
def test_the_priority_matrix(impact: str, urgencies: dict[str, str]) -> None:
    assert {u: priority_for(Level(impact), Level(u)) for u in urgencies} == urgencies


@pytest.mark.parametrize(
    ("wanted", "changes"),
    [
        ({}, {}),
        ({"subject": "Printer on fire", "tags": ["hot"]}, {}),
        ({"subject": "Printer out"}, {"subject": "Printer out"}),
        ({"impact": Level.HIGH}, {"impact": Level.HIGH, "priority": Priority.HIGH}),
        ({"impact": Level.HIGH, "priority": Priority.LOW}, {"impact": Level.HIGH, "priority": Priority.LOW}),
        ({"urgency": Level.MEDIUM}, {}),
        ({"assignee_id": None}, {}),
    ],
)
def test_an_edit_keeps_what_really_changes(wanted: dict[str, Any], changes: dict[str, Any]) -> None:
    assert changes_between(TICKET, wanted) == changes


def test_an_unchanged_impact_does_not_undo_a_priority_that_a_person_chose() -> None:
    chosen = replace(TICKET, priority=Priority.CRITICAL)

    assert changes_between(chosen, {"impact": Level.MEDIUM}) == {}
