"""Macros: kept for oneself, a team or everyone, and used on a ticket as a whole or not at all."""

from typing import Any

import pytest

from psms.domain.access import Permission, Role
from psms.runtime import Runtime
from tests.api.conftest import ApiClient
from tests.support.offices import add_custom_caller
from tests.support.tenants import Tenant

SOLVED = {
    "name": "Solved",
    "visibility": "everyone",
    "set_fields": {"urgency": "high"},
    "add_tags": ["done", "vip"],
    "remove_tags": ["hot"],
    "action": "resolve",
    "reply": "Hello {{requester.name}}, #{{ticket.number}} ({{ ticket.subject }}) is done. {{me.name}}",
}


@pytest.fixture
def agent(as_role: Any) -> ApiClient:
    """Somebody who works on tickets."""
    caller: ApiClient = as_role(Role.AGENT)
    return caller


@pytest.fixture
def path(client: ApiClient) -> str:
    """A ticket that every agent sees."""
    body = {"subject": "Printer on fire", "tags": ["hot", "vip"]}
    return str(client.post("/v1/tickets", json=body).headers["Location"])


def kept(client: ApiClient, **body: Any) -> str:
    """Keep a macro and return its id."""
    answer = client.post("/v1/macros", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json["id"])


def test_a_macro_does_all_that_it_says_and_shows_it_before(
    client: ApiClient, agent: ApiClient, *, path: str, snapshot: Any
) -> None:
    macro = kept(client, **SOLVED)
    number, before = client.get(path).json["number"], snapshot()
    preview = agent.get(f"{path}/macros/{macro}/preview")
    assert snapshot() == before
    applied = agent.post(f"{path}/macros/{macro}", headers={"Idempotency-Key": "click"})
    again = agent.post(f"{path}/macros/{macro}", headers={"Idempotency-Key": "click"})

    ticket = client.get(path).json
    assert (applied.status_code, applied.json["ticket"]) == (201, ticket)
    assert (ticket["status"], ticket["urgency"], ticket["tags"]) == ("resolved", "high", ["vip", "done"])
    assert applied.json["comment"]["body"] == f"Hello Test admin, #{number} (Printer on fire) is done. Test agent"
    assert again.json == applied.json
    assert len(client.get(f"{path}/comments").json["items"]) == 1
    assert preview.status_code == 200
    assert preview.json["comment"]["body"] == applied.json["comment"]["body"]
    shown = ("status", "urgency", "tags", "priority", "version")
    assert {name: preview.json["ticket"][name] for name in shown} == {name: ticket[name] for name in shown}
    types = [item["type"] for item in client.get(f"{path}/timeline?order=asc").json["items"]]
    assert types == ["ticket.created", "ticket.updated", "ticket.commented", "ticket.status_changed"]


def test_where_a_step_is_refused_nothing_is_done(
    client: ApiClient, http: Any, rt: Runtime, demo: Tenant, *, path: str, snapshot: Any
) -> None:
    reopening = kept(client, **{**SOLVED, "action": "reopen"})
    solved = kept(client, **SOLVED)
    kept_of_agents = (
        Permission.TICKET_READ,
        Permission.TICKET_UPDATE,
        Permission.TICKET_PRIORITY,
        Permission.MACRO_USE,
    )
    mute = ApiClient(http, add_custom_caller(rt, demo, Role.AGENT, kept_of_agents).token)
    before = snapshot()
    illegal = [client.post(f"{path}/macros/{reopening}"), client.get(f"{path}/macros/{reopening}/preview")]

    assert [(one.status_code, one.json["code"]) for one in illegal] == [(409, "action_not_allowed")] * 2
    assert snapshot() == before
    refused = mute.post(f"{path}/macros/{solved}")
    assert (refused.status_code, refused.json["permission"]) == (403, "comment.create")
    after = snapshot()
    assert {table for table in before if before[table] != after[table]} <= {"logs"}


def test_macros_are_seen_by_whom_they_are_for(client: ApiClient, as_role: Any) -> None:
    agent, colleague = as_role(Role.AGENT), as_role(Role.AGENT)
    me = agent.post("/v1/tickets", json={"subject": "x"}).json["requester_id"]
    team = client.post("/v1/teams", json={"name": "Desk", "member_ids": [me]}).json["id"]
    mine = kept(agent, name="Mine", reply="Hello")
    ours = kept(agent, name="Ours", reply="Hello", visibility="team", team_id=team)
    everyones = kept(client, name="All", reply="Hello", visibility="everyone")

    def seen(caller: ApiClient) -> set[str]:
        return {item["id"] for item in caller.get("/v1/macros").json["items"]}

    assert seen(agent) == {mine, ours, everyones}
    assert seen(colleague) == {everyones}
    assert seen(client) == {ours, everyones}
    assert colleague.get(f"/v1/macros/{mine}").status_code == 404
    refused = [
        colleague.patch(f"/v1/macros/{everyones}", json={"name": "x"}),
        colleague.post("/v1/macros", json={"name": "x", "reply": "x", "visibility": "everyone"}),
        colleague.post("/v1/macros", json={"name": "x", "reply": "x", "visibility": "team", "team_id": team}),
    ]
    assert [(one.status_code, one.json["permission"]) for one in refused] == [(403, "macro.manage")] * 3


def test_a_macro_is_changed_under_its_version_and_removed(agent: ApiClient) -> None:
    address = f"/v1/macros/{kept(agent, name='Mine', reply='Hello')}"
    changed = agent.patch(address, json={"reply": None, "action": "resolve"}, headers={"If-Match": '"1"'})
    stale = agent.patch(address, json={"name": "x"}, headers={"If-Match": '"1"'})

    assert (changed.status_code, changed.json["reply"], changed.json["reply_visibility"]) == (200, None, None)
    assert (changed.json["action"], changed.json["version"]) == ("resolve", 2)
    assert stale.status_code == 412
    assert agent.call("DELETE", address).status_code == 204
    assert agent.get(address).status_code == 404


NOT_SOUND: list[tuple[dict[str, Any], str]] = [
    ({"reply": "{{ticket.secret}}"}, "reply"),
    ({}, "name"),
    ({"reply": "x", "visibility": "team"}, "team_id"),
    ({"action": "explode"}, "action"),
    ({"set_fields": {"subject": "x"}}, "set_fields.subject"),
    ({"set_fields": {"urgency": "huge"}}, "set_fields.urgency"),
]


def test_a_macro_that_is_not_sound_is_refused(client: ApiClient, snapshot: Any) -> None:
    before = snapshot()
    for body, field in NOT_SOUND:
        answer = client.post("/v1/macros", json={"name": "M", **body})
        assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, field)
    assert snapshot() == before
