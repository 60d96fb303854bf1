"""Tickets that are being filed, or are waited for, while an edit is made: they follow it, although no page saw them."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Event
from uuid import UUID

from typing_extensions import override

from psms.adapters.system import SystemChance
from psms.domain.access import Role
from psms.domain.sla.edits import Applies
from psms.domain.sla.policy_edits import PolicyFields
from psms.domain.sla_policies import EditSlaPolicy, NewSlaPolicy
from psms.domain.tickets import NewComment, Visibility
from psms.runtime import Runtime
from tests.support.databases import MigratedDatabase
from tests.support.tenants import Tenant, add_caller, file_ticket
from tests.support.waiting import eventually
from workflows.comments import add_comment
from workflows.sla_policies import add_policy, edit_policy
from workflows.sla_rebase import rebase_tickets
from workflows.sla_sweep import fire_due_timers

WAITING = """
    SELECT count(*) FROM pg_stat_activity
    WHERE (wait_event_type = 'Lock' OR wait_event = 'PgSleep') AND datname = current_database()
"""
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


def test_tickets_that_queue_to_be_filed_while_an_edit_is_made_follow_it(
    rt: Runtime, database: MigratedDatabase, acme: Tenant
) -> None:
    policy = add_policy(rt, acme.actor, NewSlaPolicy(name="P", resolution_seconds=7200), None)
    edit = EditSlaPolicy(fields=PolicyFields(resolution_seconds=3600), applies=Applies.OPEN_TICKETS)
    chance = Hesitant()

    with ThreadPoolExecutor(6) as pool:
        filings = [pool.submit(file_ticket, replace(rt, chance=chance), acme.actor)]
        chance.asked.wait(20)
        filings += [pool.submit(file_ticket, rt, acme.actor) for _ in range(4)]
        eventually(lambda: database.rows(WAITING) == [(4,)], what="four who queue")
        edit_policy(rt, acme.actor, UUID(json.loads(policy.body)["id"]), edit)
        rebase = pool.submit(rebase_tickets, rt)
        eventually(lambda: database.rows(WAITING) == [(5,)] or rebase.done(), what="a rebase that waits or is done")
        chance.told.set()
        filed = [filing.result() for filing in filings]
        followed = rebase.result()

    assert followed == len(filed)
    assert database.rows(TARGETS) == [(3600,)] * len(filed)


def test_who_waits_for_a_ticket_while_an_edit_is_made_acts_after_it(
    rt: Runtime, database: MigratedDatabase, acme: Tenant
) -> None:
    policy = add_policy(rt, acme.actor, NewSlaPolicy(name="P", first_response_seconds=7200), None)
    agent = add_caller(rt, acme.organization_id, Role.AGENT).actor
    ticket_id = file_ticket(rt, acme.actor)
    database.move_clock(timedelta(minutes=61))
    edit = EditSlaPolicy(fields=PolicyFields(first_response_seconds=3600), applies=Applies.OPEN_TICKETS)
    note, answer = NewComment(body="Who?", visibility=Visibility.INTERNAL), NewComment(body="We come.")
    chance = Hesitant()

    with ThreadPoolExecutor(2) as pool:
        noting = pool.submit(add_comment, replace(rt, chance=chance), agent, ticket_id, note, None)
        chance.asked.wait(20)
        answering = pool.submit(add_comment, rt, agent, ticket_id, answer, None)
        eventually(lambda: database.rows(WAITING) == [(1,)], what="an answer that waits")
        edit_policy(rt, acme.actor, UUID(json.loads(policy.body)["id"]), edit)
        chance.told.set()
        noting.result()
        answering.result()

    assert database.rows("SELECT state, policy_version FROM sla_clocks") == [("missed", 2)]
