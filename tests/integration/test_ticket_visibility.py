"""Who sees which tickets and comments, how lists are paged and filtered, and what partners are told."""

from uuid import UUID

import pytest

from psms.domain.access import Role
from psms.domain.lifecycle import Action
from psms.domain.pages import PageRequest
from psms.domain.tickets import (
    EditTicket,
    Level,
    NewComment,
    OpenTicket,
    Priority,
    Status,
    TicketFilter,
    Visibility,
)
from psms.errors import (
    NotAllowed,
    NotFound,
)
from psms.runtime import Runtime
from tests.support.databases import MigratedDatabase
from tests.support.tenants import Tenant, add_caller, file_ticket, make_tenant
from workflows import comments, tickets

TABLES = ("tickets", "logs", "events", "outbox", "idempotency_keys", "comments")


def counts(database: MigratedDatabase) -> dict[str, int]:
    """Return how many rows each table of a ticket has."""
    return {table: database.count(table) for table in TABLES}


def test_another_organizations_ticket_does_not_exist(rt: Runtime, acme: Tenant, database: MigratedDatabase) -> None:
    ticket_id = file_ticket(rt, acme.actor)
    stranger = make_tenant(rt, "Stranger").actor
    before = counts(database)

    for attempt in (
        lambda: tickets.get_ticket(rt, stranger, ticket_id),
        lambda: tickets.edit_ticket(rt, stranger, ticket_id, EditTicket(fields={"subject": "mine"})),
        lambda: tickets.transition(rt, stranger, ticket_id, Action.CANCEL, None),
        lambda: comments.add_comment(rt, stranger, ticket_id, NewComment(body="hi"), None),
        lambda: comments.list_comments(rt, stranger, ticket_id, PageRequest()),
    ):
        with pytest.raises(NotFound):
            attempt()

    assert counts(database) == before
    assert tickets.list_tickets(rt, stranger, TicketFilter(), PageRequest()).items == []


def test_a_requester_sees_their_own_tickets_and_no_internal_comment(rt: Runtime, acme: Tenant) -> None:
    requester = add_caller(rt, acme.organization_id, Role.REQUESTER).actor
    others = file_ticket(rt, acme.actor)
    own = file_ticket(rt, requester)
    comments.add_comment(rt, acme.actor, own, NewComment(body="public"), None)
    comments.add_comment(rt, acme.actor, own, NewComment(body="internal", visibility=Visibility.INTERNAL), None)

    page = tickets.list_tickets(rt, requester, TicketFilter(), PageRequest())
    read = comments.list_comments(rt, requester, own, PageRequest())

    assert [ticket.id for ticket in page.items] == [own]
    assert [comment.body for comment in read.items] == ["public"]
    with pytest.raises(NotFound):
        tickets.get_ticket(rt, requester, others)
    with pytest.raises(NotAllowed):
        tickets.open_ticket(rt, requester, OpenTicket(subject="x", requester_id=acme.actor.user_id), None)
    with pytest.raises(NotAllowed):
        comments.add_comment(rt, requester, own, NewComment(body="x", visibility=Visibility.INTERNAL), None)


def test_what_is_said_internally_is_not_told_to_partners(rt: Runtime, acme: Tenant, database: MigratedDatabase) -> None:
    ticket_id = file_ticket(rt, acme.actor)
    comments.add_comment(
        rt, acme.actor, ticket_id, NewComment(body="secret thought", visibility=Visibility.INTERNAL), None
    )
    bodies = [bytes(body) for (body,) in database.rows("SELECT body FROM events")]  # type: ignore[call-overload]

    assert len(bodies) == 2
    assert not [body for body in bodies if b"secret thought" in body]


def test_pages_follow_one_another_without_gap_or_double_while_tickets_come_in(rt: Runtime, acme: Tenant) -> None:
    filed = [file_ticket(rt, acme.actor) for _ in range(7)]
    seen = list[UUID]()
    page = tickets.list_tickets(rt, acme.actor, TicketFilter(), PageRequest(limit=3))
    while True:
        seen += [ticket.id for ticket in page.items]
        if page.next_after is None:
            break
        file_ticket(rt, acme.actor)
        page = tickets.list_tickets(rt, acme.actor, TicketFilter(), PageRequest(limit=3, after=page.next_after))

    assert seen == filed[::-1]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (TicketFilter(status=Status.RESOLVED), ["b"]),
        (TicketFilter(priority=Priority.CRITICAL), ["c"]),
        (TicketFilter(tag="vip"), ["c"]),
        (TicketFilter(tag="vip", status=Status.RESOLVED), []),
        (TicketFilter(), ["c", "b", "a"]),
    ],
)
def test_filters(rt: Runtime, acme: Tenant, wanted: TicketFilter, expected: list[str]) -> None:
    file_ticket(rt, acme.actor, "a")
    tickets.transition(rt, acme.actor, file_ticket(rt, acme.actor, "b"), Action.RESOLVE, None)
    command = OpenTicket(subject="c", impact=Level.HIGH, urgency=Level.HIGH, tags=("vip",))
    tickets.open_ticket(rt, acme.actor, command, None)

    page = tickets.list_tickets(rt, acme.actor, wanted, PageRequest())

    assert [ticket.subject for ticket in page.items] == expected
