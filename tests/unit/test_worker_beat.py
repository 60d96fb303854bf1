"""Beat as a metronome: what it nudges and when, with a nudger that only writes down."""

import time

import pytest

from beat_schedule import BEAT_SCHEDULE, EVERY
from psms.settings import Settings
from tests.support.fakes import RecordingNudger
from workers.app import make_celery
from workers.beat import Metronome
from workflows.names import Task

SERVERS = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", "REDIS_URL": "redis://127.0.0.1:1/0"}


@pytest.fixture
def nudger():
    return RecordingNudger()


@pytest.fixture
def metronome(nudger):
    app = make_celery(Settings.from_env(SERVERS))
    app.conf.beat_schedule = BEAT_SCHEDULE
    return Metronome(app=app, nudger=nudger)


def test_its_schedule_is_ours_and_nothing_of_celerys_own(metronome):
    assert set(metronome.schedule) == {task.value for task in Task}
    assert {name: entry.schedule.run_every for name, entry in metronome.schedule.items()} == EVERY


def test_each_tick_nudges_what_is_due_without_a_server(metronome, nudger):
    deadline = time.monotonic() + 1.6
    while time.monotonic() < deadline:
        metronome.tick()

    assert 1 <= nudger.nudges.count(Task.RELAY_OUTBOX) <= 2
    assert Task.KEEP_HOUSE not in nudger.nudges


def test_it_asks_for_no_connection(metronome):
    assert metronome.producer is None
    metronome.close()
