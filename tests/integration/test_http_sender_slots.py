"""The bounded pool in which requests wait: what fits, what is refused, and what closing waits for."""

import os
import subprocess
import sys
import threading
from contextvars import ContextVar
from pathlib import Path

import pytest

from psms.adapters.slots import Slots, SlotsClosed, SlotsFull
from psms.guard import TransactionOpenError, refuse_in_transaction, transaction_marked
from tests.support.waiting import eventually

REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="")


def test_work_runs_beside_other_work_and_its_outcome_is_the_futures():
    slots = Slots(2)
    meet = threading.Barrier(2)

    def work(name, number):
        meet.wait(5)
        thread = threading.current_thread()
        return (name, number), (thread.name, thread.daemon)

    (first, one), (second, other) = (
        future.result(5) for future in [slots.submit(work, "a", 1), slots.submit(work, "b", 2)]
    )

    assert (first, second) == (("a", 1), ("b", 2))
    assert {one, other} == {("psms-slot-1", True), ("psms-slot-2", True)}


def test_an_error_belongs_to_the_future_and_frees_the_slot():
    slots = Slots(1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            slots.submit(lambda: 1 // 0).result(5)

    assert slots.free == 1


def test_more_work_than_slots_is_refused_and_never_queued():
    slots, release = Slots(2), threading.Event()
    futures = [slots.submit(release.wait, 5) for _ in range(2)]

    assert slots.free == 0
    with pytest.raises(SlotsFull, match="2 slots"):
        slots.submit(release.wait, 5)
    release.set()
    assert [future.result(5) for future in futures] == [True, True]
    assert slots.free == 2


def test_whoever_learns_of_the_end_may_submit_at_once():
    slots = Slots(1)
    for number in range(500):
        assert slots.submit(lambda value: value, number).result(5) == number


def test_threads_start_on_demand_and_are_used_again():
    slots = Slots(50, name="psms-few")
    for _ in range(20):
        slots.submit(int).result(5)

    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("psms-few")] == ["psms-few-1"]


def test_work_keeps_the_context_of_its_caller_with_the_open_transaction():
    slots = Slots(1)
    REQUEST_ID.set("req-1")

    assert slots.submit(REQUEST_ID.get).result(5) == "req-1"
    with transaction_marked():
        future = slots.submit(refuse_in_transaction, "a webhook request")
    with pytest.raises(TransactionOpenError):
        future.result(5)


def test_closing_waits_for_what_runs_and_takes_no_more():
    slots, release = Slots(3), threading.Event()
    future = slots.submit(release.wait, 5)

    assert slots.close(0.05) is False
    assert slots.free == 0
    with pytest.raises(SlotsClosed):
        slots.submit(int)
    release.set()
    assert slots.close(5) is True
    assert future.result(0) is True


def test_closing_ends_the_threads():
    slots = Slots(3, name="psms-ending")
    slots.submit(int).result(5)
    assert slots.close(1) is True

    eventually(lambda: not [t for t in threading.enumerate() if t.name.startswith("psms-ending")])


SCRIPT = """
import os, socket, threading, time
from psms.adapters.http_lines import KeptLines, Line
from psms.adapters.slots import Slots
from psms.adapters.watchdog import Watchdog

slots, watchdog, hold = Slots(1), Watchdog(), threading.Event()

def shut_in_time():
    ours, theirs = socket.socketpair()
    with ours, theirs, watchdog.guard(time.monotonic() + 0.1) as watch:
        watch.attach(ours)
        return ours.recv(1) == b"" and watch.fired

assert shut_in_time()
ours, theirs = socket.socketpair()
kept, watch = KeptLines(), watchdog.guard(time.monotonic() + 30)
watch.attach(ours)
kept.give_back("https://partner.example/", Line(ours, watch, peer=None, tls_verified=False))
time.sleep(0.06)
slots.submit(hold.wait, 30)
child = os.fork()
if child == 0:
    alive = slots.free == 1 and slots.submit(lambda: 7).result(5) == 7 and shut_in_time()
    alive = alive and kept.take("https://partner.example/", time.monotonic() + 5) is None
    os._exit(0 if alive else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert kept.take("https://partner.example/", time.monotonic() + 5) is not None
# A slot that is taken for ever does not keep the process from ending.
print("done")
"""


def test_a_forked_child_has_slots_a_watchdog_and_lines_of_its_own_and_nothing_keeps_a_process_alive():
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SCRIPT],
        cwd=Path(__file__).parents[2],
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )

    assert (run.stdout, run.stderr, run.returncode) == ("done\n", "", 0)


LIMITED = """
import resource
from psms.errors import Misconfigured
from psms.settings import Settings
from workers.run import run_worker
from workers.serve import WorkerPlan

hard = min(resource.getrlimit(resource.RLIMIT_NOFILE)[1], 4096)
resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
try:
    run_worker(Settings.from_env({}), WorkerPlan(name="w", queues=(), threads=1))
except Misconfigured:
    print(resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard))
"""


def test_a_worker_may_open_as_many_connections_as_the_system_lets_it():
    run = subprocess.run(
        [sys.executable, "-c", LIMITED],
        cwd=Path(__file__).parents[2],
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )

    assert (run.stdout, run.stderr) == ("True\n", "")
