"""Workers and Beat whose machines' clocks are an hour off: escalations and webhooks are on time and rightly signed."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from psms.settings import LOOPBACK
from tests.support.crew import assert_clocks_follow_from_their_ledgers
from tests.support.extras import environment_of
from tests.support.keys import TEST_KEK
from tests.support.scene import Stage, running_stage, scene_on
from tests.support.waiting import eventually

SHIM = Path(__file__).parents[1] / "support" / "wrong_clock"
HOUR = timedelta(hours=1)
TICKETS = 20
WITHIN = timedelta(seconds=2)
OFF = {
    "workers fast, Beat slow": {"core": HOUR, "webhooks": HOUR, "beat": -HOUR},
    "workers slow, Beat fast": {"core": -HOUR, "webhooks": -HOUR, "beat": HOUR},
}
PARTS = {"core": "--name core", "webhooks": "--name webhooks", "beat": "psms beat"}
ESCALATED = """SELECT e.occurred_at - c.due_at FROM tickets t
    JOIN sla_clocks c ON c.ticket_id = t.id
    JOIN events e ON e.ticket_id = t.id AND e.type = 'sla.escalated' WHERE starts_with(t.subject, %s)"""


@pytest.fixture(scope="module", params=OFF)
def off(request: pytest.FixtureRequest) -> dict[str, timedelta]:
    """How wrong the clock of each process is."""
    return OFF[request.param]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, off: dict[str, timedelta]) -> Iterator[Stage]:
    variables = {
        "PYTHONPATH": str(SHIM),
        "WRONG_CLOCK": ",".join(f"{PARTS[name]}={wrong.total_seconds():g}" for name, wrong in off.items()),
        # Its logs have the instants at which a process believes itself to be.
        "PSMS_ENV": "staging",
        "PSMS_EGRESS_ALLOW": LOOPBACK,
        "PSMS_KEK": TEST_KEK,
    }
    with running_stage(tmp_path_factory.mktemp("desk"), **variables) as running:
        promise = {"name": "Two seconds", "first_response_seconds": 2}
        assert running.desk.call("POST", "/v1/sla-policies", json=promise).status_code == 201
        yield running
        assert_clocks_follow_from_their_ledgers({**environment_of(running.home), **variables})


def error_of(stage: Stage, name: str) -> timedelta:
    """Return how wrong a process's clock is, to the minute, by the last line of its log."""
    lines = (stage.home / "logs" / f"{name}.log").read_text(encoding="utf-8").splitlines()
    said = [json.loads(line)["timestamp"] for line in lines if line.startswith("{")]
    written = datetime.fromtimestamp((stage.home / "logs" / f"{name}.log").stat().st_mtime, UTC)
    return timedelta(minutes=round((datetime.fromisoformat(said[-1]) - written) / timedelta(minutes=1)))


def test_processes_an_hour_off_keep_every_promise_on_time(stage, off, rounds):
    with scene_on(stage) as scene:
        scene.file(TICKETS * rounds, per_second=10)
        count = TICKETS * rounds
        eventually(lambda: len(stage.ledger.rows(ESCALATED, scene.subject)) >= count, within=20)
        scene.assert_nothing_lost_or_doubled(count)
        late = [row[0] for row in stage.ledger.rows(ESCALATED, scene.subject)]
        signed = [int(request.headers["webhook-timestamp"]) for request in scene.partner.received]

        assert len(late) == count
        assert all(isinstance(by, timedelta) and timedelta(0) <= by < WITHIN for by in late)
        assert len(scene.partner.received) == len(scene.partner.distinct_ids()) == 4 * count
        assert max(abs(at - datetime.now(UTC).timestamp()) for at in signed) < HOUR.total_seconds() / 4
    assert {name: error_of(stage, name) for name in off} == off
