"""Sealing, signing and verifying the log of a test's database, and tampering with it as its owner could."""

import os
import subprocess
from datetime import timedelta
from uuid import UUID

import psycopg

from psms.adapters.anchors import anchor_of
from psms.adapters.log_keys import signer_of, trusted_keys
from psms.domain.log_proof import Finding, Verified
from psms.runtime import Runtime
from tests.support.commands import run_psms
from tests.support.databases import MigratedDatabase
from workflows.log_checkpoints import sign_chain
from workflows.log_seals import seal_logs
from workflows.log_verification import Witnesses, organizations_with_logs, verify_log

SIX_MINUTES = timedelta(minutes=6)


def psms(rt: Runtime, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Call the command line on the test's database, with the keys and anchors of its home."""
    environment = {
        **os.environ,
        "DATABASE_URL": rt.settings.database_url,
        "REDIS_URL": rt.settings.redis_url,
        "PSMS_HOME": str(rt.settings.home),
        **variables,
    }
    return run_psms(environment, *arguments)


def sealed_and_signed(rt: Runtime, database: MigratedDatabase) -> None:
    """Seal everything that is there, and sign and anchor it as if five minutes had passed."""
    seal_logs(rt)
    database.move_clock(SIX_MINUTES)
    seal_logs(rt)
    database.move_clock(timedelta())


def sign_now(rt: Runtime, organization_id: UUID) -> None:
    """Sign and anchor one organization's chain, whether or not its time has come."""
    sign_chain(rt, signer_of(rt.settings), anchor_of(rt.settings), organization_id)


def witnesses_of(rt: Runtime) -> Witnesses:
    """Return who vouches for the logs of this installation."""
    return Witnesses(keys=trusted_keys(rt.settings, []), anchored=anchor_of(rt.settings).read())


def verified(rt: Runtime, organization_id: UUID) -> Verified:
    """Verify one organization's log."""
    witnesses = witnesses_of(rt)
    return verify_log(rt, organization_id, organizations_with_logs(rt, witnesses), witnesses)


def findings(rt: Runtime) -> list[Finding]:
    """Verify every log, and return what is wrong with them."""
    witnesses = witnesses_of(rt)
    everyone = organizations_with_logs(rt, witnesses)
    return [found for one in everyone for found in verify_log(rt, one, everyone, witnesses).findings]


def found(rt: Runtime) -> list[tuple[UUID, int | None, str]]:
    """Return organization, place and kind of everything that is wrong."""
    return [(one.organization_id, one.seq, one.kind.value) for one in findings(rt)]


def tamper(database: MigratedDatabase, *statements: str, **values: object) -> int:
    """Run *statements* as a superuser who has switched triggers off; return how many rows they changed."""
    changed = 0
    with psycopg.connect(database.superuser_url) as connection:
        connection.execute("SET session_replication_role = replica")
        for statement in statements:
            changed += connection.execute(statement.encode(), values).rowcount
    return changed
