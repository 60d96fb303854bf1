"""Real Beat processes on a real Valkey: one, two, without it, and with a worker that does the work once."""

import json
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from tests.support.servers import ValkeyServer, running_valkey
from tests.support.waiting import eventually
from tests.support.worker_processes import running_beat, running_worker
from workflows.names import Queue, Task


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ValkeyServer]:
    with running_valkey(tmp_path / "valkey") as running:
        yield running


def sent(server: ValkeyServer) -> Counter[str]:
    """Count the messages that wait in all queues, by task."""
    with Redis.from_url(server.url) as redis:
        texts = [text for queue in Queue for text in redis.lrange(f"psms:{queue}", 0, -1)]
    return Counter(json.loads(text)["headers"]["task"] for text in texts)


def test_beat_sends_every_drain_each_second(server, tmp_path):
    with running_beat(tmp_path / "beat", server.url) as beat:
        beat.until_ready()
        eventually(lambda: sent(server)[Task.RELAY_OUTBOX] >= 1, within=5)
        began = time.monotonic()
        eventually(lambda: sent(server)[Task.RELAY_OUTBOX] >= 4, within=10)
        took = time.monotonic() - began

    counts = sent(server)
    assert 2.5 < took < 4.5
    assert abs(counts[Task.DELIVER_WEBHOOKS] - counts[Task.RELAY_OUTBOX]) <= 1
    assert abs(counts[Task.REAP_DELIVERY_LEASES] - counts[Task.RELAY_OUTBOX]) <= 1
    assert f"beat is ready: {len(Task)} drains" in beat.log


def test_beat_leaves_no_file_behind(server, tmp_path):
    with running_beat(tmp_path / "beat", server.url) as beat:
        beat.until_ready()
        eventually(lambda: sent(server)[Task.RELAY_OUTBOX] >= 1, within=5)
        beat.send(signal.SIGTERM)

        assert beat.until_end(within=5) == 0
    assert sorted(path.name for path in (tmp_path / "beat").iterdir()) == ["log", "ready"]


def test_beat_without_redis_stays_alive_and_sends_when_it_comes(server, tmp_path):
    server.stop()
    with running_beat(tmp_path / "beat", server.url) as beat:
        beat.until_ready()
        eventually(lambda: "broker_unreachable" in beat.log, within=10)
        server.start()

        eventually(lambda: sent(server)[Task.RELAY_OUTBOX] >= 2, within=10)
        assert beat.log.count("broker_unreachable") == 1


def test_beat_goes_on_after_redis_was_frozen_and_emptied(server, tmp_path):
    with running_beat(tmp_path / "beat", server.url) as beat:
        beat.until_ready()
        eventually(lambda: sent(server)[Task.RELAY_OUTBOX] >= 1, within=5)
        server.freeze()
        eventually(lambda: "broker_unreachable" in beat.log, within=10)
        server.thaw()
        with Redis.from_url(server.url) as redis:
            redis.flushall()

        eventually(lambda: sent(server)[Task.RELAY_OUTBOX] >= 2, within=10)
        beat.send(signal.SIGTERM)
        assert beat.until_end(within=5) == 0


def test_beat_ends_at_once_while_redis_is_frozen(server, tmp_path):
    with running_beat(tmp_path / "beat", server.url) as beat:
        beat.until_ready()
        eventually(lambda: sent(server)[Task.RELAY_OUTBOX] >= 1, within=5)
        server.freeze()
        beat.send(signal.SIGTERM)

        assert beat.until_end(within=5) == 0


def test_two_beats_and_a_worker_run_each_drain_and_never_two_at_once(server, tmp_path):
    with (
        running_beat(tmp_path / "one", server.url) as one,
        running_beat(tmp_path / "two", server.url) as two,
        running_worker(tmp_path / "worker", server.url, takes_s=0.3) as worker,
    ):
        for process in (one, two, worker):
            process.until_ready()
        worker.until_runs(Task.RELAY_OUTBOX, 6, within=15)
        one.send(signal.SIGKILL)
        worker.until_runs(Task.RELAY_OUTBOX, 10, within=15)

    began, ended = worker.runs(Task.RELAY_OUTBOX, "began"), worker.runs(Task.RELAY_OUTBOX)
    assert all(end <= begin for end, begin in zip(ended, began[1:], strict=False))
