"""Links between tickets: one row seen from both sides, and from nowhere else."""

from typing import Any
from uuid import uuid4

import pytest

from psms.domain.access import Role
from tests.api.conftest import ApiClient
from tests.support.databases import MigratedDatabase
from tests.support.relations import Tickets, told


@pytest.fixture
def tickets(client: ApiClient) -> Tickets:
    """Tickets that an admin files."""
    return Tickets(client)


def links(tickets: Tickets, ticket_id: str) -> list[tuple[str, str]]:
    """Return what a ticket is to which others."""
    return [
        (one["kind"], one["ticket"]["id"]) for one in tickets.client.get(f"/v1/tickets/{ticket_id}/links").json["items"]
    ]


def link(tickets: Tickets, ticket_id: str, kind: str, other_id: str) -> Any:
    return tickets.act(ticket_id, "links", kind=kind, ticket_id=other_id)


def test_both_tickets_show_a_link_each_from_its_side_and_tell_of_it(
    tickets: Tickets, database: MigratedDatabase
) -> None:
    one, other = tickets.file("One"), tickets.file("Other")
    made = link(tickets, one, "blocked_by", other)
    assert made.status_code == 201
    assert made.json["ticket"] == {
        "id": other, "number": 2, "type": "incident", "subject": "Other", "status": "new",
    }  # fmt: skip
    assert tickets.client.get(made.headers["Location"]).json == made.json
    assert links(tickets, one) == [("blocked_by", other)]
    assert links(tickets, other) == [("blocks", one)]

    removed = tickets.act(other, f"links/{made.json['id']}", "DELETE")

    assert removed.status_code == 204
    assert links(tickets, one) == links(tickets, other) == []
    assert told(database, one) == told(database, other) == ["ticket.linked", "ticket.unlinked"]
    entries = database.rows("SELECT target_id::text, after->>'link_kind' FROM logs WHERE action = 'ticket.linked'")
    assert sorted(entries) == sorted([(one, "blocked_by"), (other, "blocks")])
    assert tickets.act(one, f"links/{made.json['id']}", "DELETE").status_code == 404
    assert tickets.read(one)["version"] == 1


@pytest.mark.parametrize(
    ("kind", "again"), [("relates_to", "relates_to"), ("blocks", "blocks"), ("blocks", "blocked_by")]
)
def test_there_is_one_link_of_a_kind_whichever_side_asks(
    tickets: Tickets, snapshot: Any, kind: str, again: str
) -> None:
    one, other = tickets.file(), tickets.file()
    assert link(tickets, one, kind, other).status_code == 201
    before = snapshot()

    answers = [link(tickets, one, again, other), link(tickets, other, again, one)]

    assert [(answer.status_code, answer.json["code"]) for answer in answers] == [(409, "already_exists")] * 2
    assert snapshot() == before
    assert link(tickets, one, "duplicates", other).status_code == 201


def test_a_request_that_is_sent_twice_links_once(tickets: Tickets) -> None:
    one, other = tickets.file(), tickets.file()
    options = {"json": {"kind": "blocks", "ticket_id": other}, "headers": {"Idempotency-Key": "key"}}
    answers = [tickets.client.post(f"/v1/tickets/{one}/links", **options) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json == answers[1].json
    assert len(links(tickets, one)) == 1


def test_what_cannot_be_linked_is_refused_by_its_field(
    tickets: Tickets, other_client: ApiClient, snapshot: Any
) -> None:
    one, problem = tickets.file(), tickets.file(type="problem")
    foreign, gone = Tickets(other_client).file(), tickets.file()
    assert tickets.client.delete(f"/v1/tickets/{gone}").status_code == 204
    before = snapshot()

    for kind, other, field in (
        ("blocks", one, "ticket_id"),
        ("blocks", foreign, "ticket_id"),
        ("blocks", gone, "ticket_id"),
        ("blocks", str(uuid4()), "ticket_id"),
        ("caused_by", foreign, "ticket_id"),
        ("causes", problem, "kind"),
        ("is_fond_of", problem, "kind"),
    ):
        answer = link(tickets, one, kind, other)
        assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, field), (kind, other)
    assert snapshot() == before
    assert link(tickets, one, "caused_by", problem).status_code == 201


def test_a_link_to_a_ticket_that_the_reader_may_not_see_is_not_there_for_them(tickets: Tickets, as_role: Any) -> None:
    requester = as_role(Role.REQUESTER)
    mine, also_mine = (Tickets(requester).file() for _ in "ab")
    hidden = tickets.file("Between us")
    secret = link(tickets, mine, "duplicates", hidden).json["id"]
    shown = link(tickets, mine, "relates_to", also_mine).json["id"]

    listed = requester.get(f"/v1/tickets/{mine}/links").json["items"]

    assert [one["id"] for one in listed] == [shown]
    assert requester.get(f"/v1/tickets/{mine}/links/{shown}").status_code == 200
    assert requester.get(f"/v1/tickets/{mine}/links/{secret}").status_code == 404
    assert len(links(tickets, mine)) == 2
    assert tickets.client.delete(f"/v1/tickets/{hidden}").status_code == 204
    assert links(tickets, mine) == [("relates_to", also_mine)]
    assert tickets.act(hidden, "restore").status_code == 200
    assert len(links(tickets, mine)) == 2


def test_links_are_paged(tickets: Tickets) -> None:
    one = tickets.file()
    others = [tickets.file() for _ in range(3)]
    for other in others:
        link(tickets, one, "relates_to", other)

    first = tickets.client.get(f"/v1/tickets/{one}/links?limit=2").json
    rest = tickets.client.get(f"/v1/tickets/{one}/links?limit=2&cursor={first['next_cursor']}").json

    assert [found["ticket"]["id"] for found in first["items"] + rest["items"]] == others
    assert rest["next_cursor"] is None
