"""The timeline of a ticket: one story of all that happened, in order, in pages, and to each what they may read."""

import json
from datetime import timedelta
from typing import Any

import pytest
from psycopg import sql

from psms.domain.access import Permission, Role
from psms.runtime import Runtime
from tests.api.conftest import ApiClient
from tests.support.databases import MigratedDatabase
from tests.support.offices import add_custom_caller
from tests.support.tenants import Tenant, add_endpoint
from workflows.relay import relay_outbox
from workflows.sla_sweep import fire_due_timers

SECRET = "between us"


@pytest.fixture
def requester(as_role: Any) -> ApiClient:
    """A requester."""
    client: ApiClient = as_role(Role.REQUESTER)
    return client


@pytest.fixture
def path(client: ApiClient, requester: ApiClient) -> str:
    """A ticket of the requester with a story."""
    client.post("/v1/sla-policies", json={"name": "P", "first_response_seconds": 60})
    path: str = requester.post("/v1/tickets", json={"subject": "Printer on fire"}).headers["Location"]
    client.post(f"{path}/take")
    client.patch(path, json={"tags": ["vip"]})
    client.patch(path, json={"urgency": "high", "custom_fields": {"cost": 3}})
    client.post(f"{path}/comments", json={"body": SECRET, "visibility": "internal"})
    client.post(f"{path}/comments", json={"body": "We are on our way."})
    client.post(f"{path}/transitions", json={"action": "resolve"})
    return path


def entries(caller: ApiClient, path: str, query: str = "") -> list[dict[str, Any]]:
    """Return the entries of the first page."""
    answer = caller.get(f"{path}/timeline{query}")
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json["items"]
    return items


def types(items: list[dict[str, Any]]) -> list[str]:
    """Return the types of entries."""
    return [item["type"] for item in items]


def test_it_tells_the_whole_story_newest_first(client: ApiClient, path: str) -> None:
    items = entries(client, path)

    assert [(item["type"], item["kind"], item["sequence"]) for item in reversed(items)] == [
        ("ticket.created", "created", 1),
        ("ticket.assigned", "assignment", 2),
        ("ticket.updated", "change", 3),
        ("ticket.updated", "change", 4),
        ("ticket.commented", "comment", 5),
        ("ticket.commented", "comment", 6),
        ("ticket.status_changed", "status", 7),
    ]
    assert [item["at"] for item in items] == sorted((item["at"] for item in items), reverse=True)
    newest, said, internal, urgency, *_ = items
    assert newest["data"] == {"changes": {"status": {"before": "new", "after": "resolved"}}}
    assert newest["summary"] == "Test admin changed status from new to resolved."
    assert said["data"]["comment"]["body"] == "We are on our way."
    assert internal["data"]["comment"]["body"] == SECRET
    assert internal["summary"] == "Test admin commented, internally."
    assert urgency["data"]["changes"]["urgency"] == {"before": "medium", "after": "high"}
    assert newest["deliveries"] is None


def test_requesters_read_what_was_said_to_them_and_how_their_ticket_stands(requester: ApiClient, path: str) -> None:
    items = entries(requester, path, "?order=asc")

    assert types(items) == ["ticket.created", "ticket.updated", "ticket.commented", "ticket.status_changed"]
    assert {tuple(sorted(item)) for item in items} == {("actor", "at", "data", "id", "kind", "summary", "type")}
    assert set(items[1]["data"]["changes"]) == {"urgency", "priority"}
    assert [item["summary"] for item in items] == [
        "Test requester opened the ticket.",
        "Service desk changed priority from medium to high and urgency from medium to high.",
        "Service desk commented.",
        "Service desk changed status from new to resolved.",
    ]
    assert not [word for word in (SECRET, "vip", "cost", "assignee", "priority_source") if word in json.dumps(items)]


def test_what_a_role_may_not_read_has_no_entry(
    client: ApiClient, http: Any, rt: Runtime, demo: Tenant, path: str
) -> None:
    def of(*kept: Permission) -> list[str]:
        return types(entries(ApiClient(http, add_custom_caller(rt, demo, Role.MANAGER, kept).token), path))

    everything = types(entries(client, path))
    reader, talker = of(Permission.TICKET_READ), of(Permission.TICKET_READ, Permission.COMMENT_READ)

    assert reader == [kind for kind in everything if kind != "ticket.commented"]
    assert talker.count("ticket.commented") == 1


def test_what_another_customer_wrote_on_a_merged_ticket_is_told_to_the_desk_alone(
    client: ApiClient, as_role: Any, requester: ApiClient, path: str
) -> None:
    stranger: ApiClient = as_role(Role.REQUESTER)
    theirs = stranger.post("/v1/tickets", json={"subject": "My printer too"}).headers["Location"]
    assert client.post(f"{theirs}/merge", json={"into": path.rpartition("/")[2]}).status_code == 200
    assert stranger.post(f"{theirs}/comments", json={"body": "My password is"}).status_code == 201
    assert requester.post(f"{path}/comments", json={"body": "Mine"}).status_code == 201

    def said(caller: ApiClient) -> list[str]:
        return [item["data"]["comment"]["body"] for item in entries(caller, path, "?kind=comment")]

    assert said(client) == ["Mine", "My password is", "We are on our way.", SECRET]
    assert said(requester) == ["Mine", "We are on our way."]


def test_who_may_not_read_names_is_told_none(http: Any, rt: Runtime, demo: Tenant, path: str) -> None:
    stranger = ApiClient(http, add_custom_caller(rt, demo, Role.MANAGER, (Permission.TICKET_READ,)).token)

    assert {item["actor"]["name"] for item in entries(stranger, path)} == {None}
    assert entries(stranger, path)[0]["summary"] == "Somebody changed status from new to resolved."


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_its_pages_stay_as_they_are_while_more_happens(client: ApiClient, path: str, order: str) -> None:
    whole = [item["id"] for item in entries(client, path, f"?order={order}")]
    seen, query = [], f"?order={order}&limit=3"
    while True:
        page = client.get(f"{path}/timeline{query}").json
        seen += [item["id"] for item in page["items"]]
        client.post(f"{path}/comments", json={"body": "Meanwhile"})
        if page["next_cursor"] is None or len(seen) >= 12:
            break
        query = f"?order={order}&limit=3&cursor={page['next_cursor']}"

    assert seen[: len(whole)] == whole
    assert len(seen) == len(set(seen))
    assert (order == "desc") == (len(seen) == len(whole))


def test_entries_of_one_kind_are_chosen(client: ApiClient, path: str) -> None:
    assert types(entries(client, path, "?kind=comment")) == ["ticket.commented"] * 2
    assert types(entries(client, path, "?kind=status")) == ["ticket.status_changed"]
    assert entries(client, path, "?kind=other") == []
    refused = client.get(f"{path}/timeline?kind=gossip")
    assert (refused.status_code, refused.json["errors"][0]["field"]) == (422, "kind")


def test_an_event_of_another_release_is_shown_and_only_to_the_desk(
    client: ApiClient, requester: ApiClient, database: MigratedDatabase, *, path: str
) -> None:
    body = {"data": {"ticket": {"subject": "x"}, "actor_id": None, "changes": {"phase": {"before": None, "after": 2}}}}
    tell = """
        INSERT INTO events (organization_id, id, type, schema_version, ticket_id, sequence, occurred_at, body)
        SELECT organization_id, (left(id::text, 24) || 'ffffffffffff')::uuid, 'approval.requested', 9, ticket_id, 99,
            occurred_at, convert_to({}, 'UTF8')
        FROM events WHERE type = 'ticket.closed' OR type = 'ticket.resolved'
    """
    database.run(sql.SQL(tell).format(sql.Literal(json.dumps(body))))
    (entry,) = entries(client, path, "?kind=other")

    assert entries(client, path)[0] == entry
    assert (entry["type"], entry["summary"]) == ("approval.requested", "PSMS: requested, phase.")
    assert entry["actor"] == {"id": None, "name": "PSMS"}
    assert entry["data"] == {"changes": {"phase": {"before": None, "after": 2}}}
    assert entries(requester, path, "?kind=other") == []


def test_what_was_promised_is_told_with_its_clock(client: ApiClient, rt: Runtime, database: MigratedDatabase) -> None:
    client.post("/v1/sla-policies", json={"name": "P", "resolution_seconds": 60})
    path = client.post("/v1/tickets", json={"subject": "Late"}).headers["Location"]
    database.move_clock(timedelta(minutes=2))
    fire_due_timers(rt)
    (breach,) = [item for item in entries(client, path, "?kind=sla") if item["type"] == "sla.breached"]

    assert breach["actor"] == {"id": None, "name": "PSMS"}
    assert breach["summary"] == "The time promised for the resolution is used up."
    assert breach["data"]["sla"]["metric"] == "resolution"


def test_deliveries_to_partners_are_shown_to_those_who_manage_them(
    client: ApiClient, as_role: Any, rt: Runtime, demo: Tenant, path: str
) -> None:
    endpoint_id, _ = add_endpoint(rt, demo.actor, "http://127.0.0.1:40009/", ("ticket.commented",))
    client.post(f"{path}/comments", json={"body": "To partners"})
    client.post(f"{path}/transitions", json={"action": "reopen"})
    relay_outbox(rt)
    status, comment, *_ = entries(client, path, "?include=deliveries")
    refused = as_role(Role.MANAGER).get(f"{path}/timeline?include=deliveries")

    (delivery,) = comment["deliveries"]
    assert (delivery["endpoint_id"], delivery["state"], delivery["attempts"]) == (str(endpoint_id), "pending", 0)
    assert status["deliveries"] == []
    assert (refused.status_code, refused.json["permission"]) == (403, "webhook.manage")
    client.patch(f"/v1/webhook-endpoints/{endpoint_id}", json={"state": "paused"})
    assert entries(client, path, "?include=deliveries")[1]["deliveries"][0]["state"] == "held"
