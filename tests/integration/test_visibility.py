"""Which tickets each caller sees: lists, single reads, comments, SLA, edits and transitions agree."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from sqlalchemy import text

from psms.domain.access import Actor, Permission, Role
from psms.domain.accounts import Edit
from psms.domain.lifecycle import Action
from psms.domain.pages import PageRequest
from psms.domain.tickets import EditTicket, NewComment, Status, TicketFilter
from psms.errors import NotFound
from psms.runtime import Runtime
from tests.support.databases import MigratedDatabase
from tests.support.offices import (
    READER,
    SEEN_BY_THE_AGENT,
    SEEN_BY_THE_COLLEAGUE,
    Office,
    add_custom_caller,
    furnish,
)
from tests.support.tenants import add_caller
from tests.support.waiting import eventually
from workflows import comments, directory, tickets
from workflows.sla_standing import sla_of_ticket

PAGE = PageRequest(limit=100)


@pytest.fixture
def office(rt: Runtime) -> Office:
    return furnish(rt)


def caller(rt: Runtime, office: Office, who: str) -> Actor:
    """Return a caller by name."""
    furnished = {
        "admin": office.boss,
        "agent": office.agent,
        "colleague": office.colleague,
        "requester": office.requester,
    }
    if who in furnished:
        return furnished[who].actor
    if who == "custom manager":
        return add_custom_caller(rt, office.boss, Role.MANAGER, READER).actor
    if who == "custom agent":
        return add_custom_caller(rt, office.boss, Role.AGENT, READER).actor
    if who == "agent of no team":
        return add_caller(rt, office.boss.organization_id, Role.AGENT).actor
    return add_caller(rt, office.boss.organization_id, Role(who)).actor


SEEN: dict[str, frozenset[str] | None] = {
    "admin": None,
    "manager": None,
    "integration": None,
    "auditor": None,
    "custom manager": None,
    "agent": SEEN_BY_THE_AGENT,
    "colleague": SEEN_BY_THE_COLLEAGUE,
    "agent of no team": frozenset({"of nobody's service"}),
    "custom agent": frozenset({"of nobody's service"}),
    "requester": frozenset({"of the requester"}),
}


def listed(rt: Runtime, actor: Actor, wanted: TicketFilter | None = None) -> list[UUID]:
    return [ticket.id for ticket in tickets.list_tickets(rt, actor, wanted or TicketFilter(), PAGE).items]


def exists(read: Callable[[], object]) -> bool:
    try:
        read()
    except NotFound:
        return False
    return True


@pytest.mark.parametrize("who", SEEN)
def test_list_and_single_reads_agree(rt: Runtime, office: Office, who: str) -> None:
    actor = caller(rt, office, who)
    seen = SEEN[who]
    expected = frozenset(office.tickets) if seen is None else seen

    assert office.named(listed(rt, actor)) == expected
    for name, ticket_id in office.tickets.items():
        found = {
            exists(lambda: tickets.get_ticket(rt, actor, ticket_id)),  # noqa: B023
            exists(lambda: comments.list_comments(rt, actor, ticket_id, PAGE)),  # noqa: B023
            exists(lambda: sla_of_ticket(rt, actor, ticket_id)),  # noqa: B023
        }
        assert found == {name in expected}, name


@pytest.mark.parametrize("who", ["agent", "colleague", "agent of no team", "requester"])
def test_what_is_not_seen_is_not_changed_and_does_not_exist(
    rt: Runtime, office: Office, database: MigratedDatabase, who: str
) -> None:
    actor = caller(rt, office, who)
    tables = ("tickets", "comments", "logs", "events", "outbox")
    before = [database.rows(f"SELECT * FROM {table} ORDER BY 1, 2") for table in tables]

    for name in frozenset(office.tickets) - (SEEN[who] or frozenset()):
        ticket_id = office.tickets[name]
        assert not exists(
            lambda: tickets.edit_ticket(rt, actor, ticket_id, EditTicket(fields={"subject": "mine"}))  # noqa: B023
        )
        assert not exists(lambda: tickets.transition(rt, actor, ticket_id, Action.CLOSE, None))  # noqa: B023
        assert not exists(lambda: comments.add_comment(rt, actor, ticket_id, NewComment(body="x"), None))  # noqa: B023

    assert [database.rows(f"SELECT * FROM {table} ORDER BY 1, 2") for table in tables] == before


def test_an_agent_works_on_what_they_see(rt: Runtime, office: Office) -> None:
    for name in SEEN_BY_THE_AGENT:
        ticket_id = office.tickets[name]
        edited = tickets.edit_ticket(rt, office.agent.actor, ticket_id, EditTicket(fields={"subject": "edited"}))
        comments.add_comment(rt, office.agent.actor, ticket_id, NewComment(body="On it"), None)
        assert edited.subject == "edited"


def test_a_role_without_ticket_read_sees_no_ticket_whatever_else_it_keeps(rt: Runtime, office: Office) -> None:
    blind = add_custom_caller(rt, office.boss, Role.MANAGER, (Permission.TICKET_UPDATE,)).actor

    for ticket_id in office.tickets.values():
        assert not exists(
            lambda: tickets.edit_ticket(rt, blind, ticket_id, EditTicket(fields={"subject": "x"}))  # noqa: B023
        )


def test_pages_and_filters_keep_to_what_is_seen(rt: Runtime, office: Office) -> None:
    actor = office.agent.actor
    pages: list[UUID] = []
    page = tickets.list_tickets(rt, actor, TicketFilter(), PageRequest(limit=2))
    while page.next_after is not None:
        pages += [ticket.id for ticket in page.items]
        page = tickets.list_tickets(rt, actor, TicketFilter(), PageRequest(limit=2, after=page.next_after))
    pages += [ticket.id for ticket in page.items]

    assert pages == sorted((office.tickets[name] for name in SEEN_BY_THE_AGENT), reverse=True)
    assert listed(rt, actor, TicketFilter(status=Status.CLOSED)) == []
    assert listed(rt, actor, TicketFilter(requester_id=actor.user_id)) == [office.tickets["requested by me"]]
    assert listed(rt, office.requester.actor, TicketFilter(requester_id=actor.user_id)) == []


def test_who_leaves_a_team_sees_its_tickets_no_more_at_once(rt: Runtime, office: Office) -> None:
    ticket_id = office.tickets["with my team"]
    team_id = tickets.get_ticket(rt, office.agent.actor, ticket_id).team_id
    assert team_id is not None

    directory.edit_team(rt, office.boss.actor, team_id, Edit(fields={"member_ids": []}))

    assert not exists(lambda: tickets.get_ticket(rt, office.agent.actor, ticket_id))
    assert ticket_id not in listed(rt, office.agent.actor)


def test_who_gives_a_ticket_to_another_team_sees_it_no_more(rt: Runtime, office: Office) -> None:
    ticket_id = office.tickets["with my team"]
    theirs = tickets.get_ticket(rt, office.boss.actor, office.tickets["with their team"]).team_id

    tickets.edit_ticket(rt, office.agent.actor, ticket_id, EditTicket(fields={"team_id": theirs}))

    assert not exists(lambda: tickets.get_ticket(rt, office.agent.actor, ticket_id))
    assert exists(lambda: tickets.get_ticket(rt, office.colleague.actor, ticket_id))


def test_a_ticket_that_is_given_away_while_an_edit_waits_for_it_is_not_edited(
    rt: Runtime, office: Office, database: MigratedDatabase
) -> None:
    ticket_id = office.tickets["with my team"]
    theirs = tickets.get_ticket(rt, office.boss.actor, office.tickets["with their team"]).team_id
    command = EditTicket(fields={"subject": "mine"})

    def someone_waits() -> bool:
        return bool(database.rows("SELECT FROM pg_locks WHERE NOT granted"))

    with ThreadPoolExecutor(1) as pool:
        with rt.db.begin(office.boss.organization_id) as session:
            give = text("UPDATE tickets SET team_id = :team WHERE id = :id")
            session.execute(give, {"team": theirs, "id": ticket_id})
            edit = pool.submit(lambda: exists(lambda: tickets.edit_ticket(rt, office.agent.actor, ticket_id, command)))
            eventually(someone_waits, within=20, what="the edit's wait for the row")
        assert edit.result() is False

    assert tickets.get_ticket(rt, office.boss.actor, ticket_id).subject == "with my team"
