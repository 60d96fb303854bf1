"""Reports on SLA over HTTP: every figure opens exactly the tickets that it counted, in JSON and as CSV."""

import csv
import io
from dataclasses import replace
from typing import Any

import pytest

from psms.domain.access import Role
from psms.runtime import Runtime
from psms.settings import Settings
from tests.api.conftest import ApiClient
from tests.api.sla_past import lived, opened, span
from tests.support.databases import MigratedDatabase
from tests.support.tenants import Tenant

BYS = ("team", "service", "customer", "priority", "policy", "metric")


def report(client: ApiClient, **query: str) -> dict[str, Any]:
    """Return a report over the two days around now."""
    answer = client.get(f"/v1/sla-reports/attainment?{span(**query)}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json
    return found


def figures(group: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the figures of a group by their names."""
    causes: dict[str, dict[str, Any]] = group["causes"]
    return {name: group[name] for name in ("met", "missed", "running_over", "cancelled")} | causes


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Settings under which tokens outlive the hours that go by here."""
    return replace(settings, token_lifetime_s=86_400)


@pytest.fixture
def past(client: ApiClient, rt: Runtime, database: MigratedDatabase, demo: Tenant) -> dict[str, str]:
    """Tickets that came to every kind of end."""
    return lived(client, rt, database, demo)


def test_each_miss_is_counted_under_the_first_cause_that_holds(client: ApiClient, past: dict[str, str]) -> None:
    found = report(client, by="metric")
    groups = {group["key"]: group for group in found["groups"]}

    def tickets(metric: str, figure: str) -> set[str]:
        names = {id_: name for name, id_ in past.items()}
        return {names[id_] for id_ in opened(client, figures(groups[metric])[figure]["opens"])}

    assert {name: tickets("first_response", name) for name in figures(found["total"])} == {
        "met": {"in_time", "retargeted", "reopened", "interrupted", "long"},
        "missed": {"never_answered", "answered_late"},
        "running_over": {"never_answered"},
        "cancelled": {"cancelled"},
        "retargeted": set(),
        "reopened": set(),
        "never_answered": {"never_answered"},
        "answered_late": {"answered_late"},
        "unanswered": set(),
        "interrupted": set(),
        "took_too_long": set(),
    }
    assert {name: tickets("resolution", name) for name in figures(found["total"])} == {
        "met": {"in_time"},
        "missed": {"never_answered", "answered_late", "retargeted", "reopened", "interrupted", "long"},
        "running_over": {"never_answered", "answered_late", "retargeted", "reopened", "interrupted"},
        "cancelled": {"cancelled"},
        "retargeted": {"retargeted"},
        "reopened": {"reopened"},
        "never_answered": set(),
        "answered_late": set(),
        "unanswered": {"never_answered"},
        "interrupted": {"interrupted"},
        "took_too_long": {"answered_late", "long"},
    }
    assert groups["first_response"]["attainment"] == round(5 / 7, 4)
    assert found["total"]["attainment"] == round(6 / 14, 4)
    assert found["complete"] is True


@pytest.mark.parametrize("by", BYS)
def test_every_figure_opens_exactly_the_tickets_that_it_counted(
    client: ApiClient, past: dict[str, str], *, by: str
) -> None:
    found = report(client, by=by)

    assert found["groups"]
    for group in (found["total"], *found["groups"]):
        for name, figure in figures(group).items():
            listed = opened(client, figure["opens"])
            assert (len(listed), len(set(listed))) == (figure["tickets"], figure["tickets"]), (group["key"], name)
        causes = sum(figure["clocks"] for figure in group["causes"].values())
        assert causes == group["missed"]["clocks"]
    assert found["total"]["missed"]["clocks"] == sum(group["missed"]["clocks"] for group in found["groups"])


def test_a_listed_ticket_has_the_fields_that_it_has_elsewhere(client: ApiClient, past: dict[str, str]) -> None:
    listed = client.get(report(client, by="team")["total"]["met"]["opens"]).json["items"]

    assert [ticket == client.get(f"/v1/tickets/{ticket['id']}").json for ticket in listed] == [True] * 5


def test_a_report_speaks_of_one_metric_where_it_is_asked_to(client: ApiClient, past: dict[str, str]) -> None:
    found = report(client, by="metric", metric="resolution")

    assert [group["key"] for group in found["groups"]] == ["resolution"]
    assert found["total"]["missed"]["clocks"] == 6


def test_a50b_a_report_is_to_be_had_as_csv_in_which_nothing_is_a_formula(
    client: ApiClient, past: dict[str, str]
) -> None:
    team = client.post("/v1/teams", json={"name": "=HYPERLINK(1)"}).json["id"]
    client.patch(f"/v1/tickets/{past['long']}", json={"team_id": team})
    by_accept = client.get(f"/v1/sla-reports/attainment?{span(by='team')}", headers={"Accept": "text/csv"})
    by_query = client.get(f"/v1/sla-reports/attainment?{span(by='team')}&format=csv")

    assert (
        by_accept.headers["Content-Type"]
        == by_query.headers["Content-Type"]
        == "text/csv; charset=utf-8; header=present"
    )
    assert by_accept.headers["Content-Disposition"] == 'attachment; filename="sla-attainment.csv"'
    assert by_accept.data == by_query.data
    rows = list(csv.DictReader(io.StringIO(by_accept.data.decode(), newline="")))
    found = report(client, by="team")
    assert [row["key"] for row in rows] == ["", *(group["key"] for group in found["groups"])]
    assert {row["key"]: row["name"] for row in rows} == {"": "", "none": "", team: "'=HYPERLINK(1)"}
    for row, group in zip(rows, (found["total"], *found["groups"]), strict=True):
        expected = {
            f"{name}_{what}": str(one[what]) for name, one in figures(group).items() for what in ("clocks", "tickets")
        }
        assert {name: row[name] for name in expected} == expected
        assert row["attainment"] == str(group["attainment"])


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("none", (200, [])),
        ("nobody", (200, [])),
        ("'; DROP TABLE tickets; --", (200, [])),
        # A character that no text in the database has.
        ("%00", (422, None)),
    ],
)
def test_a_key_that_is_none_of_the_groups_lists_nothing(
    client: ApiClient, past: dict[str, str], *, key: str, expected: tuple[int, Any]
) -> None:
    answers = [
        client.get(f"/v1/sla-reports/attainment/tickets?{span(by='service', figure='met', key=key)}"),
        client.get(f"/v1/sla-reports/time-in-status/tickets?{span(by='service', status='new', key=key)}"),
    ]

    assert [(answer.status_code, answer.json.get("items")) for answer in answers] == [expected, expected]


def test_who_accepts_neither_json_nor_csv_is_told_so(client: ApiClient) -> None:
    answer = client.get(f"/v1/sla-reports/attainment?{span(by='team')}", headers={"Accept": "application/pdf"})

    assert (answer.status_code, answer.json["code"]) == (406, "not_acceptable")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("from=2026-01-01T00:00:00Z&to=2027-01-02T00:00:01Z&by=team", "from"),
        ("from=2026-01-01T00:00:00Z&to=2026-01-01T00:00:00Z&by=team", "to"),
        ("from=2026-01-01T00:00:00Z&by=team", "to"),
        ("from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z&by=colour", "by"),
        ("from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z&by=team&format=pdf", "format"),
        ("from=1970-01-01T00:00:00Z&to=8999-12-31T23:59:59Z&by=team", "from"),
    ],
)
def test_a_report_that_cannot_be_made_is_refused_by_its_field(client: ApiClient, *, query: str, field: str) -> None:
    answer = client.get(f"/v1/sla-reports/attainment?{query}")

    assert (answer.status_code, [error["field"] for error in answer.json["errors"]]) == (422, [field])


def test_an_agent_counts_the_tickets_that_they_see_and_no_others(
    client: ApiClient, as_role: Any, past: dict[str, str]
) -> None:
    agent = as_role(Role.AGENT)
    team = client.post("/v1/teams", json={"name": "Others"}).json["id"]
    client.patch(f"/v1/tickets/{past['long']}", json={"team_id": team})
    found = report(agent, by="team", metric="resolution")

    assert (found["total"]["missed"]["tickets"], [group["key"] for group in found["groups"]]) == (5, ["none"])
    assert past["long"] not in opened(agent, found["total"]["missed"]["opens"])
    opens = next(group for group in report(client, by="team")["groups"] if group["key"] == team)["missed"]["opens"]
    assert (opened(client, opens), opened(agent, opens)) == ([past["long"]], [])


def test_a_report_counts_nothing_of_another_organization(other_client: ApiClient, past: dict[str, str]) -> None:
    found = report(other_client, by="team")

    assert (found["total"]["missed"]["clocks"], found["groups"], found["total"]["attainment"]) == (0, [], None)
