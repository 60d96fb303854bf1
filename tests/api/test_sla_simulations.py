"""A policy tried on the past over HTTP: what it answers, and what it refuses by its field."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.api.conftest import ApiClient
from tests.support.databases import MigratedDatabase


def question(policy: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """Return a simulation over the two days around now."""
    now = datetime.now(UTC)
    span = {"from": (now - timedelta(days=1)).isoformat(), "to": (now + timedelta(days=1)).isoformat()}
    return {"policy": {"name": "Tried", **policy}, **span, **changed}


def test_a_simulation_says_what_was_and_what_would_have_been(client: ApiClient, database: MigratedDatabase) -> None:
    client.post("/v1/sla-policies", json={"name": "P", "resolution_seconds": 3600})
    filed = client.post("/v1/tickets", json={"subject": "Slow"}).json
    database.move_clock(timedelta(minutes=5))
    client.post(f"/v1/tickets/{filed['id']}/transitions", json={"action": "resolve"})
    answer = client.post("/v1/sla-simulations", json=question({"resolution_seconds": 60}))

    assert answer.status_code == 200, answer.text
    found = answer.json
    nothing = {"met": 0, "missed": 0, "running": 0, "cancelled": 0}
    assert (found["filed"], found["tickets"], found["without_history"], found["different"]) == (1, 1, 0, 1)
    assert found["metrics"]["resolution"] == {"really": nothing | {"met": 1}, "simulated": nothing | {"missed": 1}}
    assert found["metrics"]["first_response"] == {"really": nothing, "simulated": nothing}
    assert found["differences"] == [
        {
            "ticket_id": filed["id"], "number": filed["number"], "metric": "resolution",
            "really": "met", "simulated": "missed",
        },
    ]  # fmt: skip
    assert found["levels"] == [
        {"metric": "resolution", "level": "at_risk", "clocks": 1, "tickets": 1},
        {"metric": "resolution", "level": "breach", "clocks": 1, "tickets": 1},
    ]
    assert (found["used"]["calendars"], found["used"]["roles_at"]) == ([], found["at"])
    (entry,) = client.get("/v1/logs?action=sla.simulated").json["items"]
    assert (entry["after"]["tickets"], entry["after"]["different"]) == (1, 1)


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        (question({}), "targets"),
        (question({"resolution_seconds": 60}, to="2020-01-01T00:00:00Z"), "to"),
        (question({"resolution_seconds": 60}, **{"from": "2020-01-01T00:00:00Z"}), "from"),
        (question({"resolution_seconds": 60}, match="some"), "match"),
        (question({"resolution_seconds": 0}), "policy.resolution_seconds"),
    ],
)
def test_what_cannot_be_tried_is_refused_by_its_field(still: ApiClient, *, asked: dict[str, Any], field: str) -> None:
    answer = still.post("/v1/sla-simulations", json=asked)

    assert (answer.status_code, [error["field"] for error in answer.json["errors"]]) == (422, [field])
