"""Who follows a ticket: added once, told of once, by whoever works on it, and by requesters for themselves."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from psms.domain.access import Role
from psms.runtime import Runtime
from tests.api.conftest import ApiClient
from tests.support.databases import MigratedDatabase
from workflows.mail_fan_out import fan_out_notifications
from workflows.sla_sweep import fire_due_timers

TOLD = """
    SELECT action, before ->> 'watcher_id', after ->> 'watcher_id' FROM logs
    WHERE action LIKE 'ticket.watcher%%' ORDER BY id
"""
EVENTS = "SELECT type, sequence FROM events WHERE type LIKE 'ticket.watcher%%' ORDER BY sequence"


@pytest.fixture
def ada(client: ApiClient) -> str:
    """A user who works on tickets."""
    body = {"email": "ada@example.com", "name": "Ada", "role": "agent"}
    return str(client.post("/v1/users", json=body).json["id"])


@pytest.fixture
def watchers(client: ApiClient) -> str:
    """The address of the watchers of a ticket."""
    return f"/v1/tickets/{client.post('/v1/tickets', json={'subject': 'Printer on fire'}).json['id']}/watchers"


def ids(client: ApiClient, watchers: str) -> list[str]:
    """Return who follows a ticket."""
    return [one["user_id"] for one in client.get(watchers).json["items"]]


def test_a_watcher_is_added_and_removed_once_however_often_it_is_asked(
    client: ApiClient, database: MigratedDatabase, watchers: str, ada: str
) -> None:
    answers = [client.call("PUT", f"{watchers}/{ada}") for _ in range(2)]
    assert [one.status_code for one in answers] == [200, 200]
    assert answers[0].json == answers[1].json
    assert ids(client, watchers) == [ada]
    assert [client.call("DELETE", f"{watchers}/{ada}").status_code for _ in range(2)] == [204, 204]

    assert ids(client, watchers) == []
    assert database.rows(TOLD) == [("ticket.watcher_added", None, ada), ("ticket.watcher_removed", ada, None)]
    assert database.rows(EVENTS) == [("ticket.watcher_added", 2), ("ticket.watcher_removed", 3)]


def test_requesters_follow_their_own_tickets_and_see_no_other_watcher(
    client: ApiClient, as_role: Any, database: MigratedDatabase, *, ada: str, watchers: str
) -> None:
    requester = as_role(Role.REQUESTER)
    ticket = requester.post("/v1/tickets", json={"subject": "Mine"}).json
    path, me = f"/v1/tickets/{ticket['id']}/watchers", ticket["requester_id"]
    assert client.call("PUT", f"{path}/{ada}").status_code == 200
    assert requester.call("PUT", f"{path}/{me}").status_code == 200
    assert ids(requester, path) == [me]
    assert set(ids(client, path)) == {me, ada}
    before = database.rows("SELECT ticket_id, user_id FROM ticket_watchers ORDER BY 1, 2")

    refused = [requester.call(method, f"{path}/{ada}") for method in ("PUT", "DELETE")]
    unseen = requester.call("PUT", f"{watchers}/{me}")

    assert [(one.status_code, one.json["permission"]) for one in refused] == [(403, "ticket.watch")] * 2
    assert (unseen.status_code, unseen.json["code"]) == (404, "not_found")
    assert database.rows("SELECT ticket_id, user_id FROM ticket_watchers ORDER BY 1, 2") == before
    assert requester.call("DELETE", f"{path}/{me}").status_code == 204
    assert ids(client, path) == [ada]


def test_who_is_not_active_does_not_begin_to_follow(client: ApiClient, snapshot: Any, watchers: str, ada: str) -> None:
    assert client.patch(f"/v1/users/{ada}", json={"active": False}).status_code == 200
    before = snapshot()
    answer = client.call("PUT", f"{watchers}/{ada}")

    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "user_id")
    assert snapshot() == before


def test_watchers_are_told_where_a_policy_says_so_and_nobody_where_there_are_none(
    client: ApiClient, rt: Runtime, database: MigratedDatabase, ada: str
) -> None:
    levels = [{"id": "breach", "percent": 100, "actions": [{"type": "notify", "to": "watchers"}]}]
    target = {"seconds": 60, "levels": levels}
    client.post("/v1/sla-policies", json={"name": "P", "targets": {"resolution": target}})
    watched, _ = (client.post("/v1/tickets", json={"subject": name}).json["id"] for name in ("watched", "unwatched"))
    client.call("PUT", f"/v1/tickets/{watched}/watchers/{ada}")
    database.move_clock(timedelta(minutes=2))
    fire_due_timers(rt)
    fan_out_notifications(rt)

    assert database.rows("SELECT ticket_id, rule FROM notifications") == [(UUID(watched), "watchers")]
    assert database.rows("SELECT user_id, reason FROM mails") == [(UUID(ada), "watcher")]


def test_requesters_who_follow_a_ticket_hear_nothing_of_what_teams_agreed_on(
    client: ApiClient, rt: Runtime, database: MigratedDatabase, ada: str
) -> None:
    body = {"email": "rita@example.com", "name": "Rita", "role": "requester"}
    rita = client.post("/v1/users", json=body).json["id"]
    levels = [{"id": "breach", "percent": 100, "actions": [{"type": "notify", "to": "watchers"}]}]
    client.post("/v1/sla-policies", json={"name": "P", "targets": {"with_team": {"seconds": 60, "levels": levels}}})
    team_id = client.post("/v1/teams", json={"name": "Second line"}).json["id"]
    ticket_id = client.post("/v1/tickets", json={"subject": "Printer", "team_id": team_id}).json["id"]
    for user_id in (rita, ada):
        client.call("PUT", f"/v1/tickets/{ticket_id}/watchers/{user_id}")
    database.move_clock(timedelta(minutes=2))
    fire_due_timers(rt)
    fan_out_notifications(rt)

    assert database.rows("SELECT user_id FROM mails") == [(UUID(ada),)]
