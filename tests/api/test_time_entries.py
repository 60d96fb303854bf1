"""Time that people spend on tickets: noted, corrected, taken back and told of; timers, one for each person."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from psms.domain.access import Role
from psms.settings import Settings
from tests.api.conftest import ApiClient
from tests.support.databases import MigratedDatabase

TOLD = "SELECT type, sequence FROM events WHERE type LIKE 'time.%%' ORDER BY id"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Settings under which tokens outlive the time that is taken here."""
    return replace(settings, token_lifetime_s=86_400)


@pytest.fixture
def path(client: ApiClient) -> str:
    """A ticket that every agent sees."""
    return str(client.post("/v1/tickets", json={"subject": "Printer on fire"}).headers["Location"])


@pytest.fixture
def agent(as_role: Any) -> ApiClient:
    """Somebody who works on tickets."""
    caller: ApiClient = as_role(Role.AGENT)
    return caller


def test_an_entry_is_noted_corrected_and_taken_back_and_each_is_told_of(
    client: ApiClient, agent: ApiClient, database: MigratedDatabase, path: str
) -> None:
    said = {"seconds": 900, "note": "Changed the drum", "activity": "repair", "worked_at": "2026-01-05T10:00:00Z"}
    made = agent.post(f"{path}/time-entries", json=said)
    address = made.headers["Location"]
    changed = agent.patch(address, json={"seconds": 1800, "billable": True}, headers={"If-Match": '"1"'})
    stale = agent.patch(address, json={"seconds": 1}, headers={"If-Match": '"1"'})

    assert made.status_code == 201
    assert {name: made.json[name] for name in said} == said
    assert (changed.json["seconds"], changed.json["billable"], changed.json["version"]) == (1800, True, 2)
    assert (stale.status_code, stale.json["code"]) == (412, "version_stale")
    assert client.get(f"{path}/time-totals").json == {
        "ticket_id": made.json["ticket_id"], "entries": 1, "seconds": 1800, "billable_seconds": 1800,
    }  # fmt: skip
    assert agent.call("DELETE", address).status_code == 204
    assert client.get(f"{path}/time-entries").json["items"] == []
    assert database.rows(TOLD) == [("time.logged", 2), ("time.changed", 3), ("time.removed", 4)]
    summaries = [item["summary"] for item in client.get(f"{path}/timeline?kind=time&order=asc").json["items"]]
    assert summaries == [
        "Test agent worked 15 min.",
        "Test agent corrected 15 min of work to 30 min.",
        "Test agent took back 30 min of work.",
    ]
    assert not [body for (body,) in database.rows("SELECT body FROM events") if b"drum" in bytes(body)]  # type: ignore[call-overload]


def test_time_of_others_is_changed_by_those_who_manage_it_alone(
    client: ApiClient, agent: ApiClient, as_role: Any, *, path: str, snapshot: Any
) -> None:
    address = client.post(f"{path}/time-entries", json={"seconds": 60}).headers["Location"]
    before = snapshot()
    refused = [agent.patch(address, json={"seconds": 1}), agent.call("DELETE", address)]
    after = snapshot()

    assert [(one.status_code, one.json["permission"]) for one in refused] == [(403, "time.manage")] * 2
    assert after["time_entries"] == before["time_entries"]
    assert after["events"] == before["events"]
    assert agent.get(address).json["seconds"] == 60
    assert as_role(Role.MANAGER).patch(address, json={"seconds": 1}).json["seconds"] == 1


NOT_ENTRIES: list[tuple[dict[str, Any], str]] = [
    ({}, "seconds"),
    ({"seconds": 0}, "seconds"),
    ({"seconds": 31 * 86_400 + 1}, "seconds"),
    ({"seconds": "60"}, "seconds"),
    ({"seconds": 60, "worked_at": "2999-01-01T00:00:00Z"}, "worked_at"),
    ({"seconds": 60, "activity": " "}, "activity"),
    ({"seconds": 60, "user_id": "0192f0c1-0000-7000-8000-000000000001"}, "user_id"),
]


def test_what_cannot_be_is_refused_and_changes_nothing(client: ApiClient, snapshot: Any, path: str) -> None:
    before = snapshot()
    for body, field in NOT_ENTRIES:
        answer = client.post(f"{path}/time-entries", json=body)
        assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, field)
    assert snapshot() == before


def test_an_entry_is_found_on_its_own_ticket_alone(client: ApiClient, path: str) -> None:
    entry_id = client.post(f"{path}/time-entries", json={"seconds": 60}).json["id"]
    other = client.post("/v1/tickets", json={"subject": "Another"}).headers["Location"]

    assert client.get(f"{path}/time-entries/{entry_id}").status_code == 200
    assert client.get(f"{other}/time-entries/{entry_id}").status_code == 404
    assert client.patch(f"{other}/time-entries/{entry_id}", json={"seconds": 1}).status_code == 404


def test_a_timer_becomes_an_entry_when_it_is_stopped_and_only_once(
    agent: ApiClient, database: MigratedDatabase, path: str
) -> None:
    said = {"note": "On site", "activity": "travel", "billable": True}
    started = agent.call("PUT", f"{path}/timer", json=said)
    again = agent.call("PUT", f"{path}/timer", json={"note": "Other"})
    database.move_clock(timedelta(minutes=40))
    entry = agent.post(f"{path}/timer/stop")
    late = agent.post(f"{path}/timer/stop")

    assert started.status_code == 200
    assert again.json == started.json
    assert 2400 <= entry.json["seconds"] < 2460
    assert {name: entry.json[name] for name in said} == said
    assert entry.json["worked_at"] == started.json["started_at"]
    assert (late.status_code, late.json["code"]) == (404, "not_found")
    assert len(agent.get(f"{path}/time-entries").json["items"]) == 1


def test_a_person_has_one_timer_and_others_see_it_who_manage_time(
    client: ApiClient, agent: ApiClient, as_role: Any, path: str
) -> None:
    other = client.post("/v1/tickets", json={"subject": "Another"}).headers["Location"]
    timer = agent.call("PUT", f"{path}/timer").json
    refused = agent.call("PUT", f"{other}/timer")
    colleague = as_role(Role.AGENT)

    assert (refused.status_code, refused.json["code"]) == (409, "already_exists")
    assert refused.json["ticket_id"] == timer["ticket_id"]
    assert [one["id"] for one in client.get("/v1/timers").json["items"]] == [timer["id"]]
    assert colleague.get("/v1/timers").json["items"] == []
    assert colleague.call("DELETE", f"/v1/timers/{timer['id']}").status_code == 404
    assert agent.call("DELETE", f"/v1/timers/{timer['id']}").status_code == 204
    assert agent.call("PUT", f"{other}/timer").status_code == 200


def test_a_timer_on_a_ticket_that_is_out_of_sight_can_be_ended(client: ApiClient, agent: ApiClient, path: str) -> None:
    timer = agent.call("PUT", f"{path}/timer").json
    team = client.post("/v1/teams", json={"name": "Second line"}).json["id"]
    assert client.patch(path, json={"team_id": team}).status_code == 200

    assert agent.post(f"{path}/timer/stop").status_code == 404
    assert [one["id"] for one in agent.get("/v1/timers").json["items"]] == [timer["id"]]
    assert agent.call("DELETE", f"/v1/timers/{timer['id']}").status_code == 204


def worked(client: ApiClient, path: str, at: str, seconds: int, **said: object) -> None:
    """Note work."""
    body = {"seconds": seconds, "worked_at": at, **said}
    assert client.post(f"{path}/time-entries", json=body).status_code == 201


def report(client: ApiClient, query: str) -> dict[str, Any]:
    """Return a report."""
    answer = client.get(f"/v1/time-reports?{query}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json
    return found


def test_a_month_is_that_of_the_zone_that_is_asked_for(client: ApiClient, path: str) -> None:
    worked(client, path, "2026-05-31T21:59:59Z", 1)
    worked(client, path, "2026-05-31T22:00:00Z", 10)
    worked(client, path, "2026-06-30T21:59:59Z", 100, billable=True)
    worked(client, path, "2026-06-30T22:00:00Z", 1000)

    def june(zone: str) -> int:
        return int(report(client, f"from=2026-06-01&to=2026-06-30&by=user&time_zone={zone}")["seconds"])

    assert (june("Europe/Berlin"), june("UTC"), june("America/New_York")) == (110, 1100, 1100)
    months = report(client, "from=2026-05-01&to=2026-07-31&by=billable&every=month&time_zone=Europe/Berlin")
    assert [(one["since"], one["key"], one["seconds"]) for one in months["sums"]] == [
        ("2026-05-01", "not_billable", 1),
        ("2026-06-01", "billable", 100),
        ("2026-06-01", "not_billable", 10),
        ("2026-07-01", "not_billable", 1000),
    ]
    assert (months["entries"], months["seconds"], months["billable_seconds"]) == (4, 1111, 100)


def test_a_report_is_divided_by_what_is_asked_in_json_and_csv(client: ApiClient, path: str) -> None:
    worked(client, path, "2026-06-10T12:00:00Z", 5400, activity="=travel", billable=True)
    names = {"user": "Test admin", "customer": "Test admin", "service": "General"}
    for by in ("user", "team", "service", "customer", "billable", "activity"):
        query = f"from=2026-06-01&to=2026-06-30&by={by}"
        (one,) = report(client, query)["sums"]
        table = client.get(f"/v1/time-reports?{query}&format=csv")

        assert (one["seconds"], one["tickets"], one["entries"]) == (5400, 1, 1)
        assert one["name"] == names.get(by)
        assert table.headers["Content-Type"].startswith("text/csv")
        header, row = table.text.splitlines()
        assert header.startswith('"by","from","to","time_zone","key","name"')
        assert '"5400","1.5","5400"' in row
        assert (by != "activity") or '"\'=travel"' in row


def test_who_sees_no_ticket_of_it_counts_no_work_on_it(client: ApiClient, agent: ApiClient, path: str) -> None:
    worked(client, path, "2026-06-10T12:00:00Z", 60)
    team = client.post("/v1/teams", json={"name": "Second line"}).json["id"]
    query = "from=2026-06-01&to=2026-06-30&by=user"

    assert report(agent, query)["seconds"] == 60
    assert client.patch(path, json={"team_id": team}).status_code == 200
    assert report(agent, query)["seconds"] == 0


NOT_DAYS = [
    ("from=2026-06-02&to=2026-06-01&by=user", "to"),
    ("from=2025-01-01&to=2026-06-01&by=user", "from"),
    ("from=2026-06-01&to=2026-06-31&by=user", "to"),
    ("from=2026-W01-1&to=2026-06-30&by=user", "from"),
    ("from=2026-06-01&to=2026-06-30&by=mood", "by"),
    ("from=2026-06-01&to=2026-06-30&by=user&time_zone=Mars/Olympus", "time_zone"),
]


def test_a_report_of_days_that_are_none_is_refused(client: ApiClient) -> None:
    for query, field in NOT_DAYS:
        answer = client.get(f"/v1/time-reports?{query}")
        assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, field)
