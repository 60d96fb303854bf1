"""A replay's processes die by SIGKILL at 40 %: it goes on from where it was, and the partner gets each event once."""

import signal
from collections import Counter
from pathlib import Path
from uuid import UUID

import pytest
from psycopg import sql

from psms.crash import CrashPoint
from psms.domain.replays import ReplayMode, ReplayState
from psms.runtime import Runtime
from tests.faults.conftest import soaking
from tests.support.backlogs import lay_deliveries
from tests.support.commands import Running, environment_on, run_psms
from tests.support.databases import MigratedDatabase
from tests.support.receiver import Receiver
from tests.support.replaying import asked, run_out
from tests.support.tenants import Tenant, add_endpoint, make_tenant
from tests.support.waiting import eventually
from workflows.deliveries import deliver_due
from workflows.replay_drain import replay_webhooks
from workflows.replays import get_replay

FAILED, DELIVERED = 120, 20
IN_FULL = 50_000
# A fifth of it is the replay's.
CAP, SHARE = 64, 12
IN_THE_LANE = """SELECT count(*) FROM webhook_deliveries WHERE trigger = 'replay' AND (state = 'in_flight'
    OR state = 'pending' AND next_attempt_at <= psms_now())"""


def endpoint_with_failures(
    rt: Runtime, acme: Tenant, database: MigratedDatabase, url: str, failed: int
) -> tuple[UUID, set[str]]:
    """Return an endpoint with so many dead deliveries, the last of all delivered, and the ids of their events."""
    endpoint_id, _ = add_endpoint(rt, acme.actor, url)
    lay_deliveries(database, acme.organization_id, endpoint_id, failed + DELIVERED)
    delivered = "UPDATE webhook_deliveries SET state = 'delivered', dead_reason = NULL WHERE sequence > {}"
    database.run(sql.SQL(delivered).format(sql.Literal(failed)))
    database.run(sql.SQL("UPDATE webhook_lanes SET max_in_flight = {}").format(sql.Literal(CAP)))
    rows = database.rows("SELECT event_id FROM webhook_deliveries WHERE state = 'dead'")
    return endpoint_id, {str(event_id) for (event_id,) in rows}


def released(database: MigratedDatabase) -> int:
    """Return how many the one replay has released."""
    ((count,),) = database.rows("SELECT released FROM webhook_replays")
    return int(str(count))


@pytest.mark.parametrize(("point", "more"), [(CrashPoint.REPLAY_UNCOMMITTED, 0), (CrashPoint.REPLAY_COMMITTED, SHARE)])
@pytest.mark.timeout(300)
def test_w24_a_replay_killed_at_40_percent_goes_on_from_its_cursor(
    rt: Runtime, database: MigratedDatabase, *, point: CrashPoint, more: int
) -> None:
    acme = make_tenant(rt)
    with Receiver() as partner:
        endpoint_id, failed = endpoint_with_failures(rt, acme, database, partner.url("/hook"), FAILED)
        replay_id = asked(rt, acme, endpoint_id, ReplayMode.FAILED)
        while released(database) < FAILED * 0.4:
            replay_webhooks(rt, patience_s=0)
            assert database.rows(IN_THE_LANE)[0][0] in range(SHARE + 1)
            deliver_due(rt)
        before, at = released(database), database.rows("SELECT done_through FROM webhook_replays")

        killed = run_psms(environment_on(database, rt.settings.home, PSMS_CRASH_AT=point), "drain")
        assert killed.returncode == -signal.SIGKILL
        assert released(database) == before + more
        assert (database.rows("SELECT done_through FROM webhook_replays") == at) is (more == 0)

        replay = run_out(rt, acme, endpoint_id, replay_id)
        received = Counter(request.headers["webhook-id"] for request in partner.received)
    assert (replay.matched, replay.released, replay.done) == (FAILED, FAILED, FAILED)
    assert received == dict.fromkeys(failed, 1)
    assert database.rows("SELECT trigger, count(*) FROM webhook_deliveries GROUP BY 1 ORDER BY 1") == [
        ("auto", DELIVERED),
        ("replay", FAILED),
    ]


@pytest.mark.timeout(3600)
def test_w24_in_full_with_its_processes_killed_while_they_send(
    rt: Runtime, database: MigratedDatabase, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    count, patience = (IN_FULL, 1800) if soaking(request.config) else (FAILED, 40)
    acme = make_tenant(rt)
    environment = environment_on(database, rt.settings.home, PSMS_LEASE_SECONDS="2")
    said = (tmp_path / "out", tmp_path / "err")
    with Receiver() as partner:
        endpoint_id, failed = endpoint_with_failures(rt, acme, database, partner.url("/hook"), count)
        replay_id = asked(rt, acme, endpoint_id, ReplayMode.FAILED)
        process = Running(environment, ("drain",), said)
        eventually(lambda: len(partner.distinct_ids()) >= count * 0.4, within=patience, what="40 %")
        process.kill()
        assert process.wait(10) == -signal.SIGKILL
        interrupted = get_replay(rt, acme.actor, endpoint_id, replay_id)
        assert (interrupted.state, interrupted.released < count) == (ReplayState.RUNNING, True)

        # One drain does all that is left of it, as far as nothing is retried.
        assert run_psms(environment, "drain", within=patience).returncode == 0
        eventually(lambda: drained(rt, acme, endpoint_id, replay_id, environment), within=patience)
        received = Counter(request.headers["webhook-id"] for request in partner.received)
    assert set(received) == failed
    # What was in flight may come again, at most once.
    assert max(received.values()) <= 2
    assert sum(received.values()) - count <= SHARE


def drained(rt: Runtime, tenant: Tenant, endpoint_id: UUID, replay_id: UUID, environment: dict[str, str]) -> bool:
    """Have another process do what is due, and tell whether a replay is over and its deliveries too."""
    assert run_psms(environment, "drain").returncode == 0
    replay = get_replay(rt, tenant.actor, endpoint_id, replay_id)
    return replay.state is ReplayState.DONE and replay.done == replay.released == replay.matched
