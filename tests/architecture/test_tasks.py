"""Tasks, queues and Beat fit together, and each rule notices when they do not."""

from enum import StrEnum

import pytest
from celery import Celery

from beat_schedule import BEAT_SCHEDULE
from psms.settings import Settings
from tests.architecture import task_rules as rules
from tests.architecture.sources import Source, python_files
from workers.app import make_celery
from workflows.drains import DRAINS
from workflows.names import QUEUE_OF, Queue, Task

TASK_FILES = python_files(("workers/tasks",))


@pytest.fixture(scope="module")
def celery():
    env = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", "REDIS_URL": "redis://127.0.0.1:1/0"}
    app = make_celery(Settings.from_env(env))
    app.loader.import_default_modules()
    return app


def test_every_task_name_is_registered_exactly_once():
    assert rules.not_registered_once(TASK_FILES, Task) == []


def test_celery_knows_exactly_these_tasks(celery):
    ours = {name for name in celery.tasks if not name.startswith("celery.")}

    assert ours == {task.value for task in Task}


def test_no_task_takes_arguments(celery):
    assert rules.tasks_with_arguments(celery.tasks) == []


def test_every_task_has_a_queue():
    assert set(QUEUE_OF) == set(Task)
    assert set(QUEUE_OF.values()) <= set(Queue)


def test_every_task_has_a_drain():
    assert set(DRAINS) == set(Task)


def test_every_entry_of_beat_is_sound(celery):
    assert rules.unsound_schedule(BEAT_SCHEDULE, celery.tasks, QUEUE_OF) == []


def test_beat_sends_every_drain():
    assert rules.unscheduled(BEAT_SCHEDULE, Task) == []


class Sample(StrEnum):
    RELAY = "outbox.relay"
    PRUNE = "upkeep.prune"


SAMPLE_QUEUES = {"outbox.relay": "relay", "upkeep.prune": "upkeep"}
RELAY = "@app.task(name=Task.RELAY)\ndef relay(): ...\n"
PRUNE = "@app.task(name=Task.PRUNE)\ndef prune(): ...\n"


@pytest.mark.parametrize(("text", "count"), [(RELAY + PRUNE, 0), (RELAY, 1), (RELAY + RELAY + PRUNE, 1), ("", 2)])
def test_a_name_registered_otherwise_than_once_is_noticed(text, count):
    assert len(rules.not_registered_once([Source("workers/tasks/sample.py", text)], Sample)) == count


def test_a_task_that_takes_arguments_is_noticed():
    app = Celery("sample", set_as_current=False)

    @app.task(name="relay", bind=True)
    def relay(task):
        return task

    @app.task(name="deliver")
    def deliver(delivery_id):
        return delivery_id

    app.finalize()

    assert rules.tasks_with_arguments(app.tasks) == ["deliver takes arguments; what is to be done stands in a row"]


@pytest.mark.parametrize(
    ("entry", "count"),
    [
        ({"task": "outbox.relay", "schedule": 1.0}, 0),
        ({"task": "outbox.relay", "schedule": 1.0, "options": {"queue": "relay"}}, 0),
        ({"task": "outbox.relya", "schedule": 1.0}, 1),
        ({"task": "outbox.relay", "schedule": 1.0, "args": (1,)}, 1),
        ({"task": "outbox.relay", "schedule": 1.0, "options": {"queue": "bulk"}}, 1),
        ({"task": "outbox.relay", "schedule": 1.0, "options": {"expires": 5}}, 1),
    ],
)
def test_an_unsound_entry_of_beat_is_noticed(entry, count):
    assert len(rules.unsound_schedule({"entry": entry}, list(Sample), SAMPLE_QUEUES)) == count


def test_a_drain_that_beat_never_sends_is_noticed():
    schedule = {"relay": {"task": Sample.RELAY, "schedule": 1.0}}

    assert rules.unscheduled(schedule, Sample) == ["Beat never sends Task.PRUNE"]
