"""Time in status over HTTP: every figure opens exactly the tickets that it counted, in JSON and as CSV."""

import csv
import io
from dataclasses import replace
from typing import Any

import pytest

from psms.runtime import Runtime
from psms.settings import Settings
from tests.api.conftest import ApiClient
from tests.api.sla_past import CSV, lived, opened, span
from tests.support.databases import MigratedDatabase
from tests.support.tenants import Tenant


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
