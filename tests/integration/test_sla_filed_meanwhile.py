"""A ticket that is being filed while an edit is made: it follows the edit, although no page of it saw the ticket."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Event
from uuid import UUID

from typing_extensions import override

from psms.adapters.system import SystemChance
from psms.domain.sla.edits import Applies
from psms.domain.sla.policy_edits import PolicyFields
from psms.domain.sla_policies import EditSlaPolicy, NewSlaPolicy
from psms.runtime import Runtime
from tests.support.databases import MigratedDatabase
from tests.support.tenants import Tenant, file_ticket
from tests.support.waiting import eventually
from workflows.sla_policies import add_policy, edit_policy
from workflows.sla_rebase import rebase_tickets
from workflows.sla_sweep import fire_due_timers

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
TARGETS = "SELECT extract(epoch FROM target)::int FROM sla_clocks ORDER BY 1"


class Hesitant(SystemChance):
    """Gives out no id before it is told to: whoever asks stands still in the middle of a change."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.told = Event(), Event()

    @override
    def new_id(self, at: datetime, /) -> UUID:
        self.asked.set()
        self.told.wait(20)
        return super().new_id(at)


def test_a_ticket_that_is_being_filed_while_an_edit_is_made_follows_it(
    rt: Runtime, database: MigratedDatabase, acme: Tenant
) -> None:
    policy = add_policy(rt, acme.actor, NewSlaPolicy(name="P", resolution_seconds=7200), None)
    file_ticket(rt, acme.actor)
    edit = EditSlaPolicy(fields=PolicyFields(resolution_seconds=3600), applies=Applies.OPEN_TICKETS)
    chance = Hesitant()

    with ThreadPoolExecutor(2) as pool:
        filing = pool.submit(file_ticket, replace(rt, chance=chance), acme.actor)
        chance.asked.wait(20)
        edit_policy(rt, acme.actor, UUID(json.loads(policy.body)["id"]), edit)
        rebase = pool.submit(rebase_tickets, rt)
        eventually(lambda: database.rows(WAITING) == [(1,)] or rebase.done(), what="a rebase that waits or is done")
        chance.told.set()
        filing.result()
        followed = rebase.result()

    assert followed == 2
    assert database.rows(TARGETS) == [(3600,), (3600,)]
    database.move_clock(timedelta(seconds=3601))
    assert fire_due_timers(rt) == 2
