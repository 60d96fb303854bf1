"""A process dies by SIGKILL between two steps of a promise: every ticket accepted is kept, told and escalated once."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from psms.crash import CrashPoint
from tests.faults.conftest import soaking
from tests.support.desk import Desk, running_desk
from tests.support.filing import Filing
from tests.support.ledger import Ledger, ledger_of
from tests.support.receiver import Receiver
from tests.support.stacks import RunningStack
from tests.support.waiting import eventually

LEASE_S = 4
TICKETS = 24
# Together on one stack in the short form: a process that dies too often in a row waits ever longer for its start.
TOGETHER = (
    (
        CrashPoint.TICKET_COMMITTED,
        CrashPoint.RELAY_UNCOMMITTED,
        CrashPoint.DELIVERY_CLAIMED,
        CrashPoint.SWEEP_COMMITTED,
    ),
    (CrashPoint.RELAY_COMMITTED, CrashPoint.DELIVERY_SENT, CrashPoint.REAP_COMMITTED),
    (CrashPoint.SWEEP_UNCOMMITTED, CrashPoint.RESULT_UNCOMMITTED, CrashPoint.RESULT_COMMITTED),
)
# What it takes to pass the point at all: a lease that a death has left behind.
COMPANIONS = {CrashPoint.REAP_COMMITTED: (CrashPoint.DELIVERY_CLAIMED,)}
CHILD_OF = {
    **dict.fromkeys((CrashPoint.RELAY_UNCOMMITTED, CrashPoint.RELAY_COMMITTED), "core"),
    **dict.fromkeys((CrashPoint.SWEEP_UNCOMMITTED, CrashPoint.SWEEP_COMMITTED), "core"),
    **dict.fromkeys((CrashPoint.DELIVERY_CLAIMED, CrashPoint.DELIVERY_SENT), "webhooks"),
    **dict.fromkeys((CrashPoint.RESULT_UNCOMMITTED, CrashPoint.RESULT_COMMITTED), "webhooks"),
    CrashPoint.REAP_COMMITTED: "webhooks",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A stack with armed crash points, a partner, and a promise to answer within two seconds."""

    stack: RunningStack
    desk: Desk
    partner: Receiver
    ledger: Ledger


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "points" not in metafunc.fixturenames:
        return
    alone = tuple((point, *COMPANIONS.get(point, ())) for point in CrashPoint)
    chosen = alone * 10 if soaking(metafunc.config) else TOGETHER
    metafunc.parametrize("points", chosen, ids="+".join)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One home for all the stacks: they start sooner on data that are there."""
    return tmp_path_factory.mktemp("desk")


@contextmanager
def armed(home: Path, points: tuple[CrashPoint, ...]) -> Iterator[Scene]:
    variables = {"PSMS_CRASH_AT": ",".join(points), "PSMS_LEASE_SECONDS": str(LEASE_S)}
    with running_desk(home, **variables) as (stack, desk), Receiver() as partner:
        endpoint = desk.add_endpoint(partner.url("/hook"))
        promise = {"name": "Promise", "first_response_seconds": 2}
        assert desk.call("POST", "/v1/sla-policies", json=promise).status_code == 201
        yield Scene(stack=stack, desk=desk, partner=partner, ledger=ledger_of(home))
        assert desk.call("DELETE", f"/v1/webhook-endpoints/{endpoint['id']}").status_code == 204


def deaths(home: Path, point: CrashPoint) -> list[str]:
    """Return the processes that died at *point*."""
    mark = home / "run" / "crashes" / point
    return mark.read_text(encoding="ascii").split() if mark.exists() else []


def escalated(ledger: Ledger, subject: str) -> list[tuple[object, ...]]:
    """Return how often each ticket whose subject begins with *subject* was escalated."""
    query = """SELECT count(e.id) FROM tickets t LEFT JOIN events e ON e.ticket_id = t.id AND e.type = 'sla.escalated'
        WHERE starts_with(t.subject, %s) GROUP BY t.id"""
    return ledger.rows(query, subject)


def assert_all_is_well(scene: Scene, accepted: set[UUID], subject: str) -> None:
    """Wait for rest, then compare what was accepted with what is there and with what the partner got."""
    everyone = [(1,)] * len(accepted)
    eventually(lambda: escalated(scene.ledger, subject) == everyone, within=40, what="every escalation")
    eventually(lambda: not scene.ledger.breaches(), within=40, what=f"rest: {scene.ledger.breaches()}")

    received = {UUID(webhook_id) for webhook_id in scene.partner.distinct_ids()}
    query = "SELECT e.id FROM events e JOIN tickets t ON t.id = e.ticket_id WHERE starts_with(t.subject, %s)"
    told = {UUID(str(event_id)) for (event_id,) in scene.ledger.rows(query, subject)}
    filed = {
        UUID(str(row[0])) for row in scene.ledger.rows("SELECT id FROM tickets WHERE starts_with(subject, %s)", subject)
    }
    assert filed == accepted
    assert len(scene.ledger.created(subject)) == len(accepted) == TICKETS
    assert received == told


def test_a_death_between_two_steps_loses_nothing_and_doubles_nothing(home, points):
    subject = str(uuid4())
    with armed(home, points) as scene:
        filing = Filing(scene.desk)
        filing.file_many(subject, TICKETS, per_second=20)
        eventually(lambda: all(deaths(home, point) for point in points), within=30, what=f"a death at each of {points}")
        assert_all_is_well(scene, filing.accepted, subject)

        assert [len(deaths(home, point)) for point in points] == [1] * len(points)
        for name in {CHILD_OF[point] for point in points if point in CHILD_OF}:
            scene.stack.until_line(f"{name} ended (killed by SIGKILL) and is started again")
        if CrashPoint.TICKET_COMMITTED in points:
            assert filing.refused.total() >= 1
        if CrashPoint.DELIVERY_SENT in points:
            assert len(scene.partner.received) > len(scene.partner.distinct_ids())
