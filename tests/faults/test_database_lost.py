"""PostgreSQL stops at once, is killed, or ends its sessions under load: what was accepted is there, and is told."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from tests.support.extras import postmaster_of
from tests.support.scene import Scene, Stage, running_stage, scene_on
from tests.support.waiting import eventually

TICKETS = 80
PER_SECOND = 20


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with running_stage(tmp_path_factory.mktemp("desk")) as running:
        yield running


def crash_under_load(scene: Scene, pool: ThreadPoolExecutor, sent: signal.Signals) -> None:
    """File tickets, end PostgreSQL by a signal after the first of them, and return when all were accepted."""
    home, before = scene.stage.home, len(scene.filing.accepted)
    load = pool.submit(scene.file, TICKETS, per_second=PER_SECOND)
    eventually(lambda: len(scene.filing.accepted) > before + 20)
    victim = postmaster_of(home)
    os.kill(victim, sent)
    # The supervisor waits up to half a minute before it starts one that ends again and again.
    eventually(lambda: postmaster_of(home) not in (0, victim), within=90, what="another PostgreSQL")
    load.result()


@pytest.mark.parametrize("sent", [signal.SIGQUIT, signal.SIGKILL])
def test_a_database_that_crashes_under_load_loses_nothing_accepted(stage, rounds, sent):
    with scene_on(stage) as scene, ThreadPoolExecutor(1) as pool:
        for _ in range(rounds):
            crash_under_load(scene, pool, sent)
        scene.assert_nothing_lost_or_doubled(TICKETS * rounds)

        assert scene.filing.refused["503"] > 0
        assert set(scene.filing.refused) <= {"503", "409"}
        stage.stack.until_line("postgres ended (")


def test_sessions_ended_at_random_under_load_lose_nothing_accepted(stage, rounds):
    ended = Event()
    killed: list[int] = []
    query = """SELECT pid, pg_terminate_backend(pid) FROM (SELECT pid FROM pg_stat_activity
        WHERE usename = 'psms_app' ORDER BY random() LIMIT 3) AS victims"""

    def end_sessions() -> None:
        while not ended.wait(0.1):
            killed.extend(int(str(pid)) for pid, done in stage.ledger.rows(query) if done)

    with scene_on(stage) as scene, ThreadPoolExecutor(1) as pool:
        ending = pool.submit(end_sessions)
        scene.file(TICKETS * rounds, per_second=PER_SECOND)
        ended.set()
        ending.result()
        scene.assert_nothing_lost_or_doubled(TICKETS * rounds)

    assert len(set(killed)) >= 20
    assert set(scene.filing.refused) <= {"503", "409"}
