"""Links from both sides, families and merges as the domain judges them, without a database."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psms.domain.relation_errors import ChildrenOpen, MergeRefused, RelationRefused
from psms.domain.ticket_families import MOST_CHILDREN, MOST_GENERATIONS, Family, require_attachable, require_none_open
from psms.domain.ticket_links import LinkKind, direction, require_linkable, seen_from
from psms.domain.ticket_merges import MOST_MERGED, require_mergeable_into, require_unmergeable, status_once_merged
from psms.domain.tickets import Level, Priority, PrioritySource, Status, Ticket, TicketType
from psms.errors import FieldError

NOW = datetime(2026, 11, 22, tzinfo=UTC)
ONE, TWO = UUID(int=1), UUID(int=2)
INVERSE = {
    "relates_to": "relates_to",
    "duplicates": "duplicated_by",
    "duplicated_by": "duplicates",
    "blocks": "blocked_by",
    "blocked_by": "blocks",
    "causes": "caused_by",
    "caused_by": "causes",
}


def ticket(number: int = 1, **fields: Any) -> Ticket:
    """Return an open incident, or what *fields* make of it."""
    usual: dict[str, Any] = {
        "id": UUID(int=number),
        "number": number,
        "type": TicketType.INCIDENT,
        "subject": "x",
        "description": "",
        "status": Status.OPEN,
        "impact": Level.LOW,
        "urgency": Level.LOW,
        "priority": Priority.LOW,
        "priority_source": PrioritySource.MATRIX,
        "priority_reason": None,
        "service_id": ONE,
        "requester_id": ONE,
        "assignee_id": None,
        "team_id": None,
        "tags": [],
        "custom_fields": {},
        "version": 1,
        "created_at": NOW,
        "updated_at": NOW,
        "resolved_at": None,
        "closed_at": None,
    }
    return Ticket(**(usual | fields))


@given(st.sampled_from(LinkKind), st.uuids(), st.uuids())
def test_a_link_is_kept_alike_from_both_sides_and_seen_as_its_inverse(kind: LinkKind, own: UUID, other: UUID) -> None:
    kept = direction(kind, own, other)

    assert seen_from(kept, own) is kind
    assert kept == direction(LinkKind(INVERSE[kind]), other, own)
    if own != other:
        assert seen_from(kept, other).value == INVERSE[kind]


@pytest.mark.parametrize("cause", TicketType)
@pytest.mark.parametrize("effect", TicketType)
def test_only_a_problem_causes_and_only_an_incident_is_caused(cause: TicketType, effect: TicketType) -> None:
    own, other = ticket(1, type=cause), ticket(2, type=effect)
    fits = (cause, effect) == (TicketType.PROBLEM, TicketType.INCIDENT)

    for kind, first, second in ((LinkKind.CAUSES, own, other), (LinkKind.CAUSED_BY, other, own)):
        if fits:
            require_linkable(kind, first, second)
        else:
            with pytest.raises(FieldError):
                require_linkable(kind, first, second)
    require_linkable(LinkKind.BLOCKS, own, other)


@pytest.mark.parametrize(
    ("family", "parent", "reason"),
    [
        (Family(ancestors=(TWO, ONE), generations=1, children=0), ticket(2), "cycle"),
        (Family(ancestors=(TWO,), generations=1, children=0), ticket(2, status=Status.RESOLVED), "parent_done"),
        (Family(ancestors=(TWO,), generations=MOST_GENERATIONS, children=0), ticket(2), "too_deep"),
        (Family(ancestors=(TWO,), generations=1, children=MOST_CHILDREN), ticket(2), "too_many_children"),
    ],
)
def test_a_family_neither_closes_in_a_circle_nor_grows_for_ever(family: Family, parent: Ticket, reason: str) -> None:
    with pytest.raises(RelationRefused) as refused:
        require_attachable(ticket(1), parent, family)

    assert refused.value.context == {"reason": reason}


def test_a_family_may_be_as_large_as_it_may() -> None:
    family = Family(ancestors=(TWO,), generations=MOST_GENERATIONS - 1, children=MOST_CHILDREN - 1)

    require_attachable(ticket(1), ticket(2), family)


def test_open_children_are_named() -> None:
    require_none_open([])
    with pytest.raises(ChildrenOpen) as refused:
        require_none_open(list(range(2, 24)))

    assert refused.value.detail.endswith("#20, #21 and 2 more are not done.")
    assert refused.value.context == {"children": list(range(2, 24))}


@pytest.mark.parametrize(
    ("merged", "survivor", "together", "reason"),
    [
        (ticket(1, merged_into_id=UUID(int=3)), ticket(2), 3, "already_merged"),
        (ticket(1), ticket(2, merged_into_id=UUID(int=3)), 3, "survivor_merged"),
        (ticket(1), ticket(2, status=Status.CLOSED), 2, "survivor_done"),
        (ticket(1), ticket(2, status=Status.CANCELLED), 2, "survivor_done"),
        (ticket(1), ticket(2), MOST_MERGED + 1, "too_many"),
    ],
)
def test_what_cannot_be_merged_is_told_why(merged: Ticket, survivor: Ticket, together: int, reason: str) -> None:
    with pytest.raises(MergeRefused) as refused:
        require_mergeable_into(merged, survivor, together)

    assert refused.value.context["reason"] == reason


@pytest.mark.parametrize("status", Status)
def test_a_merged_ticket_is_closed_unless_it_was_final(status: Status) -> None:
    expected = Status.CANCELLED if status is Status.CANCELLED else Status.CLOSED

    assert status_once_merged(status) is expected


def test_the_last_merge_is_taken_back_first() -> None:
    merged = ticket(1, merged_into_id=TWO)
    require_unmergeable(merged, ticket(2))
    for one, survivor, reason in (
        (ticket(1), None, "not_merged"),
        (merged, ticket(2, merged_into_id=UUID(int=3)), "merged_on"),
    ):
        with pytest.raises(MergeRefused) as refused:
            require_unmergeable(one, survivor)
        assert refused.value.context["reason"] == reason
