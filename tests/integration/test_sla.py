"""SLA on PostgreSQL: escalated once, on time, whoever sweeps; paused, met and missed as the events say."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest

from psms.db.queries import tickets as queries
from psms.domain.access import Role
from psms.domain.lifecycle import Action
from psms.domain.sla_policies import NewSlaPolicy
from psms.domain.sla_standing import ClockView
from psms.domain.tickets import EditTicket, NewComment, OpenTicket, Priority, Visibility
from psms.runtime import Runtime
from tests.support.databases import MigratedDatabase
from tests.support.tenants import Tenant, add_caller, file_ticket, make_tenant
from workflows import comments, tickets
from workflows.sla_policies import add_policy
from workflows.sla_standing import sla_of_ticket
from workflows.sla_sweep import fire_due_timers

MINUTE = 60
SLA_EVENTS = "SELECT type FROM events WHERE type LIKE 'sla.%%' ORDER BY id"


@pytest.fixture
def acme(rt: Runtime) -> Tenant:
    """An organization that promises a first response in ten minutes and a resolution in an hour."""
    tenant = make_tenant(rt)
    promise(rt, tenant, first=10 * MINUTE, last=60 * MINUTE)
    return tenant


def promise(rt: Runtime, tenant: Tenant, priority: Priority | None = None, *, first: int = 0, last: int) -> None:
    """Add a policy for the first response, unless that is 0, and the resolution."""
    name, given = f"Policy {priority}", first or None
    policy = NewSlaPolicy(name=name, priority=priority, first_response_seconds=given, resolution_seconds=last)
    add_policy(rt, tenant.actor, policy, None)


def clocks(rt: Runtime, tenant: Tenant, ticket_id: UUID) -> dict[str, ClockView]:
    """Return the clocks of a ticket by metric."""
    return {clock.metric.value: clock for clock in sla_of_ticket(rt, tenant.actor, ticket_id).clocks}


def told(database: MigratedDatabase) -> list[str]:
    """Return the types of all SLA events, in the order in which they were written."""
    return [str(kind) for (kind,) in database.rows(SLA_EVENTS)]


def after(database: MigratedDatabase, minutes: float) -> None:
    """Let the clock run ahead by *minutes* since the start."""
    database.move_clock(timedelta(minutes=minutes))


def test_a_ticket_left_alone_is_at_risk_then_breached_and_escalated_once(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    ticket_id = file_ticket(rt, acme.actor)
    assert fire_due_timers(rt) == 0

    after(database, 8.1)
    assert fire_due_timers(rt) == 1
    assert told(database) == ["sla.at_risk"]
    after(database, 10.1)
    assert fire_due_timers(rt) == 1
    assert fire_due_timers(rt) == 0

    ticket = tickets.get_ticket(rt, acme.actor, ticket_id)
    clock = clocks(rt, acme, ticket_id)["first_response"]
    actions = database.rows("SELECT action FROM logs WHERE target_id = %s AND actor_id IS NULL ORDER BY id", ticket_id)
    assert told(database) == ["sla.at_risk", "sla.breached", "sla.escalated"]
    assert (ticket.priority, ticket.version) == (Priority.HIGH, 2)
    assert clock.breached_at == clock.due_at == ticket.created_at + timedelta(minutes=10)
    assert [action for (action,) in actions] == ["sla.at_risk", "sla.breached", "sla.escalated"]
    assert database.rows("SELECT kind, clock_id FROM notifications") == [("sla.breached", clock.id)]


def test_the_events_say_when_it_was_due_and_whether_it_was_noticed_late(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    file_ticket(rt, acme.actor)
    after(database, 10 + 1 / 60)
    fire_due_timers(rt)
    bodies: list[dict[str, Any]] = [
        json.loads(bytes(body))  # type: ignore[call-overload]
        for (body,) in database.rows("SELECT body FROM events WHERE type LIKE 'sla.%%' ORDER BY sequence")
    ]
    notices = [body["data"]["sla"] for body in bodies]

    assert [(notice["level"], notice["late"]) for notice in notices] == [
        ("at_risk", True),
        ("breach", False),
        ("breach", False),
    ]
    assert [body["data"]["sequence"] for body in bodies] == [2, 3, 4]
    assert bodies[2]["data"]["changes"] == {"priority": {"before": "medium", "after": "high"}}
    assert bodies[2]["data"]["actor_id"] is None
    assert all(notice["at"] < body["timestamp"] for notice, body in zip(notices, bodies, strict=True))


def test_many_sweeps_at_once_breach_each_clock_once(rt: Runtime, acme: Tenant, database: MigratedDatabase) -> None:
    stranger = make_tenant(rt, "Stranger")
    promise(rt, stranger, first=MINUTE, last=2 * MINUTE)
    for n in range(30):
        file_ticket(rt, (acme, stranger)[n % 2].actor)
    after(database, 11)
    barrier = Barrier(6)

    def sweep(_: int) -> int:
        barrier.wait()
        return fire_due_timers(rt)

    with ThreadPoolExecutor(6) as pool:
        handled = list(pool.map(sweep, range(6)))
    while fire_due_timers(rt):
        pass

    # Acme's first responses, and both metrics of the stranger.
    assert told(database).count("sla.breached") == told(database).count("sla.escalated") == 15 + 30
    assert database.count("notifications") == 45
    assert sum(handled) >= 30
    doubled = database.rows("SELECT ticket_id, sequence FROM events GROUP BY 1, 2 HAVING count(*) > 1")
    assert doubled == []


def test_a_public_reply_of_staff_meets_the_first_response_and_nothing_else_does(rt: Runtime, acme: Tenant) -> None:
    requester = add_caller(rt, acme.organization_id, Role.REQUESTER)
    agent = add_caller(rt, acme.organization_id, Role.AGENT)
    ticket_id = file_ticket(rt, requester.actor)

    comments.add_comment(rt, requester.actor, ticket_id, NewComment(body="Hello?"), None)
    internal = NewComment(body="Hm.", visibility=Visibility.INTERNAL)
    comments.add_comment(rt, agent.actor, ticket_id, internal, None)
    assert clocks(rt, acme, ticket_id)["first_response"].state == "running"
    comments.add_comment(rt, agent.actor, ticket_id, NewComment(body="Here I am."), None)

    assert clocks(rt, acme, ticket_id)["first_response"].state == "met"
    assert clocks(rt, acme, ticket_id)["resolution"].state == "running"


def test_a_late_reply_is_missed_and_the_breach_is_recorded_though_no_sweep_came(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    requester = add_caller(rt, acme.organization_id, Role.REQUESTER)
    ticket_id = file_ticket(rt, requester.actor)
    after(database, 30)

    comments.add_comment(rt, acme.actor, ticket_id, NewComment(body="Sorry."), None)

    clock = clocks(rt, acme, ticket_id)["first_response"]
    filed = tickets.get_ticket(rt, acme.actor, ticket_id).created_at
    assert (clock.state, clock.breached_at) == ("missed", filed + timedelta(minutes=10))
    assert told(database) == ["sla.at_risk", "sla.breached", "sla.escalated"]
    assert fire_due_timers(rt) == 0
    assert told(database) == ["sla.at_risk", "sla.breached", "sla.escalated"]


def test_pending_and_on_hold_stop_the_resolution_clock_but_not_the_first_response(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    ticket_id = file_ticket(rt, acme.actor)
    tickets.transition(rt, acme.actor, ticket_id, Action.PEND, None)
    after(database, 5)
    tickets.transition(rt, acme.actor, ticket_id, Action.HOLD, None)
    after(database, 45)
    fire_due_timers(rt)
    tickets.transition(rt, acme.actor, ticket_id, Action.RESUME, None)
    running = clocks(rt, acme, ticket_id)

    assert told(database) == ["sla.at_risk", "sla.breached", "sla.escalated"]
    assert running["resolution"].state == "running"
    assert running["resolution"].consumed_seconds < MINUTE
    due = running["resolution"].due_at
    assert due is not None
    assert (
        timedelta(minutes=104) < due - tickets.get_ticket(rt, acme.actor, ticket_id).created_at < timedelta(minutes=106)
    )


def test_resolving_in_time_is_met_and_reopening_counts_on(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    ticket_id = file_ticket(rt, acme.actor)
    after(database, 6)
    tickets.transition(rt, acme.actor, ticket_id, Action.RESOLVE, None)
    resolved = clocks(rt, acme, ticket_id)
    after(database, 600)
    assert fire_due_timers(rt) == 0
    tickets.transition(rt, acme.actor, ticket_id, Action.REOPEN, None)
    reopened = clocks(rt, acme, ticket_id)
    after(database, 620)

    assert (resolved["resolution"].state, resolved["first_response"].state) == ("met", "cancelled")
    assert {clock.state for clock in reopened.values()} == {"running"}
    assert reopened["resolution"].consumed_seconds // MINUTE == 6
    assert told(database) == []
    assert fire_due_timers(rt) == 1
    assert told(database) == ["sla.at_risk", "sla.breached", "sla.escalated"]


def test_closed_and_cancelled_tickets_are_never_breached(rt: Runtime, acme: Tenant, database: MigratedDatabase) -> None:
    ticket_id = file_ticket(rt, acme.actor)
    tickets.transition(rt, acme.actor, ticket_id, Action.CANCEL, None)
    after(database, 600)

    assert fire_due_timers(rt) == 0
    assert told(database) == []


def test_a_higher_priority_shortens_the_targets_and_keeps_what_was_consumed(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    promise(rt, acme, Priority.CRITICAL, first=7 * MINUTE, last=20 * MINUTE)
    ticket_id = file_ticket(rt, acme.actor)
    after(database, 5)
    edit = EditTicket(fields={"priority": Priority.CRITICAL})
    tickets.edit_ticket(rt, acme.actor, ticket_id, edit)

    filed = tickets.get_ticket(rt, acme.actor, ticket_id).created_at
    running = clocks(rt, acme, ticket_id)
    assert running["first_response"].target_seconds == 7 * MINUTE
    assert running["first_response"].due_at == filed + timedelta(minutes=7)
    assert running["resolution"].due_at == filed + timedelta(minutes=20)


def test_an_escalation_retargets_the_other_clock_in_the_same_transaction(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    promise(rt, acme, Priority.HIGH, first=MINUTE, last=30 * MINUTE)
    ticket_id = file_ticket(rt, acme.actor)
    after(database, 10.1)
    fire_due_timers(rt)

    running = clocks(rt, acme, ticket_id)
    filed = tickets.get_ticket(rt, acme.actor, ticket_id).created_at
    assert running["resolution"].due_at == filed + timedelta(minutes=30)
    assert running["first_response"].due_at == filed + timedelta(minutes=10)


def test_after_an_outage_everything_is_caught_up_and_a_critical_ticket_stays_critical(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    ticket_id = file_ticket(rt, acme.actor)
    tickets.edit_ticket(rt, acme.actor, ticket_id, EditTicket(fields={"priority": Priority.CRITICAL}))
    after(database, 600)
    while fire_due_timers(rt):
        pass

    filed = tickets.get_ticket(rt, acme.actor, ticket_id).created_at
    running = clocks(rt, acme, ticket_id)
    assert [running[m].breached_at for m in ("first_response", "resolution")] == [
        filed + timedelta(minutes=10),
        filed + timedelta(minutes=60),
    ]
    assert tickets.get_ticket(rt, acme.actor, ticket_id).priority is Priority.CRITICAL
    assert told(database).count("sla.breached") == 2
    assert told(database)[0] == "sla.at_risk"


def test_a_ticket_that_somebody_edits_is_left_to_them_and_looked_at_again(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    ticket_id = file_ticket(rt, acme.actor)
    after(database, 11)
    with ThreadPoolExecutor(1) as pool, rt.db.begin(acme.organization_id) as session:
        queries.lock(session, acme.actor, ticket_id)
        assert pool.submit(fire_due_timers, rt).result(timeout=5) == 0
    assert told(database) == []
    assert fire_due_timers(rt) == 1


def test_without_a_policy_there_are_no_clocks(rt: Runtime, database: MigratedDatabase) -> None:
    tenant = make_tenant(rt)
    ticket_id = file_ticket(rt, tenant.actor)

    assert sla_of_ticket(rt, tenant.actor, ticket_id).clocks == []
    assert database.count("sla_timers") == 0


def test_the_policy_that_names_the_priority_comes_first_and_the_newest_of_several(rt: Runtime, acme: Tenant) -> None:
    promise(rt, acme, Priority.LOW, last=300)
    promise(rt, acme, Priority.LOW, last=200)
    promise(rt, acme, last=100)
    created = tickets.open_ticket(rt, acme.actor, OpenTicket(subject="x", priority=Priority.LOW), None)
    low = UUID(json.loads(created.body)["id"])
    medium = file_ticket(rt, acme.actor)

    assert [c.target_seconds for c in sla_of_ticket(rt, acme.actor, low).clocks] == [200]
    assert [c.target_seconds for c in sla_of_ticket(rt, acme.actor, medium).clocks] == [100]
