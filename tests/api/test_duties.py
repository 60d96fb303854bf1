"""The rota over HTTP, and whom levels reach by it: who is on duty when the level takes effect, or who stands in."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from psms.domain.access import Role
from psms.domain.duties import NewDuty
from psms.errors import DutyOverlaps
from psms.runtime import Runtime
from tests.api.conftest import ApiClient
from tests.support.databases import MigratedDatabase
from tests.support.tenants import Tenant
from workflows.duties import add_duty
from workflows.mail_fan_out import fan_out_notifications
from workflows.sla_sweep import fire_due_timers

DUTY_ACTIONS = [{"type": kind, "to": "manager_on_duty"} for kind in ("notify", "reassign", "page")]
# One instant for all: a duty begins exactly when another one ends.
NOW = datetime.now(UTC)
CHOSEN = "SELECT user_id, rule FROM notifications ORDER BY user_id"


def add_user(client: ApiClient, name: str, role: str = "agent") -> str:
    """Add a person and return their id."""
    body = {"email": f"{name}@example.com", "name": name, "role": role}
    return str(client.post("/v1/users", json=body).json["id"])


def span(begins: int, ends: int) -> dict[str, str]:
    """Return the span from so many hours from now to so many."""
    return {name: (NOW + timedelta(hours=h)).isoformat() for name, h in (("from", begins), ("to", ends))}


def put(client: ApiClient, user_id: str, begins: int, ends: int, team_id: str | None = None) -> Any:
    """Put somebody on duty."""
    return client.post("/v1/duties", json={"user_id": user_id, "team_id": team_id, **span(begins, ends)})


@pytest.fixture
def ada(client: ApiClient) -> str:
    """A person."""
    return add_user(client, "ada")


@pytest.fixture
def team_id(client: ApiClient) -> str:
    """A team with a manager and an agent."""
    members = [add_user(client, "mia", "manager"), add_user(client, "ann")]
    return str(client.post("/v1/teams", json={"name": "Second line", "member_ids": members}).json["id"])


def breach(client: ApiClient, rt: Runtime, database: MigratedDatabase, team_id: str | None) -> str:
    """Let a ticket of the team be breached, and return its id."""
    target = {"seconds": 60, "levels": [{"id": "breach", "percent": 100, "actions": DUTY_ACTIONS}]}
    made = client.post("/v1/sla-policies", json={"name": "P", "targets": {"resolution": target}})
    assert made.status_code == 201, made.text
    assert made.json["targets"]["resolution"]["levels"][0]["actions"] == DUTY_ACTIONS
    ticket_id = str(client.post("/v1/tickets", json={"subject": "Printer on fire", "team_id": team_id}).json["id"])
    database.move_clock(timedelta(minutes=2))
    fire_due_timers(rt)
    return ticket_id


def test_who_is_on_duty_for_the_team_is_told_called_and_given_the_ticket(
    client: ApiClient, rt: Runtime, database: MigratedDatabase, *, ada: str, team_id: str
) -> None:
    put(client, add_user(client, "olga"), -1, 1)
    put(client, add_user(client, "past"), -9, -1, team_id)
    assert put(client, ada, -1, 1, team_id).status_code == 201
    ticket_id = breach(client, rt, database, team_id)
    fan_out_notifications(rt)

    assert database.rows(CHOSEN) == [(UUID(ada), "team_duty")]
    assert database.rows("SELECT user_id, reason FROM mails") == [(UUID(ada), "duty")]
    assert client.get(f"/v1/tickets/{ticket_id}").json["assignee_id"] == ada
    assert database.rows("SELECT user_id, rule FROM pages") == [(UUID(ada), "team_duty")]
    ((body,),) = database.rows("SELECT body FROM events WHERE type = 'page.triggered'")
    page = json.loads(bytes(body))["data"]["page"]  # type: ignore[call-overload]
    assert (page["user_id"], page["rule"]) == (ada, "team_duty")


@pytest.mark.parametrize(
    ("gone", "rule", "chosen"),
    [
        ([], "organization_duty", {"olga"}),
        (["olga"], "team_managers", {"mia"}),
        (["olga", "mia"], "managers", {"max", "moe"}),
        (["olga", "mia", "max", "moe"], "admins", {"adam"}),
    ],
)
def test_in_a_gap_others_stand_in_and_the_notification_says_by_which_rule(
    client: ApiClient,
    rt: Runtime,
    database: MigratedDatabase,
    *,
    team_id: str,
    ada: str,
    gone: list[str],
    rule: str,
    chosen: set[str],
) -> None:
    others = {"olga": "agent", "max": "manager", "moe": "manager", "adam": "admin"}
    ids = {name: add_user(client, name, role) for name, role in others.items()}
    ids["mia"] = next(one["id"] for one in client.get("/v1/users").json["items"] if one["name"] == "mia")
    put(client, ids["olga"], -1, 1)
    put(client, ada, 1, 9, team_id)
    for name in gone:
        assert client.patch(f"/v1/users/{ids[name]}", json={"active": False}).status_code == 200
    breach(client, rt, database, team_id)

    assert database.rows(CHOSEN) == sorted((UUID(ids[name]), rule) for name in chosen)
    assert database.rows("SELECT rule FROM pages") == [(rule,)]


def test_nobody_is_on_duty_twice_at_one_time_for_one_team(
    client: ApiClient, snapshot: Any, ada: str, team_id: str
) -> None:
    assert put(client, ada, 0, 8, team_id).status_code == 201
    before = snapshot()
    for begins, ends in ((0, 8), (7, 9), (-1, 1), (2, 3), (-1, 9)):
        answer = put(client, ada, begins, ends, team_id)
        assert (answer.status_code, answer.json["code"]) == (409, "duty_overlaps")
    assert snapshot() == before

    assert [put(client, ada, *hours, team_id).status_code for hours in ((8, 9), (-1, 0))] == [201, 201]
    assert put(client, ada, 0, 8).status_code == 201
    listed = client.get(f"/v1/duties?team_id={team_id}").json["items"]
    assert [one["team_id"] for one in listed] == [team_id] * 3
    assert len(client.get("/v1/duties").json["items"]) == 4


def test_what_cannot_be_is_refused_and_nothing_is_stored(
    client: ApiClient, as_role: Any, snapshot: Any, ada: str
) -> None:
    service_user = next(one["id"] for one in client.get("/v1/users").json["items"] if one["is_service"])
    before = snapshot()
    wrong = {
        "to": {"user_id": ada, **span(1, 1)},
        "user_id": {"user_id": service_user, **span(1, 2)},
        "team_id": {"user_id": ada, "team_id": str(uuid4()), **span(1, 2)},
        "from": {"user_id": ada, **span(1, 2), "from": "2026-12-24T08:00:00"},
    }
    for field, body in wrong.items():
        answer = client.post("/v1/duties", json=body)
        assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, field)
    level = {"id": "breach", "percent": 100, "actions": [{"type": "reassign", "to": "team"}]}
    policy = {"name": "P", "targets": {"resolution": {"seconds": 60, "levels": [level]}}}
    answer = client.post("/v1/sla-policies", json=policy)
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (
        422,
        "targets.resolution.levels.0.actions.0.to",
    )
    assert snapshot() == before
    assert put(as_role(Role.AGENT), ada, 1, 2).status_code == 403
    assert client.get("/v1/duties").json["items"] == []


def test_of_many_who_put_somebody_on_duty_at_once_one_does(
    rt: Runtime, database: MigratedDatabase, demo: Tenant, ada: str
) -> None:
    now = datetime.now(UTC)
    command = NewDuty(user_id=UUID(ada), since=now, until=now + timedelta(hours=1))

    def try_it(_: int) -> bool:
        try:
            add_duty(rt, demo.actor, command, None)
        except DutyOverlaps:
            return False
        return True

    with ThreadPoolExecutor(max_workers=4) as pool:
        assert sum(pool.map(try_it, range(8))) == 1
    assert database.count("duties") == 1
