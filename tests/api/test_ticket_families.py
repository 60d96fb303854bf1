"""Parents and children: no circles, no parent that is done before its children, and problems with their incidents."""

from typing import Any
from uuid import uuid4

import pytest

from psms.domain.access import Role
from tests.api.conftest import ApiClient
from tests.support.databases import MigratedDatabase
from tests.support.relations import Tickets, refusal, told


@pytest.fixture
def tickets(client: ApiClient) -> Tickets:
    """Tickets that an admin files."""
    return Tickets(client)


def children(tickets: Tickets, ticket_id: str) -> list[str]:
    return [one["id"] for one in tickets.client.get(f"/v1/tickets/{ticket_id}/children").json["items"]]


def test_a_ticket_becomes_part_of_another_and_leaves_it(tickets: Tickets, database: MigratedDatabase) -> None:
    parent, other, child = (tickets.file() for _ in "abc")
    answers = [tickets.attach(child, parent), tickets.attach(child, parent), tickets.attach(child, other)]
    assert [(one.status_code, one.json["parent_id"], one.json["version"]) for one in answers] == [
        (200, parent, 2), (200, parent, 2), (200, other, 3),
    ]  # fmt: skip
    assert (children(tickets, parent), children(tickets, other)) == ([], [child])

    answers = [tickets.act(child, "parent", "DELETE") for _ in range(2)]

    assert [(one.status_code, one.json["parent_id"], one.json["version"]) for one in answers] == [(200, None, 4)] * 2
    assert told(database, child) == ["ticket.updated"] * 3
    assert children(tickets, other) == []
    stale = tickets.client.call(
        "PUT", f"/v1/tickets/{child}/parent", json={"parent_id": parent}, headers={"If-Match": '"3"'}
    )
    assert (stale.status_code, tickets.read(child)["parent_id"]) == (412, None)


def test_no_ticket_is_its_own_ancestor(tickets: Tickets, snapshot: Any) -> None:
    one, two, three = (tickets.file() for _ in "abc")
    assert [tickets.attach(two, one).status_code, tickets.attach(three, two).status_code] == [200, 200]
    before = snapshot()

    assert refusal(tickets.attach(one, three)) == (409, "relation_refused", "cycle")
    assert refusal(tickets.attach(one, two)) == (409, "relation_refused", "cycle")
    assert tickets.attach(one, one).status_code == 422
    assert snapshot() == before


def test_a_family_has_its_limits(tickets: Tickets, snapshot: Any) -> None:
    line = [tickets.file() for _ in range(5)]
    for child, parent in zip(line[1:], line, strict=False):
        assert tickets.attach(child, parent).status_code == 200
    top, done = tickets.file(), tickets.file()
    tickets.move(done, "resolve")
    before = snapshot()

    assert refusal(tickets.attach(tickets.read(line[0])["id"], top)) == (409, "relation_refused", "too_deep")
    assert refusal(tickets.attach(top, line[4])) == (409, "relation_refused", "too_deep")
    assert refusal(tickets.attach(top, done)) == (409, "relation_refused", "parent_done")
    assert snapshot() == before
    assert tickets.attach(top, line[3]).status_code == 200


def test_a_parent_that_is_not_there_is_refused(tickets: Tickets, other_client: ApiClient, snapshot: Any) -> None:
    child, foreign = tickets.file(), Tickets(other_client).file()
    before = snapshot()

    for parent in (foreign, str(uuid4())):
        answer = tickets.attach(child, parent)
        assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "parent_id")
        assert tickets.attach(parent, child).status_code == 404
    assert snapshot() == before


@pytest.mark.parametrize("action", ["resolve", "close"])
def test_a_parent_is_neither_resolved_nor_closed_before_its_children(
    tickets: Tickets, snapshot: Any, action: str
) -> None:
    parent, one, two, gone = (tickets.file() for _ in "abcd")
    if action == "close":
        tickets.move(parent, "resolve")
        tickets.move(parent, "reopen")
    for child in (one, two, gone):
        tickets.attach(child, parent)
    if action == "close":
        for child in (one, two, gone):
            tickets.move(child, "resolve")
        tickets.move(parent, "resolve")
        for child in (one, two, gone):
            assert tickets.move(child, "reopen").status_code == 200
    tickets.client.delete(f"/v1/tickets/{gone}")
    before = snapshot()

    refused = tickets.move(parent, action)

    assert (refused.status_code, refused.json["code"], refused.json["children"]) == (409, "children_open", [2, 3])
    assert refused.json["detail"] == "Its children #2, #3 are not done."
    assert snapshot() == before
    assert [tickets.move(one, "cancel").status_code, tickets.move(two, "resolve").status_code] == [200, 200]
    assert tickets.move(parent, action).status_code == 200


def test_other_actions_ask_no_child(tickets: Tickets) -> None:
    parent, child = tickets.file(), tickets.file()
    tickets.attach(child, parent)

    assert [tickets.move(parent, one).status_code for one in ("open", "pend", "hold", "resume", "cancel")] == [200] * 5


def test_children_are_listed_as_far_as_they_are_seen(tickets: Tickets, as_role: Any) -> None:
    requester = as_role(Role.REQUESTER)
    mine, also_mine = (Tickets(requester).file() for _ in "ab")
    hidden = tickets.file()
    for child in (also_mine, hidden):
        tickets.attach(child, mine)

    assert children(tickets, mine) == [hidden, also_mine]
    assert children(Tickets(requester), mine) == [also_mine]
    assert requester.get(f"/v1/tickets/{hidden}/children").status_code == 404


def test_a_problem_is_resolved_with_those_of_its_incidents_that_can_be(
    tickets: Tickets, database: MigratedDatabase
) -> None:
    problem, parent = tickets.file(type="problem"), tickets.file("With a part")
    incidents = [tickets.file(), tickets.file("Done"), parent]
    tickets.attach(tickets.file("Part"), parent)
    tickets.move(incidents[1], "cancel")
    related = tickets.file()
    tickets.act(problem, "links", kind="relates_to", ticket_id=related)
    for incident in incidents:
        assert tickets.act(problem, "links", kind="causes", ticket_id=incident).status_code == 201

    answer = tickets.act(problem, "resolve-with-incidents")

    assert (answer.status_code, answer.json["ticket"]["status"], answer.json["version"]) == (200, "resolved", 2)
    assert answer.headers["ETag"] == '"2"'
    assert [one["id"] for one in answer.json["resolved"]] == [incidents[0]]
    left = [(one["ticket"]["id"], one["reason"]) for one in answer.json["left"]]
    assert sorted(left) == sorted([(incidents[1], "done"), (parent, "children_open")])
    statuses = [tickets.read(one)["status"] for one in (*incidents, related)]
    assert statuses == ["resolved", "cancelled", "new", "new"]
    assert told(database, incidents[0], 2) == ["ticket.status_changed", "ticket.resolved"]
    entries = database.rows(
        "SELECT count(*) FROM logs WHERE action = 'ticket.status_changed' AND at = (SELECT max(at) FROM logs)"
    )
    assert entries == [(2,)]


def test_what_is_no_problem_or_cannot_be_resolved_resolves_nothing(tickets: Tickets, snapshot: Any) -> None:
    problem, incident = tickets.file(type="problem"), tickets.file()
    tickets.act(problem, "links", kind="causes", ticket_id=incident)
    part = tickets.file()
    tickets.attach(part, problem)
    before = snapshot()

    refused = tickets.act(problem, "resolve-with-incidents")

    assert (refused.status_code, refused.json["code"], refused.json["children"]) == (409, "children_open", [3])
    assert refusal(tickets.act(incident, "resolve-with-incidents")) == (409, "relation_refused", "not_a_problem")
    assert snapshot() == before
