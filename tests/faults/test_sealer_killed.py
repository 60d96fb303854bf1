"""A sealer dies by SIGKILL between two steps: every committed entry is sealed once, in a chain that verifies."""

import os
import signal
from datetime import timedelta

import pytest

from psms.crash import CrashPoint
from psms.runtime import Runtime
from tests.support.commands import run_psms
from tests.support.databases import MigratedDatabase
from tests.support.log_tools import SIX_MINUTES, found, sealed_and_signed, verified
from tests.support.tenants import Tenant, file_ticket, make_tenant
from workflows.log_seals import seal_logs

TICKETS = 20


@pytest.fixture
def acme(rt: Runtime) -> Tenant:
    """An organization with an admin client."""
    return make_tenant(rt)


def drain(rt: Runtime, **variables: str) -> int:
    """Do all that is due in a process of its own, and return how it ended."""
    environment = {
        **os.environ,
        "DATABASE_URL": rt.settings.database_url,
        "REDIS_URL": rt.settings.redis_url,
        "PSMS_HOME": str(rt.settings.home),
        **variables,
    }
    return run_psms(environment, "drain").returncode


@pytest.mark.parametrize(
    ("point", "sealed"),
    [
        (CrashPoint.SEAL_UNCOMMITTED, False),
        (CrashPoint.SEAL_COMMITTED, True),
        (CrashPoint.CHECKPOINT_ANCHORED, True),
    ],
)
@pytest.mark.timeout(600)
def test_a_death_of_the_sealer_leaves_a_batch_whole_or_not_at_all(
    rt: Runtime, database: MigratedDatabase, acme: Tenant, rounds: int, point: CrashPoint, *, sealed: bool
) -> None:
    for number in range(rounds):
        for ticket in range(TICKETS):
            file_ticket(rt, acme.actor, f"Ticket {number}-{ticket}")
        if point is CrashPoint.CHECKPOINT_ANCHORED:
            seal_logs(rt)
            database.move_clock(SIX_MINUTES)
        waiting, checkpoints = database.count("log_unsealed"), database.count("log_checkpoints")
        mark = rt.settings.home / "run" / "crashes" / point
        mark.unlink(missing_ok=True)

        assert drain(rt, PSMS_CRASH_AT=point) == -signal.SIGKILL

        assert database.count("log_unsealed") == (0 if sealed else waiting)
        assert database.count("log_checkpoints") == checkpoints
        database.move_clock(timedelta())
        sealed_and_signed(rt, database)
        assert database.count("log_seals") == database.count("logs")
        assert found(rt) == []
    proof = verified(rt, acme.organization_id)
    # What was anchored and then forgotten by the death is in the anchor twice, or once more.
    assert proof.anchored >= proof.checkpoints == rounds
