"""The sender of nudges, against a real Valkey that is frozen, killed, emptied and full."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from prometheus_client import REGISTRY
from redis import Redis

from psms.adapters.broker import ENOUGH_WAITING, CeleryNudger
from tests.support.servers import ValkeyServer, running_valkey
from tests.support.waiting import eventually, paced

PROJECT = Path(__file__).resolve().parents[2]
RELAY, PRUNE = "outbox.relay", "upkeep.prune"
QUEUES = {RELAY: "relay", PRUNE: "upkeep"}
RELAY_LIST = "psms:relay"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ValkeyServer]:
    with running_valkey(tmp_path / "valkey") as running:
        yield running


@pytest.fixture
def nudger(server: ValkeyServer) -> Iterator[CeleryNudger]:
    sender = CeleryNudger(server.url, QUEUES)
    yield sender
    sender.close()


def waiting(server: ValkeyServer, key: str = RELAY_LIST) -> int:
    with Redis.from_url(server.url) as redis:
        return int(redis.llen(key))


def messages(server: ValkeyServer, key: str = RELAY_LIST) -> list[dict[str, Any]]:
    with Redis.from_url(server.url) as redis:
        return [json.loads(text) for text in redis.lrange(key, 0, -1)]


def delayed() -> float:
    """Count the times that a nudge for the relay could not be sent."""
    return REGISTRY.get_sample_value("psms_nudges_total", {"task": RELAY, "outcome": "delayed"}) or 0.0


def assert_costs_nothing(nudger: CeleryNudger, *, seconds: float) -> None:
    """Nudge for some *seconds*, and compare what it took the caller with what waiting for a server takes."""
    took, pause = [], Event()
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        began = time.monotonic()
        nudger.nudge(RELAY)
        took.append(time.monotonic() - began)
        pause.wait(0.001)
    took.sort()
    assert took[int(len(took) * 0.99)] < 0.005
    # Now and then a busy machine gives the processor to somebody else; a server would hold it for a second.
    assert took[-1] < 0.3


def test_a_nudge_is_a_celery_message_on_its_tasks_queue_that_says_nothing_but_the_name(server, nudger):
    nudger.nudge(RELAY)
    nudger.nudge(PRUNE)

    eventually(lambda: waiting(server) and waiting(server, "psms:upkeep"))
    (message,) = messages(server)
    assert message["headers"]["task"] == RELAY
    assert (message["headers"]["argsrepr"], message["headers"]["kwargsrepr"]) == ("()", "{}")
    assert message["headers"]["expires"] is None
    assert [other["headers"]["task"] for other in messages(server, "psms:upkeep")] == [PRUNE]


def test_nudges_that_come_at_once_leave_as_few_messages(server, nudger):
    nudger.nudge(RELAY)
    eventually(lambda: waiting(server) == 1)
    for _ in range(1000):
        nudger.nudge(RELAY)
    nudger.nudge(PRUNE)

    eventually(lambda: waiting(server, "psms:upkeep") == 1)
    assert 2 <= waiting(server) <= 5


def test_nudges_that_keep_coming_leave_ten_times_a_second_and_not_forty(server, nudger):
    nudger.nudge(RELAY)
    eventually(lambda: waiting(server) == 1)
    pause = Event()
    began = time.monotonic()
    while (lasted := time.monotonic() - began) < 2.0:
        for _ in range(20):
            nudger.nudge(RELAY)
        pause.wait(0.005)

    # Two more: the pause before the first of many is the short one, and one may leave as the last are asked for.
    assert 2 <= waiting(server) <= lasted / 0.1 + 3


def test_a_frozen_server_costs_the_caller_nothing_and_nudges_resume_when_it_thaws(server, nudger):
    nudger.nudge(RELAY)
    eventually(lambda: waiting(server) == 1)
    server.freeze()
    assert_costs_nothing(nudger, seconds=2.5)
    server.thaw()

    eventually(lambda: waiting(server) >= 2, within=8)


def test_a_dead_server_costs_the_caller_nothing_and_nudges_resume_when_it_is_back(server, nudger):
    nudger.nudge(RELAY)
    eventually(lambda: waiting(server) == 1)
    server.kill()
    assert_costs_nothing(nudger, seconds=1.5)
    server.start()
    with Redis.from_url(server.url) as redis:
        redis.flushall()

    eventually(lambda: waiting(server) == 1, within=8)


def test_the_one_nudge_of_an_outage_is_sent_when_the_server_is_back(server, nudger):
    server.kill()
    before = delayed()
    nudger.nudge(RELAY)
    eventually(lambda: delayed() > before)
    server.start()

    eventually(lambda: waiting(server) == 1, within=8)


def test_a_server_that_was_never_there_is_found_when_it_comes(tmp_path):
    with running_valkey(tmp_path / "valkey") as server:
        server.stop()
        nudger = CeleryNudger(server.url, QUEUES)
        assert_costs_nothing(nudger, seconds=0.5)
        server.start()

        eventually(lambda: waiting(server) == 1, within=8)
        nudger.close()


def test_an_emptied_server_gets_the_next_nudge(server, nudger):
    nudger.nudge(RELAY)
    eventually(lambda: waiting(server) == 1)
    with Redis.from_url(server.url) as redis:
        redis.flushall()
    nudger.nudge(RELAY)

    eventually(lambda: waiting(server) == 1)


def test_a_queue_that_nobody_reads_gets_no_more_than_enough(server, nudger):
    with Redis.from_url(server.url) as redis:
        redis.lpush(RELAY_LIST, *["unread"] * ENOUGH_WAITING)
    for _ in range(100):
        nudger.nudge(RELAY)
    nudger.nudge(PRUNE)
    eventually(lambda: waiting(server, "psms:upkeep") == 1)
    assert waiting(server) == ENOUGH_WAITING

    with Redis.from_url(server.url) as redis:
        redis.delete(RELAY_LIST)

    def nudged_anew() -> bool:
        nudger.nudge(RELAY)
        return waiting(server) > 0

    eventually(nudged_anew)


def test_under_constant_nudging_without_workers_a_queue_stays_short(server, nudger):
    with Redis.from_url(server.url) as redis:
        redis.lpush(RELAY_LIST, *["unread"] * (ENOUGH_WAITING - 5))
    assert_costs_nothing(nudger, seconds=3)

    # One sender adds at most 40 between two looks at the length, a second apart.
    assert ENOUGH_WAITING <= waiting(server) <= ENOUGH_WAITING + 45


FORKING = """
import os, signal, sys, threading
from psms.adapters.broker import CeleryNudger

nudger = CeleryNudger(sys.argv[1], {"outbox.relay": "relay", "upkeep.prune": "upkeep"})

def nudge_for_ever():
    while True:
        nudger.nudge("outbox.relay")

for _ in range(4):
    threading.Thread(target=nudge_for_ever, daemon=True).start()
for _ in range(int(sys.argv[2])):
    child = os.fork()
    if child == 0:
        signal.alarm(10)
        nudger.nudge("upkeep.prune")
        nudger.close()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, "a child could not nudge"
"""


def test_a_fork_in_the_middle_of_nudging_leaves_a_nudger_that_works_in_the_child(server):
    subprocess.run(
        (sys.executable, "-W", "ignore", "-c", FORKING, server.url, "20"), cwd=PROJECT, check=True, timeout=100
    )

    # A child may inherit other libraries' locks as they were, so not each of them can send; each can go on.
    assert 10 <= waiting(server, "psms:upkeep") <= 20
    assert waiting(server) > 0


def test_closing_sends_what_is_still_wanted_and_nothing_after_it(server):
    nudger = CeleryNudger(server.url, QUEUES)
    nudger.nudge(RELAY)
    nudger.nudge(PRUNE)
    nudger.close()
    nudger.nudge(RELAY)

    assert (waiting(server), waiting(server, "psms:upkeep")) == (1, 1)


def test_closing_sends_what_came_while_something_was_sent(server):
    nudger = CeleryNudger(server.url, QUEUES)
    nudger.nudge(RELAY)
    eventually(lambda: waiting(server) == 1)
    server.freeze()
    # Far enough apart that the first is on its way, and waits for an answer, when the second comes.
    for _, task in zip(paced(2, 5), (RELAY, PRUNE), strict=True):
        nudger.nudge(task)
    closing = Thread(target=nudger.close)
    closing.start()
    server.thaw()
    closing.join()

    assert (waiting(server), waiting(server, "psms:upkeep")) == (2, 1)


def test_closing_does_not_wait_for_a_frozen_server(server):
    nudger = CeleryNudger(server.url, QUEUES)
    nudger.nudge(RELAY)
    eventually(lambda: waiting(server) == 1)
    server.freeze()
    nudger.nudge(RELAY)
    began = time.monotonic()
    nudger.close()

    assert time.monotonic() - began < 3


def test_a_name_that_travels_on_no_queue_is_a_mistake_that_says_so(nudger):
    with pytest.raises(KeyError, match=r"webhooks\.relay travels on no queue"):
        nudger.nudge("webhooks.relay")
