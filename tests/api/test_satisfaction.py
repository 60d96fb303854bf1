"""Requesters say how satisfied they are: once resolved, nobody else, with each answer told of; and what comes of it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from psycopg import sql

from psms.domain.access import Role
from psms.runtime import Runtime
from psms.settings import Settings
from tests.api.conftest import ApiClient
from tests.support.databases import MigratedDatabase
from workflows.mail_fan_out import fan_out_notifications

DAYS = "from=2026-01-01&to=2026-12-31"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Settings under which tokens outlive the days that go by here."""
    return replace(settings, token_lifetime_s=86_400 * 365)


@pytest.fixture
def requester(as_role: Any) -> ApiClient:
    """A requester."""
    caller: ApiClient = as_role(Role.REQUESTER)
    return caller


@pytest.fixture
def path(requester: ApiClient) -> str:
    """A ticket of the requester."""
    return str(requester.post("/v1/tickets", json={"subject": "Printer on fire"}).headers["Location"])


def moved(client: ApiClient, path: str, action: str) -> None:
    """Move a ticket along."""
    assert client.post(f"{path}/transitions", json={"action": action}).status_code == 200


def test_the_requester_answers_once_it_is_resolved_and_may_answer_anew(
    client: ApiClient, requester: ApiClient, database: MigratedDatabase, path: str
) -> None:
    early = requester.call("PUT", f"{path}/satisfaction", json={"score": 5})
    moved(client, path, "resolve")
    first = requester.call("PUT", f"{path}/satisfaction", json={"score": 2, "comment": "It burns again"})
    again = requester.call("PUT", f"{path}/satisfaction", json={"score": 2, "comment": "It burns again"})
    better = requester.call("PUT", f"{path}/satisfaction", json={"score": 4})

    assert (early.status_code, early.json["code"]) == (409, "action_not_allowed")
    assert (first.json["score"], first.json["comment"], first.json["may_rate"]) == (2, "It burns again", True)
    assert again.json == first.json
    assert (better.json["score"], better.json["comment"]) == (4, "")
    assert better.json["rated_at"] == first.json["rated_at"]
    assert client.get(f"{path}/satisfaction").json == {**better.json, "may_rate": False}
    told = database.rows(
        "SELECT convert_from(body, 'UTF8')::jsonb #> '{data,changes}' FROM events WHERE type = 'ticket.rated'"
    )
    assert told == [({"score": {"before": None, "after": 2}},), ({"score": {"before": 2, "after": 4}},)]
    (newest, *_) = requester.get(f"{path}/timeline?kind=rating").json["items"]
    assert newest["summary"] == "Test requester rated the ticket 4 of 5."


def test_nobody_else_answers(client: ApiClient, as_role: Any, path: str, count_rows: Any) -> None:
    moved(client, path, "resolve")
    refused = client.call("PUT", f"{path}/satisfaction", json={"score": 5})
    unseen = as_role(Role.REQUESTER).call("PUT", f"{path}/satisfaction", json={"score": 5})

    assert (refused.status_code, refused.json["permission"]) == (403, "ticket.rate")
    assert (unseen.status_code, unseen.json["code"]) == (404, "not_found")
    assert count_rows("ticket_ratings") == 0


def test_an_answer_may_change_until_thirty_days_after_the_ticket_was_closed(
    client: ApiClient, requester: ApiClient, database: MigratedDatabase, path: str
) -> None:
    moved(client, path, "resolve")
    moved(client, path, "close")
    database.move_clock(timedelta(days=29))
    in_time = requester.call("PUT", f"{path}/satisfaction", json={"score": 3})
    database.move_clock(timedelta(days=31))
    late = requester.call("PUT", f"{path}/satisfaction", json={"score": 1})

    assert (in_time.status_code, in_time.json["may_rate"]) == (200, True)
    assert in_time.json["until"] is not None
    assert (late.status_code, late.json["code"]) == (409, "action_not_allowed")
    assert (
        requester.get(f"{path}/satisfaction").json["score"],
        requester.get(f"{path}/satisfaction").json["may_rate"],
    ) == (3, False)


def test_a_score_is_a_whole_number_from_one_to_five(
    client: ApiClient, requester: ApiClient, *, path: str, snapshot: Any
) -> None:
    moved(client, path, "resolve")
    before = snapshot()
    for score in (0, 6, "5", 4.5, None, True):
        answer = requester.call("PUT", f"{path}/satisfaction", json={"score": score})
        assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "score")
    assert snapshot() == before


def test_requesters_are_asked_by_mail_once_each_time_it_is_resolved_where_that_is_wanted(
    client: ApiClient, rt: Runtime, database: MigratedDatabase, path: str
) -> None:
    person = client.post("/v1/users", json={"email": "rita@example.com", "name": "Rita", "role": "requester"}).json[
        "id"
    ]
    own = f"/v1/organizations/{client.get('/v1/organizations').json['items'][0]['id']}"
    asked = client.post("/v1/tickets", json={"subject": "Hers", "requester_id": person}).headers["Location"]
    moved(client, asked, "resolve")
    moved(client, asked, "reopen")
    assert client.patch(own, json={"ask_satisfaction": True}).json["ask_satisfaction"] is True
    # That of a program, which nobody can write to, and that of a person.
    for ticket in (path, asked):
        moved(client, ticket, "resolve")
    moved(client, asked, "reopen")
    moved(client, asked, "resolve")
    fan_out_notifications(rt)
    fan_out_notifications(rt)

    assert database.rows("SELECT kind, rule, count(*) FROM notifications GROUP BY 1, 2") == [
        ("ticket.rating_asked", "requester", 3)
    ]
    assert database.rows("SELECT user_id::text, reason, state FROM mails") == [(person, "requester", "pending")] * 2


def test_a_report_counts_what_was_answered_and_what_was_not(
    client: ApiClient, requester: ApiClient, database: MigratedDatabase, path: str
) -> None:
    silent, open_again = (
        requester.post("/v1/tickets", json={"subject": subject}).headers["Location"] for subject in ("a", "b")
    )
    for ticket in (path, silent, open_again):
        moved(client, ticket, "resolve")
    requester.call("PUT", f"{path}/satisfaction", json={"score": 5})
    requester.call("PUT", f"{open_again}/satisfaction", json={"score": 1})
    moved(client, open_again, "reopen")
    database.run(sql.SQL("UPDATE tickets SET resolved_at = '2026-05-31T22:30:00Z' WHERE resolved_at IS NOT NULL"))
    report = client.get(f"/v1/satisfaction-reports?{DAYS}&by=service").json
    months = client.get(f"/v1/satisfaction-reports?{DAYS}&by=team&every=month&time_zone=Europe/Berlin").json
    table = client.get(f"/v1/satisfaction-reports?{DAYS}&by=assignee&format=csv").text.splitlines()

    assert report["total"] == {
        "resolved": 2, "rated": 1, "response_rate": 0.5, "average": 5.0, "satisfied": 1.0, "satisfied_low": 0.2065,
        "satisfied_high": 1.0, "scores": [0, 0, 0, 0, 1],
    }  # fmt: skip
    (group,) = report["groups"]
    assert (group["name"], group["figures"]) == ("General", report["total"])
    assert [(one["since"], one["key"]) for one in months["groups"]] == [("2026-06-01", "none")]
    assert len(table) == 3
    assert table[0].startswith('"by","from","to","time_zone","key","name","resolved","rated"')


def test_a_report_counts_what_the_caller_sees(client: ApiClient, as_role: Any, path: str) -> None:
    moved(client, path, "resolve")
    agent, query = as_role(Role.AGENT), "/v1/satisfaction-reports?from=2026-01-01&to=2026-12-31&by=team"
    year = client.get(path).json["resolved_at"][:4]
    query = query.replace("2026", year)
    team = client.post("/v1/teams", json={"name": "Second line"}).json["id"]

    assert agent.get(query).json["total"]["resolved"] == 1
    assert client.patch(path, json={"team_id": team}).status_code == 200
    assert agent.get(query).json["total"]["resolved"] == 0
    assert client.get(query).json["groups"][0]["name"] == "Second line"
