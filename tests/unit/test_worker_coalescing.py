"""Work that runs once at a time: asked during a run it runs once more, and never after the end was wished."""

import threading
import time

import pytest

from tests.support.waiting import eventually
from workers.coalescing import Coalesced


class Work:
    """Work that a test holds up and lets go; it counts how many of it ran at once."""

    def __init__(self):
        self.askers: list[str] = []
        self.most_at_once = 0
        self.go = threading.Event()
        self._lock = threading.Lock()
        self._running = 0

    def __call__(self, asked_by: str) -> None:
        with self._lock:
            self._running += 1
            self.most_at_once = max(self.most_at_once, self._running)
            self.askers.append(asked_by)
        self.go.wait(10)
        with self._lock:
            self._running -= 1


@pytest.fixture
def work():
    return Work()


@pytest.fixture
def stopping():
    return threading.Event()


@pytest.fixture
def coalesced(work, stopping):
    return Coalesced(work, stopping)


def in_thread(coalesced: Coalesced, asked_by: str) -> threading.Thread:
    thread = threading.Thread(target=coalesced.ask, args=(asked_by,))
    thread.start()
    return thread


def test_asking_runs_the_work_in_the_thread_that_asks(coalesced, work):
    work.go.set()
    coalesced.ask("nudge")
    coalesced.ask("fallback")

    assert work.askers == ["nudge", "fallback"]


def test_any_number_of_requests_during_a_run_cause_one_more(coalesced, work):
    first = in_thread(coalesced, "first")
    eventually(lambda: work.askers == ["first"])
    for number in range(20):
        coalesced.ask(f"later {number}")
    work.go.set()
    first.join(5)

    assert work.askers == ["first", "later 19"]


def test_a_request_during_the_repetition_causes_another_one(coalesced, work):
    first = in_thread(coalesced, "first")
    eventually(lambda: len(work.askers) == 1)
    coalesced.ask("second")
    work.go.set()
    first.join(5)
    work.go.clear()
    again = in_thread(coalesced, "third")
    eventually(lambda: len(work.askers) == 3)
    coalesced.ask("fourth")
    work.go.set()
    again.join(5)

    assert work.askers == ["first", "second", "third", "fourth"]


def test_many_threads_asking_never_run_the_work_twice_at_once(coalesced, work):
    work.go.set()
    threads = [in_thread(coalesced, "nudge") for _ in range(50)]
    for thread in threads:
        thread.join(5)

    assert work.most_at_once == 1
    assert 1 <= len(work.askers) <= 50
    assert not coalesced.running


def test_it_is_idle_since_the_end_of_the_last_run_and_never_during_one(coalesced, work):
    eventually(lambda: coalesced.idle_s() > 0.05)
    thread = in_thread(coalesced, "nudge")
    eventually(lambda: coalesced.running)
    assert coalesced.idle_s() == 0.0
    work.go.set()
    thread.join(5)

    assert 0.0 < coalesced.idle_s() < 5.0
    before = coalesced.idle_s()
    eventually(lambda: coalesced.idle_s() > before)


def test_when_the_end_is_wished_a_run_finishes_and_none_begins(coalesced, work, stopping):
    first = in_thread(coalesced, "first")
    eventually(lambda: work.askers == ["first"])
    coalesced.ask("second")
    stopping.set()
    work.go.set()
    first.join(5)
    coalesced.ask("third")

    assert work.askers == ["first"]
    assert not coalesced.running


def test_work_that_raises_leaves_it_free_to_run_again(stopping):
    moments: list[float] = []

    def failing(_asked_by: str) -> None:
        moments.append(time.monotonic())
        raise SystemExit(3)

    coalesced = Coalesced(failing, stopping)
    for _ in range(2):
        with pytest.raises(SystemExit):
            coalesced.ask("nudge")

    assert len(moments) == 2
    assert not coalesced.running
