"""Whoever lets open tickets follow an edit dies by SIGKILL between two steps: each ticket follows it once."""

import json
import signal
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from psms.crash import CrashPoint
from psms.domain.sla.edits import Applies
from psms.domain.sla.policy_edits import PolicyFields
from psms.domain.sla_policies import EditSlaPolicy, NewSlaPolicy
from psms.runtime import Runtime
from tests.support.commands import environment_on, run_psms
from tests.support.crew import assert_clocks_follow_from_their_ledgers
from tests.support.databases import MigratedDatabase
from tests.support.keys import TEST_KEK
from tests.support.tenants import file_ticket, make_tenant
from workflows.sla_policies import add_policy, edit_policy
from workflows.sla_rebase import PAGE, rebase_tickets

TICKETS = PAGE + 1
FOLLOWED = "SELECT count(*) FROM sla_clocks WHERE policy_version = 2 AND segment = 2"
REBASES = "SELECT state, tickets FROM sla_rebases"


@pytest.mark.parametrize(("point", "done"), [(CrashPoint.REBASE_UNCOMMITTED, 0), (CrashPoint.REBASE_COMMITTED, PAGE)])
@pytest.mark.timeout(300)
def test_a_death_of_a_rebase_leaves_a_page_whole_or_not_at_all(
    rt: Runtime, database: MigratedDatabase, tmp_path: Path, *, point: CrashPoint, done: int
) -> None:
    acme = make_tenant(rt)
    made = json.loads(add_policy(rt, acme.actor, NewSlaPolicy(name="P", resolution_seconds=3600), None).body)
    for _ in range(TICKETS):
        file_ticket(rt, acme.actor)
    database.move_clock(timedelta(minutes=1))
    edit = EditSlaPolicy(fields=PolicyFields(resolution_seconds=7200), applies=Applies.OPEN_TICKETS)
    edit_policy(rt, acme.actor, UUID(made["id"]), edit)

    killed = run_psms(environment_on(database, tmp_path, PSMS_KEK=TEST_KEK, PSMS_CRASH_AT=point), "drain")
    assert killed.returncode == -signal.SIGKILL
    assert (database.rows(REBASES), database.rows(FOLLOWED)) == ([("waiting", done)], [(done,)])

    assert rebase_tickets(rt) == TICKETS - done
    assert (database.rows(REBASES), database.rows(FOLLOWED)) == ([("done", TICKETS)], [(TICKETS,)])
    assert database.count("sla_segments") == 2 * TICKETS
    assert_clocks_follow_from_their_ledgers(environment_on(database, tmp_path, PSMS_KEK=TEST_KEK), clocks=TICKETS)
