"""A promise of five seconds is escalated once, within two seconds of its due time, with three Beats and with none."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta

import pytest

from tests.support.crew import assert_clocks_follow_from_their_ledgers
from tests.support.extras import environment_of, frozen, one_more, state_of
from tests.support.scene import Scene, Stage, running_stage, scene_on
from tests.support.stacks import process_of, processes_of
from tests.support.waiting import eventually

TARGET = timedelta(seconds=5)
WITHIN = timedelta(seconds=2)
TICKETS = 20
ESCALATIONS = """SELECT t.id, c.due_at, c.breached_at, e.occurred_at FROM tickets t
    JOIN sla_clocks c ON c.ticket_id = t.id
    JOIN events e ON e.ticket_id = t.id AND e.type = 'sla.escalated' WHERE starts_with(t.subject, %s)"""
LOGGED = """SELECT count(*) FROM logs l JOIN tickets t ON t.id = l.target_id
    WHERE l.action = 'sla.escalated' AND starts_with(t.subject, %s)"""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with running_stage(tmp_path_factory.mktemp("desk")) as running:
        promise = {"name": "Five seconds", "first_response_seconds": int(TARGET.total_seconds())}
        assert running.desk.call("POST", "/v1/sla-policies", json=promise).status_code == 201
        yield running
        assert_clocks_follow_from_their_ledgers(environment_of(running.home))


def assert_escalated_once_and_on_time(scene: Scene, count: int) -> None:
    ledger = scene.stage.ledger
    eventually(lambda: len(ledger.rows(ESCALATIONS, scene.subject)) >= count, within=20, what="every escalation")
    scene.assert_nothing_lost_or_doubled(count)
    rows = ledger.rows(ESCALATIONS, scene.subject)
    assert len({row[0] for row in rows}) == len(rows) == count
    assert ledger.rows(LOGGED, scene.subject) == [(count,)]
    for _, due_at, breached_at, escalated_at in rows:
        assert isinstance(due_at, datetime)
        assert isinstance(escalated_at, datetime)
        assert breached_at == due_at
        assert timedelta(0) <= escalated_at - due_at < WITHIN


def test_three_beats_escalate_once(stage, rounds):
    with ExitStack() as beats, scene_on(stage) as scene:
        others = [beats.enter_context(one_more(stage.home, f"beat-{n}", "beat")) for n in (2, 3)]
        scene.file(TICKETS * rounds, per_second=10)
        assert_escalated_once_and_on_time(scene, TICKETS * rounds)
        # That of the stack and two more, all at work.
        beats_now = {
            pid for pid, line in processes_of(stage.home).items() if "psms beat" in line and "leash" not in line
        }
        assert set(others) < beats_now
        assert [state_of(pid) in "SR" for pid in beats_now] == [True] * 3


def test_without_a_beat_workers_look_by_themselves(stage, rounds):
    with scene_on(stage) as scene, frozen(process_of(stage.home, "psms beat")):
        scene.file(TICKETS * rounds, per_second=10)
        assert_escalated_once_and_on_time(scene, TICKETS * rounds)
