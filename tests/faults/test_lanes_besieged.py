"""Partners that hang, by the hundred or with a hundred thousand waiting, and many dispatchers: others are served.

The sizes here fit a busy machine; `--soak` has the full ones. How long it takes by the clock is the benchmark's.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from threading import Barrier
from uuid import UUID

import psycopg
import pytest

from psms.adapters.slots import Slots
from psms.domain.attempts import Outcome
from psms.domain.lanes import Standing
from psms.domain.shares import Pool
from psms.runtime import Runtime
from tests.faults.conftest import soaking
from tests.support.answers import ACCEPTED, HOOK, REFUSED
from tests.support.besiegers import CountedSlots, Siege
from tests.support.databases import MigratedDatabase
from tests.support.lanes import answered, pile_up
from tests.support.tenants import Tenant, add_endpoint, file_ticket, known_to_answer, make_tenant
from tests.support.waiting import eventually
from workflows.deliveries import deliver_due
from workflows.delivery_claims import claim_due
from workflows.delivery_jobs import Job, UnderWay
from workflows.lane_reconciliation import reconcile_lanes
from workflows.relay import relay_outbox

TIMED_OUT = replace(REFUSED, outcome=Outcome.TIMEOUT, status=None, duration_ms=15_000)
TIMEOUT_S = 15
SLOTS = 128


@pytest.fixture
def many(request: pytest.FixtureRequest) -> bool:
    """Whether the full size is wanted."""
    return soaking(request.config)


@pytest.fixture
def slots() -> Iterator[Slots]:
    """The slots of one worker process."""
    slots = Slots(SLOTS)
    yield slots
    slots.close(5)


def endpoints_of(rt: Runtime, tenant: Tenant, path: str, count: int) -> list[UUID]:
    """Register so many endpoints whose addresses begin with *path*."""
    return [add_endpoint(rt, tenant.actor, f"http://127.0.0.1:40009{path}/{number}")[0] for number in range(count)]


def test_w17_one_hanging_endpoint_with_a_deep_backlog_holds_its_share_and_the_others_are_served(
    rt, database, slots, many
):
    siege, acme = Siege(), make_tenant(rt)
    healthy = endpoints_of(rt, acme, "/quick", 25)
    (hanging,) = endpoints_of(rt, acme, "/hang", 1)
    file_ticket(rt, acme.actor)
    relay_outbox(rt)
    pile_up(database, [hanging], 100_000 if many else 3_000)
    known_to_answer(database)
    worker = replace(rt, sender=siege, slots=slots, settings=replace(rt.settings, lease_seconds=3600))
    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(1))
        stack.callback(siege.over.set)
        stack.callback(rt.stopping.set)
        pool.submit(deliver_due, worker)
        for _ in range(4):
            file_ticket(rt, acme.actor)
        relay_outbox(rt)
        waiting = "SELECT FROM webhook_deliveries WHERE state <> 'delivered' AND endpoint_id <> %s LIMIT 1"
        eventually(lambda: database.rows(waiting, hanging) == [], within=30, what="all others' deliveries")
        assert 1 <= siege.most_hanging <= SLOTS // 4
        hung = database.rows("SELECT state FROM webhook_deliveries WHERE endpoint_id = %s AND tries > 0", hanging)
        # At most its cap of sixteen, and fewer where it was found to hang before it had so many.
        assert set(hung) == {("in_flight",)}
        assert len(hung) in range(1, 17)
    assert {len(ids) for url, ids in siege.got.items() if "/quick" in url} == {5}
    assert len(healthy) == 25


class PlayedProcess:
    """One process with its slots, played in steps of fifteen seconds: who hangs times out by the next."""

    def __init__(self, rt: Runtime, hanging: set[UUID], size: int) -> None:
        self.slots = CountedSlots(size)
        self.rt = replace(rt, slots=self.slots, settings=replace(rt.settings, lease_seconds=60))
        self._hanging = hanging
        self.out: list[Job] = []

    def serve(self) -> set[UUID]:
        """Claim until nothing is left to claim, answer at once for who is well; return who was served."""
        served: set[UUID] = set()
        while jobs := self._claim():
            well = [job for job in jobs if job.endpoint_id not in self._hanging]
            self.out += [job for job in jobs if job.endpoint_id in self._hanging]
            answered(self.rt, well, ACCEPTED)
            served |= {job.endpoint_id for job in well}
            self.slots.taken = len(self.out)
        return served

    def time_out(self) -> None:
        """Let every request that hangs reach its deadline."""
        answered(self.rt, self.out, TIMED_OUT)
        self.out, self.slots.taken = [], 0

    def _claim(self) -> list[Job]:
        slow, new = (sum(job.pool is pool for job in self.out) for pool in (Pool.SLOW, Pool.NEW))
        return claim_due(self.rt, suspects=True, alone=True, under_way=UnderWay(new=new, slow=slow)).jobs


def test_w18_many_hanging_endpoints_never_keep_a_healthy_one_waiting_and_are_left_alone_after_five_failures(
    rt, database, many
):
    bad, well, size = (200, 20, SLOTS) if many else (48, 6, 32)
    tenants = [make_tenant(rt, f"Bad {number}") for number in range(-(-bad // 100))]
    share = bad // len(tenants)
    hanging = {endpoint for tenant in tenants for endpoint in endpoints_of(rt, tenant, "/hang", share)}
    good = make_tenant(rt, "Good")
    healthy = set(endpoints_of(rt, good, "/quick", well))
    file_ticket(rt, good.actor)
    relay_outbox(rt)
    process = PlayedProcess(rt, hanging, size)
    assert process.serve() == healthy
    for tenant in tenants:
        for _ in range(6):
            file_ticket(rt, tenant.actor)
    relay_outbox(rt)
    not_open = "SELECT count(*) FROM webhook_lanes WHERE circuit <> 'open' AND endpoint_id = ANY (%s)"
    ahead, steps = 0.0, 0
    while database.rows(not_open, list(hanging)) != [(0,)]:
        process.serve()
        # The slots are as full as they get; what comes now is served at once all the same.
        file_ticket(rt, good.actor)
        relay_outbox(rt)
        assert process.serve() == healthy
        ahead, steps = ahead + TIMEOUT_S, steps + 1
        database.move_clock(timedelta(seconds=ahead))
        process.time_out()
        assert steps < 100
    failures = "SELECT max(failures_in_a_row) FROM webhook_lanes WHERE endpoint_id = ANY (%s)"
    assert database.rows(failures, list(hanging)) == [(5,)]
    # What is still tried is a probe here and there.
    assert process.serve() == set()
    assert {job.standing for job in process.out} <= {Standing.FAILING}
    assert len(process.out) <= size // 4


def test_w19_many_dispatchers_at_once_make_each_delivery_once_and_strand_no_lane(rt, database, many):
    siege, acme = Siege(), make_tenant(rt)
    endpoints = endpoints_of(rt, acme, "/quick", 6)
    file_ticket(rt, acme.actor)
    relay_outbox(rt)
    each = 10_000 if many else 80
    pile_up(database, endpoints, each - 1)
    dispatchers = [replace(rt, sender=siege, slots=Slots(8), worker=f"w{number}") for number in range(16)]
    barrier = Barrier(len(dispatchers))

    def dispatch(worker: Runtime) -> int:
        barrier.wait()
        return deliver_due(replace(worker, settings=replace(worker.settings, lease_seconds=600)))

    with ThreadPoolExecutor(len(dispatchers)) as pool:
        assert sum(pool.map(dispatch, dispatchers)) == 6 * each
    for worker in dispatchers:
        worker.slots.close(5)
    assert database.rows("SELECT state, count(*) FROM webhook_deliveries GROUP BY state") == [("delivered", 6 * each)]
    assert database.count("webhook_attempts") == 6 * each
    assert {len(set(ids)) for ids in siege.got.values()} == {len(ids) for ids in siege.got.values()} == {each}
    assert reconcile_lanes(rt) == 0
    assert database.rows("SELECT DISTINCT next_due_at = 'infinity' FROM webhook_lanes") == [(True,)]


def test_w20_hints_that_somebody_lost_are_restored_and_all_is_delivered(rt, database):
    siege, acme = Siege(), make_tenant(rt)
    for number in range(3):
        add_endpoint(rt, acme.actor, f"{HOOK}/{number}")
    for _ in range(4):
        file_ticket(rt, acme.actor)
    relay_outbox(rt)
    worker = replace(rt, sender=siege)
    with_hand(database, "UPDATE webhook_lanes SET next_due_at = 'infinity'")
    assert deliver_due(worker) == 0

    assert reconcile_lanes(worker) == 3

    assert reconcile_lanes(worker) == 0
    assert deliver_due(worker) == 12
    assert database.rows("SELECT DISTINCT state FROM webhook_deliveries") == [("delivered",)]


@pytest.mark.parametrize(
    "reason",
    [
        "next_due_at = 'infinity', circuit = 'open', probe_at = psms_now() + interval '1 hour'",
        "next_due_at = psms_now() + interval '1 hour', not_before = psms_now() + interval '1 hour'",
        "next_due_at = 'infinity', open = false",
    ],
    ids=["circuit", "retry-after", "paused"],
)
def test_a_lane_that_waits_for_a_reason_is_not_looked_at_sooner(rt, database, reason):
    acme = make_tenant(rt)
    add_endpoint(rt, acme.actor, HOOK)
    file_ticket(rt, acme.actor)
    relay_outbox(rt)
    with_hand(database, f"UPDATE webhook_lanes SET {reason}")

    reconcile_lanes(rt)

    assert deliver_due(replace(rt, sender=Siege())) == 0
    assert reconcile_lanes(rt) == 0


def with_hand(database: MigratedDatabase, statement: str) -> None:
    """Write what no code of ours would."""
    with psycopg.connect(database.superuser_url, autocommit=True) as connection:
        connection.execute(statement.encode())
