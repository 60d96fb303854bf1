"""What the conditions of the matrix mean for a ticket, and which form of a resource is for whom."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from psms.domain.access import Permission, Role, Scope
from psms.domain.disclosure import TicketForRequester, disclosed
from psms.domain.lifecycle import Action
from psms.domain.ticket_access import require_edit, require_opening, require_transition
from psms.domain.tickets import EDITABLE, Level, OpenTicket, Priority, PrioritySource, Status, Ticket, TicketType
from psms.errors import NotAllowed
from tests.unit.test_access import ID, actor

NOW = datetime(2026, 1, 1, tzinfo=UTC)
STAFF = [Role.ADMIN, Role.MANAGER, Role.AGENT, Role.INTEGRATION]
TICKET = Ticket(
    id=ID,
    number=1,
    type=TicketType.INCIDENT,
    subject="s",
    description="",
    status=Status.NEW,
    impact=Level.MEDIUM,
    urgency=Level.MEDIUM,
    priority=Priority.MEDIUM,
    priority_source=PrioritySource.MATRIX,
    priority_reason=None,
    service_id=ID,
    requester_id=ID,
    assignee_id=None,
    team_id=None,
    tags=["vip"],
    custom_fields={"cost": 3},
    version=1,
    created_at=NOW,
    updated_at=NOW,
    resolved_at=None,
    closed_at=None,
)
REQUESTER = actor(Role.REQUESTER, *Scope)


@pytest.mark.parametrize("role", STAFF)
def test_staff_change_every_field_at_any_time(role: Role) -> None:
    for status in Status:
        require_edit(actor(role, *Scope), replace(TICKET, status=status), frozenset(EDITABLE))


@pytest.mark.parametrize("field", EDITABLE)
def test_a_requester_changes_subject_and_description_while_new(field: str) -> None:
    if field in {"subject", "description"}:
        require_edit(REQUESTER, TICKET, frozenset({field}))
    else:
        with pytest.raises(NotAllowed):
            require_edit(REQUESTER, TICKET, frozenset({field}))
    for status in set(Status) - {Status.NEW}:
        with pytest.raises(NotAllowed):
            require_edit(REQUESTER, replace(TICKET, status=status), frozenset({field}))


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("of", TicketType)
def test_a_requester_closes_and_reopens_and_cancels_a_request(of: TicketType, action: Action) -> None:
    for role in STAFF:
        require_transition(actor(role, *Scope), of, action)
    own = {Action.CLOSE, Action.REOPEN} | ({Action.CANCEL} if of is TicketType.REQUEST else set())
    if action in own:
        require_transition(REQUESTER, of, action)
    else:
        with pytest.raises(NotAllowed):
            require_transition(REQUESTER, of, action)


@pytest.mark.parametrize(
    ("fields", "lacking"),
    [
        ({"priority"}, Permission.TICKET_PRIORITY),
        ({"impact"}, Permission.TICKET_PRIORITY),
        ({"urgency"}, Permission.TICKET_PRIORITY),
        ({"assignee_id"}, Permission.TICKET_ASSIGN),
        ({"team_id"}, Permission.TICKET_ASSIGN),
        ({"subject"}, Permission.TICKET_UPDATE),
        ({"tags"}, Permission.TICKET_UPDATE),
    ],
)
def test_a_field_has_its_permission(fields: set[str], lacking: Permission) -> None:
    narrow = actor(Role.AGENT, *Scope, kept=frozenset(Permission) - {lacking})

    with pytest.raises(NotAllowed, match=str(lacking)):
        require_edit(narrow, TICKET, frozenset(fields))


def test_who_may_not_assign_files_without_an_assignee() -> None:
    narrow = actor(
        Role.AGENT, *Scope, kept=frozenset(Permission) - {Permission.TICKET_ASSIGN, Permission.TICKET_PRIORITY}
    )
    command = OpenTicket(subject="s", requester_id=ID)

    require_opening(narrow, command)
    for more in ({"assignee_id": ID}, {"team_id": ID}, {"priority": Priority.LOW}):
        with pytest.raises(NotAllowed):
            require_opening(narrow, replace(command, **more))


def test_a_requester_files_for_themselves() -> None:
    require_opening(REQUESTER, OpenTicket(subject="s", requester_id=ID))
    with pytest.raises(NotAllowed, match="for yourself only"):
        require_opening(REQUESTER, OpenTicket(subject="s", requester_id=UUID(int=2)))


def test_a_requester_reads_a_narrower_form() -> None:
    shown = disclosed(REQUESTER, TICKET)

    assert isinstance(shown, TicketForRequester)
    assert set(Ticket.__slots__) - set(TicketForRequester.__slots__) == {
        "assignee_id",
        "team_id",
        "tags",
        "parent_id",
        "priority_source",
        "priority_reason",
    }
    for role in set(Role) - {Role.REQUESTER}:
        assert disclosed(actor(role, *Scope), TICKET) is TICKET
