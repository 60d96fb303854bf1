"""The disk of the embedded PostgreSQL is full under load: requests are refused whole, and nothing accepted is lost."""

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.disk import full_disk, initialise_with_small_logs
from tests.support.scene import Scene, Stage, running_stage, scene_on
from tests.support.waiting import eventually, paced

LARGE, TICKETS, PER_SECOND, REFUSALS = 40_000, 40, 40, 20
REFUSED = "could not extend file"
NUMBERS = "SELECT array_agg(number ORDER BY number) FROM tickets"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    home = tmp_path_factory.mktemp("parent") / "desk"
    initialise_with_small_logs(home)
    with running_stage(home) as running:
        yield running


def large() -> str:
    """Return a description that cannot be compressed."""
    return random.randbytes(LARGE // 2).hex()


def refusals(home: Path) -> int:
    """Return how often PostgreSQL said that a file cannot grow."""
    return (home / "logs" / "postgres.log").read_text(encoding="utf-8").count(REFUSED)


def file_large(scene: Scene, count: int) -> None:
    """File large tickets at a steady pace, each until it is accepted."""
    with ThreadPoolExecutor(4) as pool:
        filed = [pool.submit(scene.filing.file, f"{scene.subject} {n}", large()) for n in paced(count, PER_SECOND)]
        assert len({ticket.result() for ticket in filed}) == count


def assert_refused_whole(scene: Scene) -> None:
    """Send a request that cannot be stored, once, and see that it is refused and that nothing of it is there."""
    stage, subject = scene.stage, "Refused for good"
    answer = stage.desk.call("POST", "/v1/tickets", json={"subject": subject, "description": large()})
    assert answer.status_code == 503, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "dependency_unavailable"
    assert stage.ledger.rows("SELECT count(*) FROM tickets WHERE subject = %s", subject) == [(0,)]
    # Whoever only reads is served.
    assert stage.desk.call("GET", "/v1/tickets?limit=5").status_code == 200


def fill_up_under_load(scene: Scene, pool: ThreadPoolExecutor) -> None:
    """File large tickets, the disk being full until requests were refused, and return when all were accepted."""
    home = scene.stage.home
    said, refused = refusals(home), scene.filing.refused["503"]
    with full_disk(home):
        load = pool.submit(file_large, scene, TICKETS)
        eventually(lambda: scene.filing.refused["503"] >= refused + REFUSALS, within=30)
        assert_refused_whole(scene)
    load.result()
    assert refusals(home) > said + REFUSALS


def test_a_full_disk_refuses_and_loses_nothing_accepted(stage, rounds):
    with scene_on(stage) as scene, ThreadPoolExecutor(1) as pool:
        for done in range(rounds):
            fill_up_under_load(scene, pool)
            scene.assert_nothing_lost_or_doubled(TICKETS * (done + 1))

        assert set(scene.filing.refused) == {"503"}
    # What was refused took no number either.
    assert stage.ledger.rows(NUMBERS) == [(list(range(1, TICKETS * rounds + 1)),)]
