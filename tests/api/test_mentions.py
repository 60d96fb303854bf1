"""Who is mentioned in a comment gets one mail of it, and must be somebody who may read it."""

from typing import Any

import pytest

from psms.domain.access import Role
from psms.runtime import Runtime
from tests.api.conftest import ApiClient
from tests.support.databases import MigratedDatabase
from workflows.mail_fan_out import fan_out_notifications


def person(client: ApiClient, name: str, role: str = "agent") -> str:
    """Add a user."""
    body = {"email": f"{name.lower()}@example.com", "name": name, "role": role}
    return str(client.post("/v1/users", json=body).json["id"])


@pytest.fixture
def path(client: ApiClient) -> str:
    """A ticket that every agent sees."""
    return str(client.post("/v1/tickets", json={"subject": "Printer on fire"}).headers["Location"])


def test_who_is_mentioned_gets_one_mail_and_nobody_else(
    client: ApiClient, rt: Runtime, database: MigratedDatabase, path: str
) -> None:
    ada, bob = person(client, "Ada"), person(client, "Bob")
    said = {"body": "@Ada @Bob please look", "mentions": [bob, ada, bob], "visibility": "internal"}
    answer = client.post(f"{path}/comments", json=said, headers={"Idempotency-Key": "once"})
    client.post(f"{path}/comments", json=said, headers={"Idempotency-Key": "once"})
    client.post(f"{path}/comments", json={"body": "@Ada is not mentioned by words"})
    fan_out_notifications(rt)

    assert answer.json["mentions"] == sorted([ada, bob])
    assert [one["mentions"] for one in client.get(f"{path}/comments").json["items"]] == [sorted([ada, bob]), []]
    assert client.get(answer.headers["Location"]).json == answer.json
    mails = database.rows("SELECT user_id::text, reason FROM mails ORDER BY 1")
    assert mails == [(user_id, "mentioned") for user_id in sorted([ada, bob])]


def test_who_may_not_read_it_is_named_and_nothing_is_written(client: ApiClient, snapshot: Any, path: str) -> None:
    team = client.post("/v1/teams", json={"name": "Second line"}).json["id"]
    ada, rita = person(client, "Ada"), person(client, "Rita", "requester")
    gone = person(client, "Gone")
    client.patch(f"/v1/users/{gone}", json={"active": False})
    hers = client.post("/v1/tickets", json={"subject": "Hers", "requester_id": rita}).headers["Location"]
    client.patch(path, json={"team_id": team})
    before = snapshot()

    def refused(where: str, mentions: list[str], visibility: str = "public") -> str:
        body = {"body": "x", "mentions": mentions, "visibility": visibility}
        answer = client.post(f"{where}/comments", json=body)
        assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "mentions")
        return str(answer.json["errors"][0]["message"])

    assert refused(path, [ada, rita]) == "may not read this comment: Ada, Rita"
    assert refused(hers, [rita], "internal") == "may not read this comment: Rita"
    assert gone in refused(hers, [gone])
    assert snapshot() == before
    assert client.post(f"{hers}/comments", json={"body": "x", "mentions": [rita]}).status_code == 201


def test_who_may_not_look_people_up_mentions_nobody(client: ApiClient, as_role: Any, count_rows: Any) -> None:
    requester = as_role(Role.REQUESTER)
    mine = requester.post("/v1/tickets", json={"subject": "Mine"}).headers["Location"]
    answer = requester.post(f"{mine}/comments", json={"body": "x", "mentions": [person(client, "Ada")]})

    assert (answer.status_code, answer.json["permission"]) == (403, "user.read")
    assert count_rows("comments") == 0
