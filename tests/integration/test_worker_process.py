"""Real worker processes on a real Valkey: nudged, left alone, cut off from it, and told to end."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest
from redis import Redis

from psms.adapters.broker import CeleryNudger
from tests.support.servers import ValkeyServer, running_valkey
from tests.support.waiting import eventually
from tests.support.worker_processes import WorkerProcess, running_worker
from workflows.names import QUEUE_OF, Task

QUEUES = {task.value: queue.value for task, queue in QUEUE_OF.items()}
RELAY = Task.RELAY_OUTBOX


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ValkeyServer]:
    with running_valkey(tmp_path / "valkey") as running:
        yield running


@pytest.fixture
def nudger(server: ValkeyServer) -> Iterator[CeleryNudger]:
    sender = CeleryNudger(server.url, QUEUES)
    yield sender
    sender.close()


@pytest.fixture
def worker(server: ValkeyServer, tmp_path: Path) -> Iterator[WorkerProcess]:
    """A worker that runs its drains only when nudged."""
    with running_worker(tmp_path / "worker", server.url) as process:
        process.until_ready()
        yield process


def heard(nudger: CeleryNudger, worker: WorkerProcess) -> bool:
    """Nudge once and tell whether the worker ran the drain at once."""
    before = len(worker.runs(RELAY))
    nudger.nudge(RELAY)
    deadline = time.monotonic() + 0.5
    while time.monotonic() < deadline:
        if len(worker.runs(RELAY)) > before:
            return True
    return False


def test_each_nudge_runs_the_drain_of_its_name_and_no_other(nudger, worker):
    nudger.nudge(Task.KEEP_HOUSE)
    worker.until_runs(Task.KEEP_HOUSE, 1)

    assert worker.runs(RELAY) == []
    assert heard(nudger, worker)
    assert "worker test is ready: queues relay, timers, webhooks, sync, bulk, upkeep" in worker.log


def test_nudges_during_a_run_cause_exactly_one_more_run(server, nudger, tmp_path):
    with running_worker(tmp_path / "worker", server.url, takes_s=1.0) as worker:
        worker.until_ready()
        nudger.nudge(RELAY)
        worker.until_runs(RELAY, 1, what="began")
        pause = time.monotonic() + 0.5
        while time.monotonic() < pause:
            nudger.nudge(RELAY)
        worker.until_runs(RELAY, 2)
        # A third run would have begun as the second ended.
        eventually(lambda: unread(server) == 0)

    assert len(worker.runs(RELAY, "began")) == 2


def unread(server: ValkeyServer) -> int:
    with Redis.from_url(server.url) as redis:
        return int(redis.llen("psms:relay")) + int(redis.hlen("psms:unacked"))


def test_a_long_run_keeps_no_other_drain_waiting(server, nudger, tmp_path):
    with running_worker(tmp_path / "worker", server.url, takes_s=3.0) as worker:
        worker.until_ready()
        for _ in range(3):
            nudger.nudge(RELAY)
        worker.until_runs(RELAY, 1, what="began")
        nudger.nudge(Task.DELIVER_WEBHOOKS)
        worker.until_runs(Task.DELIVER_WEBHOOKS, 1, what="began")

        assert worker.runs(RELAY) == []


def test_without_redis_from_the_start_the_drains_run_all_the_same(server, tmp_path):
    server.stop()
    with running_worker(tmp_path / "worker", server.url, fallback_ms=200) as worker:
        worker.until_runs(RELAY, 5)
        worker.until_runs(Task.DELIVER_WEBHOOKS, 5)
        worker.until_runs(Task.REAP_DELIVERY_LEASES, 5)
        worker.until_ready()

    gaps = [later - earlier for earlier, later in zip(worker.runs(RELAY), worker.runs(RELAY)[1:], strict=False)]
    assert min(gaps) >= 0.2
    # Beat sends it each minute, so it is not missed yet.
    assert worker.runs(Task.KEEP_HOUSE) == []
    assert "worker test is ready, though without nudges so far" in worker.log


def test_a_redis_that_comes_late_is_found(server, nudger, tmp_path):
    server.stop()
    with running_worker(tmp_path / "worker", server.url) as worker:
        eventually(lambda: "Cannot connect" in worker.log, within=20)
        server.start()

        eventually(lambda: heard(nudger, worker), within=10)


def test_the_fallback_rests_while_nudges_come(server, nudger, tmp_path):
    with running_worker(tmp_path / "worker", server.url, fallback_ms=1000) as worker:
        worker.until_ready()
        worker.until_runs(RELAY, 1)
        began = time.monotonic()
        for _ in range(10):
            assert heard(nudger, worker)
            Event().wait(0.25)
        ran = [moment for moment in worker.runs(RELAY, "began") if moment > began]

    assert len(ran) == 10


def test_a_killed_redis_is_found_again_and_the_fallback_bridges_the_gap(server, nudger, tmp_path):
    with running_worker(tmp_path / "worker", server.url, fallback_ms=500) as worker:
        worker.until_ready()
        assert heard(nudger, worker)
        server.kill()
        gone = time.monotonic()
        eventually(lambda: len([moment for moment in worker.runs(RELAY) if moment > gone]) >= 4)
        server.start()

        eventually(lambda: heard(nudger, worker) and heard(nudger, worker), within=10)


def test_a_run_that_outlives_its_connection_is_finished_by_a_worker_that_lives_on(server, nudger, tmp_path):
    with running_worker(tmp_path / "worker", server.url, takes_s=3.0) as worker:
        worker.until_ready()
        for round_number in (1, 2):
            nudger.nudge(RELAY)
            worker.until_runs(RELAY, round_number, what="began")
            server.kill()
            server.start()
            # Over the connection that the worker has made meanwhile.
            nudger.nudge(Task.KEEP_HOUSE)
            worker.until_runs(Task.KEEP_HOUSE, round_number, what="began")
            worker.until_runs(RELAY, round_number)
        nudger.nudge(Task.REAP_DELIVERY_LEASES)
        worker.until_runs(Task.REAP_DELIVERY_LEASES, 1, what="began")

        assert "critical" not in worker.log
        assert worker.log.count("worker test is ready") == 1


def test_a_frozen_redis_stops_no_drain_and_nudges_are_heard_again_when_it_thaws(server, nudger, tmp_path):
    with running_worker(tmp_path / "worker", server.url, fallback_ms=500) as worker:
        worker.until_ready()
        assert heard(nudger, worker)
        server.freeze()
        frozen = time.monotonic()
        nudger.nudge(RELAY)
        eventually(lambda: len([moment for moment in worker.runs(RELAY) if moment > frozen]) >= 8)
        server.thaw()

        eventually(lambda: heard(nudger, worker) and heard(nudger, worker), within=10)


def test_an_emptied_redis_loses_nothing_but_the_nudges_in_it(server, nudger, worker):
    assert heard(nudger, worker)
    with Redis.from_url(server.url) as redis:
        redis.flushall()

    eventually(lambda: heard(nudger, worker), within=10)


def test_a_worker_killed_in_a_run_leaves_a_nudge_for_the_next(server, nudger, tmp_path):
    with running_worker(tmp_path / "first", server.url, takes_s=60) as first:
        first.until_ready()
        nudger.nudge(RELAY)
        first.until_runs(RELAY, 1, what="began")
        first.send(signal.SIGKILL)
        assert first.until_end(within=5) == -signal.SIGKILL
    with running_worker(tmp_path / "second", server.url) as second:
        second.until_ready()

        eventually(lambda: heard(nudger, second))


def test_sigterm_lets_a_run_finish_and_begins_no_other(server, nudger, tmp_path):
    with running_worker(tmp_path / "worker", server.url, takes_s=1.5) as worker:
        worker.until_ready()
        nudger.nudge(RELAY)
        worker.until_runs(RELAY, 1, what="began")
        nudger.nudge(RELAY)
        worker.send(signal.SIGTERM)

        assert worker.until_end(within=15) == 0
        assert (len(worker.runs(RELAY, "began")), len(worker.runs(RELAY))) == (1, 1)


def test_sigterm_lets_a_fallback_run_finish(server, tmp_path):
    server.stop()
    with running_worker(tmp_path / "worker", server.url, fallback_ms=100, takes_s=1.5) as worker:
        worker.until_runs(RELAY, 1, what="began")
        worker.send(signal.SIGTERM)

        assert worker.until_end(within=15) == 0
        assert len(worker.runs(RELAY, "began")) == len(worker.runs(RELAY)) == 1


def test_a_run_that_never_ends_is_cut_off_in_time(server, nudger, tmp_path):
    with running_worker(tmp_path / "worker", server.url, takes_s=600, stop_within_s=1.5) as worker:
        worker.until_ready()
        nudger.nudge(RELAY)
        worker.until_runs(RELAY, 1, what="began")
        began = time.monotonic()
        worker.send(signal.SIGTERM)

        assert worker.until_end(within=10) == 1
        assert time.monotonic() - began < 4
        assert "worker_stop_forced" in worker.log


@pytest.mark.parametrize("state", ["frozen", "dead"])
def test_the_end_does_not_wait_for_redis(state, server, nudger, worker):
    assert heard(nudger, worker)
    if state == "frozen":
        server.freeze()
    else:
        server.kill()
    worker.send(signal.SIGTERM)

    assert worker.until_end(within=8) == 0
