"""Processes frozen, killed, restarted in turn and nudged all at once: each event is told, however late."""

import os
import random
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import repeat
from pathlib import Path
from threading import Event

import pytest

from psms.crash import CrashPoint
from psms.settings import Settings
from tests.support.crew import assert_webhooks_are_accounted_for
from tests.support.delays import delays_of
from tests.support.extras import environment_of, family_of, frozen, one_more
from tests.support.pulling import pulled, totals
from tests.support.receiver import Answer
from tests.support.scene import Scene, Stage, running_stage, scene_on
from tests.support.stacks import process_of
from tests.support.waiting import eventually
from workers.app import make_celery
from workflows.names import QUEUE_OF, Task

IN_FLIGHT = 8
TICKETS = 80
NUDGES = 100
KILLS = 4
ATTEMPTS = """SELECT a.late, d.state, count(*) FROM webhook_attempts a
    JOIN webhook_deliveries d ON d.id = a.delivery_id
    WHERE a.endpoint_id = %s AND a.worker LIKE %s GROUP BY 1, 2"""
# Of a worker that has ended: an attempt that it left open.
LEASES = "SELECT id FROM webhook_attempts WHERE outcome = 'started' AND worker LIKE %s"
WOKEN_S, IN_ORDER_S = 2.0, 20.0
ERRORS, SOAKED = 0.05, 12_000
WORKERS = "SELECT DISTINCT split_part(worker, '@', 1) FROM webhook_attempts WHERE endpoint_id = %s ORDER BY 1"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with running_stage(tmp_path_factory.mktemp("desk"), PSMS_CRASH_AT=CrashPoint.TICKET_COMMITTED) as running:
        # A death that has left its mark happens no more, until a test takes the mark away.
        mark_of(running).touch()
        yield running
        assert_webhooks_are_accounted_for(environment_of(running.home))


def mark_of(stage: Stage) -> Path:
    """Return the mark without which the next API process that has committed a ticket dies, before it wakes anybody."""
    return stage.home / "run" / "crashes" / CrashPoint.TICKET_COMMITTED


def late_results(stage: Stage) -> float:
    """Return how many late results the workers have counted, as an operator sees it."""
    text = stage.desk.call("GET", "/metrics").text
    lines = [line for line in text.splitlines() if line.startswith("psms_webhook_late_results_total")]
    return sum(float(line.rpartition(" ")[2]) for line in lines)


def freeze_past_the_lease(scene: Scene, done: int) -> None:
    """Freeze the worker that has sent requests, let another one finish its work, and thaw it."""
    stage = scene.stage
    told = Event()
    scene.partner.answer("/slow", *repeat(Answer(until=told), IN_FLIGHT), Answer())
    scene.file(IN_FLIGHT, per_second=100)
    sent = (2 * done + 1) * IN_FLIGHT
    eventually(lambda: len(scene.partner.received) == sent, what="all requests in flight")
    finished = [(False, "delivered", (done + 1) * IN_FLIGHT)]
    with (
        frozen(process_of(stage.home, "--name webhooks")),
        one_more(stage.home, "spare", "worker", "--queues", "webhooks", "--name", "spare"),
    ):
        told.set()
        scene.until_rest()
        assert stage.ledger.rows(ATTEMPTS, scene.endpoint_id, "spare@%") == finished
    # What it learns now, an answer or that its time is over, is kept as late and takes back nothing.
    late = [(True, "delivered", (done + 1) * IN_FLIGHT)]
    eventually(lambda: stage.ledger.rows(ATTEMPTS, scene.endpoint_id, "webhooks@%") == late, within=20)


def test_w04_a_worker_frozen_past_its_lease_changes_nothing_when_it_thaws(stage, rounds):
    before = late_results(stage)
    with scene_on(stage, "/slow") as scene:
        for done in range(rounds):
            freeze_past_the_lease(scene, done)
        scene.assert_nothing_lost_or_doubled(IN_FLIGHT * rounds)
        assert len(scene.partner.received) == 2 * IN_FLIGHT * rounds
    eventually(lambda: late_results(stage) == before + IN_FLIGHT * rounds, what="each late result to be counted")


def test_w01_an_event_whose_api_was_killed_between_commit_and_wake_up_comes_within_two_seconds(stage, rounds):
    with scene_on(stage) as scene:
        for _ in range(rounds):
            mark_of(stage).unlink()
            scene.file(1)
            assert mark_of(stage).read_text(encoding="ascii").strip(), "nobody died"
        scene.assert_nothing_lost_or_doubled(rounds)
        assert scene.filing.refused.total() >= rounds
        assert delays_of(scene.partner.received)[-1] <= WOKEN_S


def test_w29_what_a_partner_got_is_what_was_committed_whatever_failed_died_or_paused(stage, rounds):
    tickets = TICKETS if rounds == 1 else SOAKED
    with scene_on(stage) as scene, ThreadPoolExecutor(1) as pool:
        scene.partner.answer("/hook", *map(answer_at_random, range(tickets)), Answer())
        load = pool.submit(scene.file, tickets, per_second=20)
        blows = 0
        # One that dies again and again is started ever later: in the short form there are two blows.
        while not load.done() and (rounds > 1 or blows < 2):
            disturb(stage, blows)
            pause(scene)
            blows += 1
        load.result()
        scene.assert_nothing_lost_or_doubled(tickets)
        sequences = {int(request.headers["webhook-sequence"]) for request in scene.partner.received}

        assert sequences == set(range(1, len(scene.partner.distinct_ids()) + 1))
        assert len(scene.partner.received) > len(scene.partner.distinct_ids())
        of_partner = pulled(stage.desk, scene.endpoint_id)
        assert [sequence for sequence, _ in of_partner] == sorted(sequences)
        assert {event_id for _, event_id in of_partner} == scene.partner.distinct_ids()
        kept = totals(stage.desk, scene.endpoint_id)
        assert (kept["committed"], kept["delivered"], kept["gapless"]) == (len(sequences), len(sequences), True)


def answer_at_random(number: int) -> Answer:
    """Answer one request in twenty, and the first, with an error."""
    return Answer(status=500 if not number or random.random() < ERRORS else 200)


def disturb(stage: Stage, number: int) -> None:
    """Kill the worker that sends, every second time, or have the one that relays pause for a second."""
    try:
        victim = family_of(stage.home, "--name core" if number % 2 else "--name webhooks")[0]
        if number % 2 == 0:
            os.kill(victim, signal.SIGKILL)
            return
        with frozen(victim):
            Event().wait(1)
    except (AssertionError, FileNotFoundError, ProcessLookupError):
        return  # it is being started anew


def test_two_workers_for_every_queue_nudged_a_hundred_times_at_once(stage, rounds):
    queues = "relay,timers,webhooks,upkeep"
    app = make_celery(Settings.from_env(environment_of(stage.home)))
    with scene_on(stage) as scene, one_more(stage.home, "second", "worker", "--queues", queues, "--name", "second"):
        scene.partner.answer("/hook", Answer(delay_s=0.02))
        with ThreadPoolExecutor(8) as pool:
            load = pool.submit(scene.file, TICKETS * rounds, per_second=40)
            sent = [
                pool.submit(app.send_task, task.value, queue=QUEUE_OF[task].value)
                for _ in range(NUDGES * rounds)
                for task in Task
            ]
            assert len([nudge.result() for nudge in sent]) == NUDGES * rounds * len(Task)
            load.result()
        # Which of the two takes a nudge is chance: go on until both have.
        eventually(lambda: both_deliver(scene), within=30)
        scene.assert_nothing_lost_or_doubled(len(scene.filing.accepted))

        assert len(scene.partner.received) == len(scene.partner.distinct_ids())
        assert len(scene.filing.accepted) > TICKETS * rounds
        assert {relays(stage.home, name) for name in ("core", "second")} == {True}
    app.close()


def both_deliver(scene: Scene) -> bool:
    """File one more ticket and tell whether both workers have sent something by now."""
    scene.filing.file(scene.subject)
    return scene.stage.ledger.rows(WORKERS, scene.endpoint_id) == [("second",), ("webhooks",)]


def relays(home: Path, name: str) -> bool:
    """Tell whether the worker of this name is there to relay; it logs its queues when it is ready."""
    log = (home / "logs" / f"{name}.log").read_text(encoding="utf-8")
    return f"worker {name} is ready: queues relay" in log


def test_api_processes_killed_under_load_lose_nothing_accepted(stage, rounds):
    killed: list[int] = []
    with scene_on(stage) as scene, ThreadPoolExecutor(1) as pool:
        load = pool.submit(scene.file, TICKETS * rounds, per_second=20)
        # Not without end: each time the API is started later, and a slow machine would never be done.
        while not load.done() and len(killed) < KILLS * rounds:
            killed += struck_down(stage.home)
            pause(scene)
        load.result()
        # Whether a blow meets a request is chance: go on until one did.
        eventually(lambda: a_request_was_met(scene, killed), within=60)
        scene.assert_nothing_lost_or_doubled(len(scene.filing.accepted))

    assert len(set(killed)) >= 2
    assert len(scene.filing.accepted) >= TICKETS * rounds


def struck_down(home: Path) -> list[int]:
    """Kill one of the processes that serve requests, and return which, if there is one."""
    victims = random.sample(sorted(found := api_processes(home)), k=min(1, len(found)))
    for victim in victims:
        os.kill(victim, signal.SIGKILL)
    return victims


def a_request_was_met(scene: Scene, killed: list[int]) -> bool:
    """Tell whether a caller noticed a blow; where none did, kill one more while eight requests are under way."""
    if not scene.filing.refused:
        before = len(scene.filing.accepted)
        with ThreadPoolExecutor(1) as pool:
            burst = pool.submit(scene.file, TICKETS, per_second=1000, callers=8)
            eventually(lambda: len(scene.filing.accepted) > before)
            killed += struck_down(scene.stage.home)
            burst.result()
    return bool(scene.filing.refused)


def api_processes(home: Path) -> set[int]:
    """Return the processes that serve requests; none while the API is started anew."""
    try:
        return family_of(home, "psms api")[1]
    except (AssertionError, FileNotFoundError):
        return set()


def pause(scene: Scene) -> None:
    """Let some more tickets be accepted between two blows."""
    before, deadline = len(scene.filing.accepted), time.monotonic() + 3
    eventually(lambda: len(scene.filing.accepted) > before + 10 or time.monotonic() > deadline)


def test_w30_a_rolling_restart_under_load_gives_back_every_lease_and_doubles_nothing(stage, rounds):
    parts = {"core": "--name core", "webhooks": "--name webhooks", "beat": "psms beat", "api": "psms api"}
    before = {name: family_of(stage.home, part)[0] for name, part in parts.items()}
    with scene_on(stage) as scene, ThreadPoolExecutor(1) as pool:
        load = pool.submit(scene.file, TICKETS * 2 * rounds, per_second=20)
        for name, part in parts.items():
            os.kill(before[name], signal.SIGTERM)
            eventually(partial(is_gone, before[name]), within=IN_ORDER_S, what=f"the end of {name}")
            assert not stage.ledger.rows(LEASES, f"{name}@%")
            eventually(partial(replaced, stage.home, part, before[name]), within=30)
        load.result()
        scene.assert_nothing_lost_or_doubled(TICKETS * 2 * rounds)

        assert len(scene.partner.received) == len(scene.partner.distinct_ids())
    for name in parts:
        stage.stack.until_line(f"{name} ended (exit status 0)")


def is_gone(pid: int) -> bool:
    """Tell whether a process has ended."""
    return not Path(f"/proc/{pid}/exe").exists()


def replaced(home: Path, part: str, former: int) -> bool:
    """Tell whether another process runs in the place of *former*."""
    try:
        return family_of(home, part)[0] != former
    except (AssertionError, FileNotFoundError):
        return False
