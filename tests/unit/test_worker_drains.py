"""What a worker makes of its drains: errors end in the log, the fallback runs what nobody asked for."""

import itertools
import threading
import time
from collections.abc import Callable

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from beat_schedule import EVERY
from psms.errors import DependencyUnavailable
from tests.support.waiting import eventually
from workers.base import Drains
from workers.fallback import Fallback
from workflows.names import Task

RELAY = Task.RELAY_OUTBOX


@pytest.fixture
def stopping():
    event = threading.Event()
    yield event
    event.set()


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def noting(ran: list[Task], task: Task) -> Callable[[], int]:
    """Return a drain that notes that it ran."""

    def drain() -> int:
        ran.append(task)
        return 0

    return drain


def raising(*problems: Exception | None) -> Callable[[], int]:
    """Return a drain that raises these in turn, and nothing where None stands."""
    in_turn = iter(problems)

    def drain() -> int:
        problem = next(in_turn)
        if problem is not None:
            raise problem
        return 0

    return drain


def test_a_run_is_counted_by_who_asked_for_it(stopping):
    before = counted("psms_drains_total", task=RELAY, asked_by="nudge")
    Drains({RELAY: lambda: 7}, stopping).run(RELAY, asked_by="nudge")

    assert counted("psms_drains_total", task=RELAY, asked_by="nudge") == before + 1


def test_what_a_worker_finds_by_looking_though_nobody_asked_is_counted(stopping):
    before = counted("psms_wakeups_missed_total", task=RELAY)
    drains = Drains({RELAY: lambda: 7}, stopping)
    for asked_by in ("nudge", "fallback", "nudge"):
        drains.run(RELAY, asked_by=asked_by)

    assert counted("psms_wakeups_missed_total", task=RELAY) == before + 7


def test_a_refusal_is_told_once_by_its_code_and_its_end_too(stopping):
    down = DependencyUnavailable("PostgreSQL is down.")
    before = counted("psms_drain_failures_total", task=RELAY, error="dependency_unavailable")
    drains = Drains({RELAY: raising(down, down, down, None)}, stopping)
    with capture_logs() as logs:
        for _ in range(4):
            drains.run(RELAY, asked_by="nudge")

    assert [(entry["event"], entry.get("code")) for entry in logs] == [
        ("drain_refused", "dependency_unavailable"),
        ("drain_works_again", None),
    ]
    assert logs[0]["reason"] == "PostgreSQL is down."
    assert counted("psms_drain_failures_total", task=RELAY, error="dependency_unavailable") == before + 3


def test_a_defect_is_logged_with_its_trace_the_first_time_and_ends_nothing(stopping):
    defect = ZeroDivisionError("one by nothing")
    drains = Drains({RELAY: raising(defect, defect, None)}, stopping)
    with capture_logs() as logs:
        for _ in range(3):
            drains.run(RELAY, asked_by="nudge")

    assert [(entry["event"], entry["log_level"]) for entry in logs] == [
        ("drain_failed", "error"),
        ("drain_failed", "error"),
        ("drain_works_again", "info"),
    ]
    assert [entry.get("exc_info") for entry in logs] == [defect, None, None]
    assert logs[0]["reason"] == "ZeroDivisionError('one by nothing')"
    assert not drains.busy


def test_the_fallback_runs_what_has_not_run_for_long_enough(stopping):
    runs: list[float] = []
    told: list[bool] = []

    def drain() -> int:
        runs.append(time.monotonic())
        return 0

    drains = Drains({RELAY: drain}, stopping)
    fallback = Fallback(drains, [RELAY], after_s=0.1, on_run=lambda: told.append(True))
    began = time.monotonic()
    fallback.start()
    eventually(lambda: len(runs) >= 3)
    fallback.stop()

    assert runs[0] - began >= 0.1
    assert min(later - earlier for earlier, later in itertools.pairwise(runs)) >= 0.1
    assert len(told) == len(runs)


def test_the_fallback_runs_sooner_while_no_nudge_can_come(stopping):
    runs: list[float] = []

    def drain() -> int:
        runs.append(time.monotonic())
        return 0

    fallback = Fallback(Drains({RELAY: drain}, stopping), [RELAY], after_s=30.0, on_run=lambda: None)
    began = time.monotonic()
    fallback.start(lambda: True)
    eventually(lambda: runs)
    fallback.stop()

    assert 0.5 <= runs[0] - began < 5.0


def test_the_fallback_waits_longer_for_what_beat_sends_less_often(stopping):
    ran: list[Task] = []
    drains = Drains({task: noting(ran, task) for task in Task}, stopping)
    fallback = Fallback(drains, Task, after_s=0.05, on_run=lambda: None)
    fallback.start()
    eventually(lambda: ran.count(RELAY) >= 5)
    fallback.stop()

    often = {task for task, every in EVERY.items() if every.total_seconds() == 1}
    assert set(ran) == often
    assert Task.KEEP_HOUSE not in often


def test_a_drain_that_hangs_holds_up_no_other(stopping):
    let_go = threading.Event()
    runs: list[Task] = []
    drains = Drains(
        {
            RELAY: lambda: int(let_go.wait(10)),
            Task.DELIVER_WEBHOOKS: noting(runs, Task.DELIVER_WEBHOOKS),
        },
        stopping,
    )
    fallback = Fallback(drains, [RELAY, Task.DELIVER_WEBHOOKS], after_s=0.02, on_run=lambda: None)
    fallback.start()
    eventually(lambda: len(runs) >= 5 and drains.busy)
    let_go.set()
    fallback.stop()

    assert not drains.busy


def test_stopping_the_fallback_waits_for_what_it_runs(stopping):
    done: list[bool] = []

    def drain() -> int:
        threading.Event().wait(0.3)
        done.append(True)
        return 0

    drains = Drains({RELAY: drain}, stopping)
    fallback = Fallback(drains, [RELAY], after_s=0.02, on_run=lambda: None)
    fallback.start()
    eventually(lambda: drains.busy)
    fallback.stop()

    assert done == [True]
    assert stopping.is_set()
