"""Time in status over HTTP: every figure opens exactly the tickets that it counted, in JSON and as CSV."""

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from psms.domain.access import Role
from psms.domain.sla.time_in_status import TicketBy, TimeQuestion
from psms.errors import FieldError
from psms.runtime import Runtime
from psms.settings import Settings
from tests.api.conftest import ApiClient
from tests.api.sla_past import CSV, lived, opened, span
from tests.support.databases import MigratedDatabase
from tests.support.tenants import Tenant
from workflows.sla_times import time_in_status


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Settings under which tokens outlive the hours that go by here."""
    return replace(settings, token_lifetime_s=86_400)


@pytest.fixture
def past(client: ApiClient, rt: Runtime, database: MigratedDatabase, demo: Tenant) -> dict[str, str]:
    """Tickets that came to every kind of end."""
    return lived(client, rt, database, demo)


def times(client: ApiClient, **query: str) -> dict[str, Any]:
    """Return the report on time in status over the two days around now."""
    answer = client.get(f"/v1/sla-reports/time-in-status?{span(**query)}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json
    return found


@pytest.mark.parametrize("by", ["team", "service", "customer", "priority"])
def test_every_time_opens_exactly_the_tickets_that_it_counted(
    client: ApiClient, past: dict[str, str], *, by: str
) -> None:
    found = times(client, by=by)

    assert (found["tickets"], found["without_history"]) == (len(past), 0)
    for group in (found["total"], *found["groups"]):
        for status, time in group["statuses"].items():
            listed = opened(client, time["opens"])
            assert (len(listed), len(set(listed))) == (time["tickets"], time["tickets"]), (group["key"], status)
    for status, time in found["total"]["statuses"].items():
        shares = [group["statuses"][status] for group in found["groups"]]
        assert sum(share["tickets"] for share in shares) == time["tickets"]
        # Each is cut to whole seconds.
        assert 0 <= time["wall_seconds"] - sum(share["wall_seconds"] for share in shares) <= len(shares)


def test_time_in_a_status_is_told_on_the_wall_and_in_open_time(client: ApiClient, past: dict[str, str]) -> None:
    by_status = times(client, by="team")["total"]["statuses"]
    names = {id_: name for name, id_ in past.items()}
    pending = by_status["pending"]

    assert [names[id_] for id_ in opened(client, pending["opens"])] == ["interrupted"]
    # Pending from the 20th to the 25th minute; without a calendar every instant counts.
    assert pending["wall_seconds"] in range(298, 330)
    assert pending["open_seconds"] == pending["wall_seconds"]
    assert {names[id_] for id_ in opened(client, by_status["resolved"]["opens"])} == {"in_time", "reopened", "long"}
    assert by_status["on_hold"] == {
        "tickets": 0, "wall_seconds": 0, "open_seconds": 0, "opens": by_status["on_hold"]["opens"],
    }  # fmt: skip


def test_time_in_status_is_to_be_had_as_csv(client: ApiClient, past: dict[str, str]) -> None:
    answer = client.get(f"/v1/sla-reports/time-in-status?{span(by='priority')}&format=csv")
    rows = list(csv.DictReader(io.StringIO(answer.data.decode(), newline="")))
    found = times(client, by="priority")

    assert answer.headers["Content-Type"] == CSV
    assert [(row["key"], row["status"], row["tickets"]) for row in rows] == [
        (group["key"] or "", status, str(time["tickets"]))
        for group in (found["total"], *found["groups"])
        for status, time in group["statuses"].items()
    ]


def test_an_agent_is_told_the_time_of_the_tickets_that_they_see_and_no_others(
    client: ApiClient, as_role: Any, past: dict[str, str]
) -> None:
    agent = as_role(Role.AGENT)
    team = client.post("/v1/teams", json={"name": "Others"}).json["id"]
    client.patch(f"/v1/tickets/{past['long']}", json={"team_id": team})
    total = times(agent, by="team")["total"]["statuses"]
    hidden = times(client, by="team")["groups"]
    opens = next(group for group in hidden if group["key"] == team)["statuses"]["resolved"]["opens"]

    assert (total["new"]["tickets"], total["resolved"]["tickets"]) == (len(past) - 1, 2)
    assert past["long"] not in opened(agent, total["resolved"]["opens"])
    assert (opened(client, opens), opened(agent, opens)) == ([past["long"]], [])


def test_time_in_status_tells_nothing_of_another_organization(other_client: ApiClient, past: dict[str, str]) -> None:
    found = times(other_client, by="team")

    assert (found["tickets"], found["groups"], found["total"]["statuses"]["new"]["tickets"]) == (0, [], 0)


def test_more_tickets_than_can_be_timed_at_once_are_refused(rt: Runtime, demo: Tenant, past: dict[str, str]) -> None:
    now = datetime.now(UTC)
    question = TimeQuestion(since=now - timedelta(days=1), until=now + timedelta(days=1), by=TicketBy.TEAM)

    with pytest.raises(FieldError, match="from: more than 7 tickets were filed in this span"):
        time_in_status(rt, demo.actor, question, most=len(past) - 1)
    assert time_in_status(rt, demo.actor, question, most=len(past)).tickets == len(past)
