"""Agreements between teams: each stay of a ticket with a team is a cycle, kept, swept, verified and reported apart."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from psms.db import schema
from psms.domain.access import Role
from psms.domain.accounts import NewTeam
from psms.domain.lifecycle import Action
from psms.domain.pages import PageRequest
from psms.domain.sla.attainment import By, Figure, Question, Selection
from psms.domain.sla.edits import Applies
from psms.domain.sla.policy_edits import PolicyFields
from psms.domain.sla.terms import Metric
from psms.domain.sla_policies import EditSlaPolicy, NewSlaPolicy
from psms.domain.sla_standing import ClockView
from psms.domain.tickets import EditTicket, NewComment, OpenTicket, Priority
from psms.runtime import Runtime
from tests.support.databases import MigratedDatabase
from tests.support.tenants import Tenant, add_caller
from workflows import directory, tickets
from workflows.comments import add_comment
from workflows.sla_policies import add_policy, edit_policy
from workflows.sla_rebase import rebase_tickets
from workflows.sla_reports import attainment, counted_tickets
from workflows.sla_standing import sla_of_ticket
from workflows.sla_sweep import fire_due_timers
from workflows.sla_verification import verify_clocks

EVENTS = "SELECT type FROM events WHERE type ~ '^(sla|ola|page)\\.' ORDER BY id"


def team(rt: Runtime, acme: Tenant, name: str) -> UUID:
    """Return a new team."""
    return UUID(json.loads(directory.add_team(rt, acme.actor, NewTeam(name=name, member_ids=()), None).body)["id"])


@pytest.fixture
def lines(rt: Runtime, acme: Tenant) -> tuple[UUID, UUID]:
    """The first and the second line; the customer is promised a day, the first line half an hour, the second four."""
    first, second = team(rt, acme, "First line"), team(rt, acme, "Second line")
    add_policy(rt, acme.actor, NewSlaPolicy(name="Customers", resolution_seconds=86_400), None)
    agree(rt, acme, "First line", 1800, [first])
    agree(rt, acme, "Second line", 14_400, [second])
    return first, second


def agree(rt: Runtime, acme: Tenant, name: str, seconds: int, teams: list[UUID], **target: Any) -> UUID:
    """Let teams agree on how long they may have a ticket."""
    stay: Any = {"seconds": seconds, **target}
    conditions: Any = {"team_ids": [str(one) for one in teams]}
    promise = NewSlaPolicy(name=name, conditions=conditions, targets={"with_team": stay})
    return UUID(json.loads(add_policy(rt, acme.actor, promise, None).body)["id"])


def file(rt: Runtime, acme: Tenant, team_id: UUID | None) -> UUID:
    """File a ticket with a team."""
    created = tickets.open_ticket(rt, acme.actor, OpenTicket(subject="Printer on fire", team_id=team_id), None)
    return UUID(json.loads(created.body)["id"])


def hand(rt: Runtime, acme: Tenant, ticket_id: UUID, team_id: UUID | None) -> None:
    """Hand a ticket over."""
    tickets.edit_ticket(rt, acme.actor, ticket_id, EditTicket(fields={"team_id": team_id}))


def stays(rt: Runtime, acme: Tenant, ticket_id: UUID) -> list[ClockView]:
    """Return the stays of a ticket with teams, and make sure that all else is the customer's."""
    clocks = sla_of_ticket(rt, acme.actor, ticket_id).clocks
    assert [(one.operational, one.team_id is not None) for one in clocks] == [
        (one.metric is Metric.WITH_TEAM,) * 2 for one in clocks
    ]
    return [one for one in clocks if one.operational]


def shown(stay: ClockView) -> tuple[UUID | None, int, str, int]:
    """Return team, cycle, state and minutes of a stay."""
    return stay.team_id, stay.cycle, stay.state.value, stay.consumed_seconds // 60


def test_each_hand_over_begins_a_cycle_and_ends_the_one_before(
    rt: Runtime, database: MigratedDatabase, acme: Tenant, lines: tuple[UUID, UUID]
) -> None:
    first, second = lines
    ticket_id = file(rt, acme, first)
    database.move_clock(timedelta(minutes=20))
    hand(rt, acme, ticket_id, second)
    database.move_clock(timedelta(minutes=300))
    fire_due_timers(rt)
    hand(rt, acme, ticket_id, first)
    database.move_clock(timedelta(minutes=310))
    tickets.transition(rt, acme.actor, ticket_id, Action.RESOLVE, None)

    assert [shown(one) for one in stays(rt, acme, ticket_id)] == [
        (first, 1, "met", 20),
        (second, 2, "missed", 280),
        (first, 3, "met", 10),
    ]
    assert verify_clocks(rt, acme.organization_id).differences == []
    assert [kind for (kind,) in database.rows(EVENTS)] == ["ola.at_risk", "ola.breached"]
    assert database.rows("SELECT kind FROM notifications") == [("ola.breached",)]
    assert tickets.get_ticket(rt, acme.actor, ticket_id).priority is Priority.MEDIUM


def test_a_stay_pauses_and_is_resumed_when_the_ticket_comes_back_to_the_same_team(
    rt: Runtime, database: MigratedDatabase, acme: Tenant, lines: tuple[UUID, UUID]
) -> None:
    first, second = lines
    ticket_id = file(rt, acme, first)
    for minutes, action in ((10, Action.PEND), (100, Action.RESUME), (105, Action.RESOLVE), (200, Action.REOPEN)):
        database.move_clock(timedelta(minutes=minutes))
        tickets.transition(rt, acme.actor, ticket_id, action, None)
    assert [shown(one) for one in stays(rt, acme, ticket_id)] == [(first, 1, "running", 15)]

    tickets.transition(rt, acme.actor, ticket_id, Action.RESOLVE, None)
    hand(rt, acme, ticket_id, second)
    assert [shown(one) for one in stays(rt, acme, ticket_id)] == [(first, 1, "met", 15)]
    tickets.transition(rt, acme.actor, ticket_id, Action.REOPEN, None)

    assert [shown(one) for one in stays(rt, acme, ticket_id)] == [(first, 1, "met", 15), (second, 2, "running", 0)]
    assert verify_clocks(rt, acme.organization_id).differences == []


def test_a_level_that_reassigns_ends_the_stay_and_begins_another(
    rt: Runtime, database: MigratedDatabase, acme: Tenant, lines: tuple[UUID, UUID]
) -> None:
    third = team(rt, acme, "Third line")
    actions = [{"type": "reassign", "team_id": str(lines[1])}, {"type": "page"}]
    agree(rt, acme, "Third line", 600, [third], levels=[{"id": "breach", "percent": 100, "actions": actions}])
    ticket_id = file(rt, acme, third)
    database.move_clock(timedelta(minutes=11))
    assert fire_due_timers(rt) == 1

    assert [shown(one) for one in stays(rt, acme, ticket_id)] == [
        (third, 1, "missed", 11),
        (lines[1], 2, "running", 0),
    ]
    assert [kind for (kind,) in database.rows(EVENTS)] == ["ola.breached", "ola.escalated", "page.triggered"]
    assert verify_clocks(rt, acme.organization_id).differences == []
    assert fire_due_timers(rt) == 0


def test_an_edited_agreement_moves_stays_and_nothing_of_what_the_customer_was_promised(
    rt: Runtime, database: MigratedDatabase, acme: Tenant, lines: tuple[UUID, UUID]
) -> None:
    third = team(rt, acme, "Third line")
    without = file(rt, acme, third)
    ticket_id = file(rt, acme, lines[0])
    policy_id = agree(rt, acme, "All lines", 3600, [])
    database.move_clock(timedelta(minutes=15))
    edit = EditSlaPolicy(
        fields=PolicyFields(targets={"with_team": {"seconds": 7200}}), position=1, applies=Applies.OPEN_TICKETS
    )
    edit_policy(rt, acme.actor, policy_id, edit)
    assert rebase_tickets(rt) == 2

    moved, begun = stays(rt, acme, ticket_id)[0], stays(rt, acme, without)[0]
    assert (moved.target_seconds, moved.consumed_seconds // 60, moved.policy_id) == (7200, 15, policy_id)
    assert (begun.target_seconds, shown(begun)) == (7200, (third, 1, "running", 0))
    promised = [one for one in sla_of_ticket(rt, acme.actor, ticket_id).clocks if not one.operational]
    assert [[segment.cause for segment in one.segments] for one in promised] == [["start"]]
    assert verify_clocks(rt, acme.organization_id).differences == []


def test_a_change_of_priority_asks_agreements_again_and_a_hand_over_asks_no_promise(
    rt: Runtime, acme: Tenant, lines: tuple[UUID, UUID]
) -> None:
    ticket_id = file(rt, acme, lines[0])
    urgent = NewSlaPolicy(
        name="Urgent", position=1, conditions={"priorities": ["high"]}, targets={"with_team": {"seconds": 60}}
    )
    add_policy(rt, acme.actor, urgent, None)
    add_policy(rt, acme.actor, NewSlaPolicy(name="Newer", position=1, resolution_seconds=7), None)
    hand(rt, acme, ticket_id, lines[1])
    promised = [one for one in sla_of_ticket(rt, acme.actor, ticket_id).clocks if not one.operational]
    assert [one.target_seconds for one in promised] == [86_400]

    tickets.edit_ticket(rt, acme.actor, ticket_id, EditTicket(fields={"priority": Priority.HIGH}))

    assert [(one.cycle, one.target_seconds) for one in stays(rt, acme, ticket_id)] == [(1, 1800), (2, 60)]


def test_a_ticket_with_no_promise_has_its_stay_alone_and_one_without_a_team_none(rt: Runtime, acme: Tenant) -> None:
    only = team(rt, acme, "Only line")
    agree(rt, acme, "All", 600, [])
    with_team, without = file(rt, acme, only), file(rt, acme, None)

    assert [shown(one) for one in stays(rt, acme, with_team)] == [(only, 1, "running", 0)]
    assert sla_of_ticket(rt, acme.actor, without).clocks == []
    hand(rt, acme, without, only)
    hand(rt, acme, without, None)
    assert [shown(one) for one in stays(rt, acme, without)] == [(only, 1, "met", 0)]
    assert verify_clocks(rt, acme.organization_id).differences == []


def test_reports_count_stays_by_the_team_that_had_the_ticket_and_apart_from_promises(
    rt: Runtime, database: MigratedDatabase, acme: Tenant, lines: tuple[UUID, UUID]
) -> None:
    first, second = lines
    ticket_id = file(rt, acme, first)
    database.move_clock(timedelta(minutes=45))
    hand(rt, acme, ticket_id, second)
    database.move_clock(timedelta(minutes=60))
    tickets.transition(rt, acme.actor, ticket_id, Action.RESOLVE, None)
    now = datetime.now(UTC)
    question = Question(since=now - timedelta(days=1), until=now + timedelta(days=1), by=By.TEAM)
    promised = attainment(rt, acme.actor, question)
    agreed = attainment(rt, acme.actor, replace(question, metric=Metric.WITH_TEAM))

    assert [(one.key, one.met.clocks, one.missed.clocks) for one in promised.groups] == [(str(second), 1, 0)]
    assert {(one.key, one.name, one.met.clocks, one.missed.clocks) for one in agreed.groups} == {
        (str(first), "First line", 0, 1),
        (str(second), "Second line", 1, 0),
    }
    assert (agreed.total.attainment, agreed.total.causes["took_too_long"].clocks) == (0.5, 1)
    missed = Selection(question=replace(question, metric=Metric.WITH_TEAM), figure=Figure.MISSED, key=str(first))
    page = counted_tickets(rt, acme.actor, missed, PageRequest(after=None, limit=10))
    assert [one.id for one in page.items] == [ticket_id]


def test_a_former_release_knows_nothing_of_agreements_and_keeps_every_promise(
    rt: Runtime, database: MigratedDatabase, acme: Tenant, lines: tuple[UUID, UUID]
) -> None:
    ticket_id = file(rt, acme, lines[0])
    schema.downgrade(database.owner_url, "0007")

    assert database.rows("SELECT metric FROM sla_clocks") == [("resolution",)]
    kept = """
        SELECT p.name, p.active, ARRAY(SELECT jsonb_object_keys(v.definition -> 'targets'))
        FROM sla_policies p JOIN sla_policy_versions v ON v.policy_id = p.id ORDER BY p.id
    """
    assert database.rows(kept) == [
        ("Customers", True, ["resolution"]),
        ("First line", False, ["resolution"]),
        ("Second line", False, ["resolution"]),
    ]
    schema.upgrade(database.owner_url, database.app_url)
    assert [one.metric for one in sla_of_ticket(rt, acme.actor, ticket_id).clocks] == [Metric.RESOLUTION]
    assert verify_clocks(rt, acme.organization_id).differences == []


def test_a_promise_that_becomes_an_agreement_holds_between_teams_and_another_policy_for_the_customer(
    rt: Runtime, acme: Tenant
) -> None:
    first = team(rt, acme, "First line")
    add_policy(rt, acme.actor, NewSlaPolicy(name="All", position=2, resolution_seconds=7200), None)
    made = add_policy(rt, acme.actor, NewSlaPolicy(name="P", position=1, resolution_seconds=3600), None)
    ticket_id = file(rt, acme, first)
    fields = PolicyFields(targets={"with_team": {"seconds": 1800}})

    edit = EditSlaPolicy(fields=fields, applies=Applies.OPEN_TICKETS)
    edit_policy(rt, acme.actor, UUID(json.loads(made.body)["id"]), edit)
    rebase_tickets(rt)

    clocks = sla_of_ticket(rt, acme.actor, ticket_id).clocks
    assert [(clock.metric, clock.target_seconds) for clock in clocks] == [
        (Metric.RESOLUTION, 7200),
        (Metric.WITH_TEAM, 1800),
    ]


@pytest.mark.parametrize("is_looked_at", [False, True], ids=["by nobody", "by an answer"])
def test_an_edited_agreement_holds_for_a_resolved_ticket_when_it_is_reopened(
    rt: Runtime, database: MigratedDatabase, acme: Tenant, *, is_looked_at: bool
) -> None:
    first = team(rt, acme, "First line")
    policy_id = agree(rt, acme, "First line", 1800, [first])
    ticket_id = file(rt, acme, first)
    for action in (Action.OPEN, Action.RESOLVE):
        tickets.transition(rt, acme.actor, ticket_id, action, None)

    database.move_clock(timedelta(minutes=5))
    fields = PolicyFields(targets={"with_team": {"seconds": 7200}})
    edit_policy(rt, acme.actor, policy_id, EditSlaPolicy(fields=fields, applies=Applies.OPEN_TICKETS))
    rebase_tickets(rt)
    if is_looked_at:
        colleague = add_caller(rt, acme.organization_id, Role.MANAGER).actor
        add_comment(rt, colleague, ticket_id, NewComment(body="Here you are"), None)
    tickets.transition(rt, acme.actor, ticket_id, Action.REOPEN, None)

    assert [stay.target_seconds for stay in stays(rt, acme, ticket_id)] == [7200]
    assert database.rows("SELECT c.policy_version, t.sla_followed > 0 FROM sla_clocks c, tickets t") == [(2, True)]
    assert verify_clocks(rt, acme.organization_id).differences == []
