"""Merging tickets and taking it back: who says what where, who follows, and what stays as it was."""

from typing import Any
from uuid import uuid4

import pytest

from psms.domain.access import Role
from psms.runtime import Runtime
from tests.api.conftest import ApiClient
from tests.support.databases import MigratedDatabase
from tests.support.relations import Tickets, refusal, told


@pytest.fixture
def tickets(client: ApiClient) -> Tickets:
    """Tickets that an admin files."""
    return Tickets(client)


def user(tickets: Tickets, name: str) -> str:
    """Add somebody who works on tickets."""
    body = {"email": f"{name}@example.com", "name": name, "role": "agent"}
    return str(tickets.client.post("/v1/users", json=body).json["id"])


def follow(tickets: Tickets, ticket_id: str, *users: str, method: str = "PUT") -> None:
    for user_id in users:
        assert tickets.act(ticket_id, f"watchers/{user_id}", method).status_code in {200, 204}


def test_a_merged_ticket_is_closed_and_goes_on_as_part_of_the_other(
    tickets: Tickets, database: MigratedDatabase
) -> None:
    merged, survivor = tickets.file("Merged"), tickets.file("Survivor")

    answer = tickets.merge(merged, survivor)

    assert (answer.status_code, answer.headers["ETag"]) == (200, '"2"')
    assert (answer.json["status"], answer.json["merged_into_id"]) == ("closed", survivor)
    assert answer.json["closed_at"] == answer.json["updated_at"]
    assert tickets.read(survivor)["version"] == 1
    assert told(database, merged) == ["ticket.merged", "ticket.status_changed", "ticket.closed"]
    assert told(database, survivor) == ["ticket.merged"]
    ((changes,),) = database.rows(
        "SELECT convert_from(body, 'UTF8')::jsonb->'data'->'changes' FROM events WHERE ticket_id = %s AND sequence = 2",
        survivor,
    )
    assert changes == {"merged_ticket_id": {"before": None, "after": merged}}


def test_the_survivor_shows_what_was_said_on_both_and_later_comments_reach_it(
    tickets: Tickets, database: MigratedDatabase
) -> None:
    merged, survivor = tickets.file(), tickets.file()
    tickets.say(merged, "one")
    tickets.say(survivor, "two")
    tickets.say(merged, "three", "internal")
    tickets.merge(merged, survivor)

    answer = tickets.say(merged, "four")

    assert (answer.status_code, answer.json["ticket_id"], answer.json["survivor_id"]) == (201, merged, survivor)
    assert tickets.client.get(answer.headers["Location"]).json == answer.json
    assert tickets.client.get(f"/v1/tickets/{survivor}/comments/{answer.json['id']}").json == answer.json
    assert tickets.said(survivor) == ["one", "two", "three", "four"]
    assert tickets.said(merged) == ["one", "three", "four"]
    items = tickets.client.get(f"/v1/tickets/{survivor}/comments?limit=2").json["items"]
    assert [(one["ticket_id"], one["survivor_id"]) for one in items] == [(merged, survivor), (survivor, None)]
    assert told(database, survivor) == ["ticket.commented", "ticket.merged", "ticket.commented"]
    assert told(database, merged)[-1] == "ticket.closed"


def test_a_chain_ends_at_who_goes_on(tickets: Tickets) -> None:
    first, second, last = (tickets.file() for _ in "abc")
    tickets.merge(first, second)
    tickets.merge(second, last)

    answers = [tickets.say(one, one) for one in (first, second, last)]

    assert [answer.json["survivor_id"] for answer in answers] == [last, last, None]
    assert tickets.said(last) == [first, second, last]
    assert tickets.said(second) == [first, second]
    assert refusal(tickets.act(first, "unmerge")) == (409, "merge_refused", "merged_on")


def test_requesters_read_on_their_own_ticket_and_never_the_words_of_another_one(tickets: Tickets, as_role: Any) -> None:
    rita, sam = (Tickets(as_role(Role.REQUESTER)) for _ in "ab")
    hers, his, also_his = rita.file(), sam.file(), sam.file()
    sam.say(his, "my order is 0451")
    sam.say(also_his, "and 0452")
    for one in (his, also_his):
        assert tickets.merge(one, hers).status_code == 200

    answer = sam.say(his, "any news?")
    tickets.say(his, "soon")

    assert (answer.status_code, answer.json["survivor_id"]) == (201, hers)
    assert rita.said(hers) == []
    assert sam.said(his) == ["my order is 0451", "any news?", "soon"]
    assert tickets.said(hers) == ["my order is 0451", "and 0452", "any news?", "soon"]
    assert rita.client.get(f"/v1/tickets/{hers}/comments/{answer.json['id']}").status_code == 404
    assert sam.client.get(f"/v1/tickets/{hers}").status_code == 404
    assert sam.read(his)["merged_into_id"] == hers


def test_who_asked_and_who_follows_follows_the_survivor_until_the_merge_is_taken_back(
    tickets: Tickets, as_role: Any
) -> None:
    ann, bob, cid, dan = (user(tickets, name) for name in ("ann", "bob", "cid", "dan"))
    rita = Tickets(as_role(Role.REQUESTER))
    merged, second, survivor = rita.file(), tickets.file(), tickets.file()
    asked, also_asked = rita.read(merged)["requester_id"], tickets.read(second)["requester_id"]
    follow(tickets, survivor, ann)
    follow(tickets, merged, ann, bob, cid, dan)
    follow(tickets, second, dan)
    tickets.merge(merged, survivor)
    tickets.merge(second, survivor)
    assert tickets.watchers(survivor) == {ann, bob, cid, dan, asked, also_asked}
    # By hand since: this one stays. And dan, whom the other merge brings as well.
    follow(tickets, survivor, cid)

    assert tickets.act(merged, "unmerge").status_code == 200

    assert tickets.watchers(survivor) == {ann, cid, dan, also_asked}
    assert tickets.watchers(merged) == {ann, bob, cid, dan}
    assert tickets.act(second, "unmerge").status_code == 200
    assert tickets.watchers(survivor) == {ann, cid}


@pytest.mark.parametrize("status", ["new", "open", "pending", "on_hold", "resolved", "closed", "cancelled"])
def test_a_merge_that_is_taken_back_leaves_each_ticket_as_it_was(
    tickets: Tickets, database: MigratedDatabase, status: str
) -> None:
    moves = {"open": ["open"], "pending": ["pend"], "on_hold": ["hold"], "cancelled": ["cancel"]}
    moves |= {"resolved": ["resolve"], "closed": ["resolve", "close"]}
    merged, survivor, ann = tickets.file(), tickets.file(), user(tickets, "ann")
    tickets.client.patch(f"/v1/tickets/{merged}", json={"assignee_id": ann})
    for action in moves.get(status, []):
        assert tickets.move(merged, action).status_code == 200
    tickets.say(merged, "before")
    before, untouched = tickets.read(merged), tickets.read(survivor)
    tickets.merge(merged, survivor)
    tickets.say(merged, "meanwhile")
    tickets.say(survivor, "of the survivor")

    answer = tickets.act(merged, "unmerge")

    counted = {"version": before["version"] + 2, "updated_at": answer.json["updated_at"]}
    assert (answer.status_code, answer.json) == (200, before | counted)
    assert tickets.read(survivor) == untouched
    assert tickets.said(merged) == ["before", "meanwhile"]
    assert tickets.said(survivor) == ["of the survivor"]
    assert tickets.say(merged, "after").json["survivor_id"] is None
    assert database.rows("SELECT count(*) FROM ticket_merges") == [(0,)]
    assert told(database, survivor) == ["ticket.merged", "ticket.commented", "ticket.commented", "ticket.unmerged"]
    assert "ticket.unmerged" in told(database, merged)
    assert refusal(tickets.act(merged, "unmerge")) == (409, "merge_refused", "not_merged")
    assert tickets.merge(merged, survivor).status_code == 200


def test_what_cannot_be_merged_changes_nothing(tickets: Tickets, other_client: ApiClient, snapshot: Any) -> None:
    one, merged, survivor, closed, gone, parent, part = (tickets.file() for _ in "abcdefg")
    foreign = Tickets(other_client).file()
    tickets.merge(merged, survivor)
    tickets.move(closed, "cancel")
    tickets.attach(part, parent)
    tickets.client.delete(f"/v1/tickets/{gone}")
    before = snapshot()

    for into in (one, gone, foreign, str(uuid4())):
        answer = tickets.merge(one, into)
        assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "into")
    assert refusal(tickets.merge(one, merged)) == (409, "merge_refused", "survivor_merged")
    assert tickets.merge(one, merged).json["survivor_id"] == survivor
    assert refusal(tickets.merge(merged, one)) == (409, "merge_refused", "already_merged")
    assert refusal(tickets.merge(survivor, merged)) == (409, "merge_refused", "survivor_merged")
    assert refusal(tickets.merge(one, closed)) == (409, "merge_refused", "survivor_done")
    assert (tickets.merge(parent, one).json["code"], tickets.merge(gone, one).status_code) == ("children_open", 404)
    stale = tickets.client.post(f"/v1/tickets/{one}/merge", json={"into": survivor}, headers={"If-Match": '"9"'})
    assert stale.status_code == 412
    stale = tickets.client.post(f"/v1/tickets/{merged}/unmerge", headers={"If-Match": '"1"'})
    assert (stale.status_code, tickets.move(merged, "reopen").status_code) == (412, 409)
    assert snapshot() == before


def test_an_agent_merges_only_what_they_see(tickets: Tickets, rt: Runtime, as_role: Any, snapshot: Any) -> None:
    agent = as_role(Role.AGENT)
    team = tickets.client.post("/v1/teams", json={"name": "Theirs"}).json["id"]
    seen, hidden = tickets.file(), tickets.file(team_id=team)
    before = snapshot()

    assert Tickets(agent).merge(hidden, seen).status_code == 404
    answer = Tickets(agent).merge(seen, hidden)

    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "into")
    assert snapshot() == before


def test_a_split_makes_a_new_ticket_of_comments_with_authors_and_instants(
    tickets: Tickets, as_role: Any, database: MigratedDatabase
) -> None:
    rita = Tickets(as_role(Role.REQUESTER))
    tickets.client.post("/v1/sla-policies", json={"name": "P", "resolution_seconds": 600})
    source = rita.file(type="request", impact="high")
    moved = [rita.say(source, "another matter").json, tickets.say(source, "so it is", "internal").json]
    rita.say(source, "this one stays")

    body = {"subject": "Another matter", "comment_ids": [one["id"] for one in moved]}
    options = {"json": body, "headers": {"Idempotency-Key": "once"}}
    answers = [tickets.client.post(f"/v1/tickets/{source}/split", **options) for _ in range(2)]

    made, original = answers[0].json, tickets.read(source)
    assert [one.status_code for one in answers] == [201, 201]
    assert answers[1].json == made == tickets.client.get(answers[0].headers["Location"]).json
    assert (made["number"], made["status"], made["version"]) == (2, "new", 1)
    taken = ("type", "impact", "urgency", "service_id", "requester_id", "team_id")
    assert [made[name] for name in taken] == [original[name] for name in taken]
    shown = tickets.client.get(f"/v1/tickets/{made['id']}/comments").json["items"]
    assert shown == [{**one, "ticket_id": made["id"]} for one in moved]
    assert tickets.said(source) == ["this one stays"]
    assert tickets.clocks(made["id"])["resolution"][0] == "running"
    (link,) = tickets.client.get(f"/v1/tickets/{source}/links").json["items"]
    assert (link["kind"], link["ticket"]["id"]) == ("relates_to", made["id"])
    assert told(database, source, 4) == ["ticket.split"]
    assert told(database, made["id"], 0) == ["ticket.created"]


def test_a_split_takes_only_comments_of_the_ticket(tickets: Tickets, snapshot: Any) -> None:
    source, other = tickets.file(), tickets.file()
    own, foreign = tickets.say(source, "own").json["id"], tickets.say(other, "other").json["id"]
    before = snapshot()

    for ids in ([own, foreign], [str(uuid4())], []):
        answer = tickets.act(source, "split", subject="New", comment_ids=ids)
        assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "comment_ids")
    assert snapshot() == before
