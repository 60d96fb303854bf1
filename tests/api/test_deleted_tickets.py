"""Deleted tickets: nobody meets them, they come back as they were, and after a while they are gone for good."""

from datetime import timedelta
from typing import Any

import pytest

from psms.domain.access import Role
from psms.runtime import Runtime
from tests.api.conftest import ApiClient
from tests.support.databases import MigratedDatabase
from tests.support.relations import Tickets, refusal, told
from workflows.upkeep import keep_house

# What a purge leaves behind: the trail and the events, which are only appended to, and what they are sent with.
KEPT = {"logs", "log_queue", "events", "outbox", "log_seals"}


@pytest.fixture
def tickets(client: ApiClient) -> Tickets:
    """Tickets that an admin files."""
    client.post("/v1/sla-policies", json={"name": "P", "first_response_seconds": 600, "resolution_seconds": 1200})
    return Tickets(client)


def delete(tickets: Tickets, ticket_id: str, **headers: str) -> Any:
    return tickets.client.delete(f"/v1/tickets/{ticket_id}", headers=headers)


def listed(tickets: Tickets) -> list[str]:
    return [one["id"] for one in tickets.client.get("/v1/deleted-tickets").json["items"]]


def test_a_deleted_ticket_is_nowhere_and_comes_back_as_it_was(tickets: Tickets, database: MigratedDatabase) -> None:
    ticket_id, other = tickets.file(), tickets.file()
    comment = tickets.say(ticket_id, "hello").json["id"]
    before = tickets.read(ticket_id)
    assert delete(tickets, ticket_id, **{"If-Match": '"7"'}).status_code == 412

    assert delete(tickets, ticket_id, **{"If-Match": '"1"'}).status_code == 204

    paths = ["", "/comments", f"/comments/{comment}", "/sla", "/watchers", "/links", "/children"]
    answers = [tickets.client.get(f"/v1/tickets/{ticket_id}{path}") for path in paths]
    answers += [
        tickets.client.patch(f"/v1/tickets/{ticket_id}", json={"subject": "x"}),
        tickets.move(ticket_id, "open"),
        tickets.say(ticket_id, "x"),
        tickets.act(ticket_id, "take"),
        tickets.merge(ticket_id, other),
        tickets.act(ticket_id, "unmerge"),
        tickets.attach(ticket_id, other),
        tickets.act(ticket_id, "split", subject="x", comment_ids=[comment]),
        delete(tickets, ticket_id),
    ]
    assert {(one.status_code, one.json["code"]) for one in answers} == {(404, "not_found")}
    assert [one["id"] for one in tickets.client.get("/v1/tickets").json["items"]] == [other]
    (shown,) = tickets.client.get("/v1/deleted-tickets").json["items"]
    assert (shown["id"], shown["version"]) == (ticket_id, 2)

    stale = tickets.client.post(f"/v1/tickets/{ticket_id}/restore", headers={"If-Match": '"1"'})
    answer = tickets.client.post(f"/v1/tickets/{ticket_id}/restore", headers={"If-Match": '"2"'})

    assert (stale.status_code, answer.status_code, listed(tickets)) == (412, 200, [])
    assert answer.json == before | {"version": 3, "updated_at": answer.json["updated_at"]}
    assert tickets.said(ticket_id) == ["hello"]
    assert told(database, ticket_id, 2) == ["ticket.deleted", "ticket.restored"]
    assert refusal(tickets.act(ticket_id, "restore")) == (409, "not_deleted", None)


def test_only_a_deleted_ticket_is_purged_and_nobody_but_an_administrator_does(
    tickets: Tickets, as_role: Any, snapshot: Any
) -> None:
    ticket_id = tickets.file()
    manager = Tickets(as_role(Role.MANAGER))
    before = snapshot()
    assert refusal(tickets.act(ticket_id, "purge")) == (409, "not_deleted", None)
    assert snapshot() == before
    assert delete(manager, ticket_id).status_code == 204

    assert manager.act(ticket_id, "purge").status_code == 403
    assert listed(tickets) == [ticket_id]


def test_a_purge_leaves_nothing_but_the_trail_and_the_events(
    tickets: Tickets, database: MigratedDatabase, snapshot: Any, count_rows: Any
) -> None:
    other = tickets.file()
    tables = ("tickets", "comments", "sla_clocks", "sla_segments", "sla_timers", "ticket_watchers", "ticket_links")
    before = {table: count_rows(table) for table in tables}
    ticket_id, part = tickets.file(), tickets.file()
    tickets.say(ticket_id, "my number is 0451")
    tickets.act(ticket_id, "links", kind="blocks", ticket_id=other)
    tickets.attach(part, ticket_id)
    tickets.act(ticket_id, f"watchers/{tickets.read(ticket_id)['requester_id']}", "PUT")
    merged = tickets.file()
    tickets.merge(merged, ticket_id)
    assert refusal(delete(tickets, ticket_id)) == (409, "relation_refused", "has_merged")
    assert [delete(tickets, one).status_code for one in (merged, ticket_id)] == [204, 204]
    assert refusal(tickets.act(merged, "restore")) == (409, "relation_refused", "survivor_deleted")

    assert [tickets.act(one, "purge").status_code for one in (ticket_id, merged)] == [204, 204]

    assert tickets.read(part)["parent_id"] is None
    assert [delete(tickets, part).status_code, tickets.act(part, "purge").status_code] == [204, 204]
    assert {table: count_rows(table) for table in tables} == before
    assert count_rows("ticket_merges") == count_rows("ticket_merge_watchers") == 0
    assert tickets.act(ticket_id, "purge").status_code == tickets.act(ticket_id, "restore").status_code == 404
    entry = database.rows(
        "SELECT before, after, outcome FROM logs WHERE action = 'ticket.purged' AND target_id = %s", ticket_id
    )
    assert entry == [({"number": 2}, {"number": None}, "done")]


def test_what_nobody_restores_in_time_is_purged_by_itself(
    tickets: Tickets, rt: Runtime, other_client: ApiClient, database: MigratedDatabase
) -> None:
    organization = tickets.client.get("/v1/organizations").json["items"][0]
    assert organization["purge_deleted_after_seconds"] == 30 * 86400
    foreign = Tickets(other_client)
    ticket_id, kept, live = tickets.file(), foreign.file(), tickets.file()
    assert [delete(tickets, ticket_id).status_code, delete(foreign, kept).status_code] == [204, 204]
    path = f"/v1/organizations/{organization['id']}"
    assert tickets.client.patch(path, json={"purge_deleted_after_seconds": 60}).status_code == 422
    assert tickets.client.patch(path, json={"purge_deleted_after_seconds": 7200}).status_code == 200
    left = "SELECT id::text FROM tickets ORDER BY id"
    for ahead, expected in ((timedelta(hours=1), [ticket_id, kept, live]), (timedelta(hours=3), [kept, live])):
        database.move_clock(ahead)
        keep_house(rt)
        assert database.rows(left) == [(one,) for one in expected]
    assert database.rows("SELECT actor_id FROM logs WHERE action = 'ticket.purged'") == [(None,)]


def test_another_organizations_deleted_tickets_are_unknown(
    tickets: Tickets, other_client: ApiClient, snapshot: Any
) -> None:
    ticket_id = tickets.file()
    delete(tickets, ticket_id)
    before = snapshot()

    assert listed(Tickets(other_client)) == []
    answers = [Tickets(other_client).act(ticket_id, what) for what in ("restore", "purge")]
    assert {answer.status_code for answer in answers} == {404}
    assert snapshot() == before
