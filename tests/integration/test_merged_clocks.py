"""The clocks of tickets that are merged, deleted and come back: they stop, go on, and agree with their ledgers."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from psms.domain.access import Role
from psms.domain.lifecycle import Action
from psms.domain.sla_policies import NewSlaPolicy
from psms.domain.tickets import NewComment
from psms.runtime import Runtime
from tests.support.databases import MigratedDatabase
from tests.support.tenants import Tenant, add_caller, file_ticket, make_tenant
from workflows import comments, deletions, merges, sla_standing, tickets
from workflows.sla_policies import add_policy
from workflows.sla_sweep import fire_due_timers
from workflows.sla_verification import verify_clocks

START = datetime(2026, 11, 23, 8, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def acme(rt: Runtime, database: MigratedDatabase) -> Tenant:
    """An organization that promises an answer in 10 minutes and a resolution in 20."""
    tenant = make_tenant(rt)
    database.stop_clock(START)
    add_policy(rt, tenant.actor, NewSlaPolicy(name="P", first_response_seconds=600, resolution_seconds=1200), None)
    return tenant


@pytest.fixture
def at(rt: Runtime, database: MigratedDatabase) -> Callable[[int], None]:
    """Let it be so many minutes after the start, and what is due be swept."""

    def move(minutes: int) -> None:
        database.stop_clock(START + minutes * MINUTE)
        fire_due_timers(rt)

    return move


def clocks(rt: Runtime, acme: Tenant, ticket_id: UUID) -> dict[str, tuple[str, float, datetime | None]]:
    """Return each clock's state, the minutes that it has consumed, and when it is due."""
    shown = sla_standing.sla_of_ticket(rt, acme.actor, ticket_id).clocks
    return {one.metric.value: (one.state.value, one.consumed_seconds / 60, one.due_at) for one in shown}


def nothing_differs(rt: Runtime, acme: Tenant) -> bool:
    return not verify_clocks(rt, acme.organization_id).differences


def test_a_merged_ticket_never_escalates_and_meets_nothing(
    rt: Runtime, acme: Tenant, database: MigratedDatabase, at: Callable[[int], None]
) -> None:
    merged, survivor = (file_ticket(rt, acme.actor) for _ in "ab")
    at(5)
    merges.merge_ticket(rt, acme.actor, merged, survivor, None)
    at(60)

    assert {state for state, _, _ in clocks(rt, acme, merged).values()} == {"cancelled"}
    breached = database.rows("SELECT ticket_id FROM events WHERE type = 'sla.breached'")
    assert breached == [(survivor,), (survivor,)]
    assert database.rows("SELECT count(*) FROM sla_timers WHERE ticket_id = %s AND next_at IS NOT NULL", merged) == [
        (0,)
    ]
    assert nothing_differs(rt, acme)


def test_after_the_merge_is_taken_back_the_clocks_go_on_where_they_stopped(
    rt: Runtime, acme: Tenant, at: Callable[[int], None]
) -> None:
    merged, survivor = (file_ticket(rt, acme.actor) for _ in "ab")
    at(5)
    merges.merge_ticket(rt, acme.actor, merged, survivor, None)
    at(65)
    merges.unmerge_ticket(rt, acme.actor, merged, None)

    assert clocks(rt, acme, merged) == {
        "first_response": ("running", 5, START + 70 * MINUTE),
        "resolution": ("running", 5, START + 80 * MINUTE),
    }
    at(75)
    assert {name: one[0] for name, one in clocks(rt, acme, merged).items()} == {
        "first_response": "running",
        "resolution": "running",
    }
    assert nothing_differs(rt, acme)


def test_what_was_breached_before_a_merge_stays_so(rt: Runtime, acme: Tenant, at: Callable[[int], None]) -> None:
    merged, survivor = (file_ticket(rt, acme.actor) for _ in "ab")
    at(15)
    merges.merge_ticket(rt, acme.actor, merged, survivor, None)
    at(20)
    merges.unmerge_ticket(rt, acme.actor, merged, None)

    shown = {one.metric.value: one.breached_at for one in sla_standing.sla_of_ticket(rt, acme.actor, merged).clocks}
    assert shown == {"first_response": START + 10 * MINUTE, "resolution": None}
    assert nothing_differs(rt, acme)


def test_a_deleted_tickets_clocks_are_held_and_go_on_when_it_is_restored(
    rt: Runtime, acme: Tenant, database: MigratedDatabase, at: Callable[[int], None]
) -> None:
    ticket_id = file_ticket(rt, acme.actor)
    at(3)
    deletions.delete_ticket(rt, acme.actor, ticket_id, None)
    at(60)
    assert database.rows("SELECT count(*) FROM events WHERE type LIKE 'sla.%%'") == [(0,)]
    deletions.restore_ticket(rt, acme.actor, ticket_id, None)

    assert clocks(rt, acme, ticket_id) == {
        "first_response": ("running", 3, START + 67 * MINUTE),
        "resolution": ("running", 3, START + 77 * MINUTE),
    }
    at(70)
    assert database.rows("SELECT count(*) FROM events WHERE type = 'sla.breached'") == [(1,)]
    assert nothing_differs(rt, acme)


def test_a_clock_that_was_held_before_the_ticket_was_deleted_is_held_after(
    rt: Runtime, acme: Tenant, at: Callable[[int], None]
) -> None:
    ticket_id = file_ticket(rt, acme.actor)
    at(1)
    tickets.transition(rt, acme.actor, ticket_id, Action.HOLD, None)
    at(3)
    deletions.delete_ticket(rt, acme.actor, ticket_id, None)
    at(60)
    deletions.restore_ticket(rt, acme.actor, ticket_id, None)

    assert clocks(rt, acme, ticket_id)["resolution"] == ("paused", 1, None)
    at(62)
    tickets.transition(rt, acme.actor, ticket_id, Action.RESUME, None)
    assert clocks(rt, acme, ticket_id)["resolution"] == ("running", 1, START + 81 * MINUTE)
    assert nothing_differs(rt, acme)


def test_what_is_said_through_a_merged_ticket_moves_the_survivors_clocks(
    rt: Runtime, acme: Tenant, at: Callable[[int], None]
) -> None:
    agent = add_caller(rt, acme.organization_id, Role.AGENT).actor
    merged, survivor = (file_ticket(rt, acme.actor) for _ in "ab")
    at(2)
    merges.merge_ticket(rt, acme.actor, merged, survivor, None)
    comments.add_comment(rt, acme.actor, merged, NewComment(body="Of who asked"), None)
    assert clocks(rt, acme, survivor)["first_response"][0] == "running"
    at(4)
    comments.add_comment(rt, agent, merged, NewComment(body="Of the desk"), None)

    assert clocks(rt, acme, survivor)["first_response"][0] == "met"
    assert clocks(rt, acme, merged)["first_response"][0] == "cancelled"
    at(6)
    merges.unmerge_ticket(rt, acme.actor, merged, None)
    # The answer is on it, so it was answered.
    shown = clocks(rt, acme, merged)
    assert (shown["first_response"][:2], shown["resolution"][:2]) == (("met", 2), ("running", 2))
    assert nothing_differs(rt, acme)
