"""What levels lead to, by the actions of the policy's version: each once, in order, people hear of the highest."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from psycopg import sql

from psms.domain.access import Actor, Role
from psms.domain.accounts import NewTeam
from psms.domain.lifecycle import Action
from psms.domain.sla_policies import NewSlaPolicy
from psms.domain.tickets import EditTicket, NewComment, OpenTicket, Priority, TicketType
from psms.runtime import Runtime
from tests.support.databases import MigratedDatabase
from tests.support.tenants import Tenant, add_caller, file_ticket
from workflows import directory, tickets
from workflows.comments import add_comment
from workflows.sla_policies import add_policy
from workflows.sla_sweep import fire_due_timers
from workflows.sla_verification import verify_clocks

PAGES = """
    SELECT e.type, b.body #>> '{data,page,level}', b.body #>> '{data,page,severity}', b.body #>> '{data,page,state}'
    FROM events e CROSS JOIN LATERAL (SELECT CAST(convert_from(e.body, 'UTF8') AS jsonb) AS body) b
    WHERE e.type LIKE 'page.%%' ORDER BY e.id
"""
IN_ORDER = """
    SELECT b.body #>> '{data,ticket,type}', b.body #>> '{data,sla,level}', b.body #>> '{data,sla,at}'
    FROM events e CROSS JOIN LATERAL (SELECT CAST(convert_from(e.body, 'UTF8') AS jsonb) AS body) b
    WHERE e.type LIKE 'sla.%%' ORDER BY e.id
"""
SLA_EVENTS = "SELECT type, body FROM events WHERE type LIKE 'sla.%%' ORDER BY sequence"


@pytest.fixture
def agent(rt: Runtime, acme: Tenant) -> UUID:
    """A user who works on tickets."""
    return add_caller(rt, acme.organization_id, Role.AGENT).actor.user_id


@pytest.fixture
def team(rt: Runtime, acme: Tenant, agent: UUID) -> UUID:
    """A team of that user."""
    return UUID(json.loads(directory.add_team(rt, acme.actor, NewTeam(name="B", member_ids=(agent,)), None).body)["id"])


@pytest.fixture
def ticket_id(rt: Runtime, acme: Tenant, agent: UUID, team: UUID) -> UUID:
    """A ticket that is to be resolved within a hundred minutes, with a level for each kind of action."""
    levels: list[dict[str, Any]] = [
        {"id": "half", "percent": 50, "actions": [{"type": "event"}, {"type": "notify", "to": "assignee"}]},
        {"id": "soon", "offset_seconds": -600, "actions": [{"type": "add_watcher", "user_id": str(agent)}]},
        {
            "id": "breach",
            "percent": 100,
            "actions": [{"type": "reassign", "team_id": str(team)}, {"type": "notify", "user_id": str(agent)}],
        },
        {
            "id": "page",
            "offset_seconds": 600,
            "clock": "wall",
            "actions": [
                {"type": "event"},
                {"type": "page"},
                {"type": "raise_priority"},
                {"type": "reassign", "user_id": str(agent)},
            ],
        },
    ]
    target: Any = {"seconds": 6000, "levels": levels}
    add_policy(rt, acme.actor, NewSlaPolicy(name="P", targets={"resolution": target}), None)
    return file_ticket(rt, acme.actor)


def after(rt: Runtime, database: MigratedDatabase, minutes: float) -> list[str]:
    """Let so many minutes have passed, and return the events of what is due by then."""
    database.move_clock(timedelta(minutes=minutes))
    while fire_due_timers(rt):
        pass
    return [str(kind) for kind, _ in database.rows(SLA_EVENTS)]


def test_each_level_does_what_the_policy_says(
    rt: Runtime, database: MigratedDatabase, acme: Tenant, *, ticket_id: UUID, agent: UUID, team: UUID
) -> None:
    assert after(rt, database, 50.1) == ["sla.at_risk"]
    assert database.rows("SELECT kind, user_id FROM notifications") == [("sla.at_risk", None)]
    assert after(rt, database, 90.1) == ["sla.at_risk"]
    assert database.rows("SELECT ticket_id, user_id FROM ticket_watchers") == [(ticket_id, agent)]
    assert after(rt, database, 100.1)[1:] == ["sla.breached", "sla.escalated"]
    assert database.rows("SELECT kind, user_id FROM notifications OFFSET 1") == [("sla.breached", agent)]
    assert tickets.get_ticket(rt, acme.actor, ticket_id).team_id == team
    assert after(rt, database, 110.1)[3:] == ["sla.overdue", "sla.escalated"]

    ticket = tickets.get_ticket(rt, acme.actor, ticket_id)
    assert (ticket.priority, ticket.assignee_id, ticket.team_id, ticket.version) == (Priority.HIGH, agent, team, 3)
    assert after(rt, database, 900)[5:] == []
    assert database.rows(PAGES) == [("page.triggered", "page", "error", "triggered")]


def test_levels_that_are_due_at_once_are_all_recorded_and_people_hear_of_the_highest(
    rt: Runtime, database: MigratedDatabase, ticket_id: UUID, agent: UUID
) -> None:
    kinds = after(rt, database, 101)

    bodies = [json.loads(bytes(body)) for _, body in database.rows(SLA_EVENTS)]  # type: ignore[call-overload]
    assert kinds == ["sla.at_risk", "sla.breached", "sla.escalated"]
    assert [body["data"]["sla"]["level"] for body in bodies] == ["half", "breach", "breach"]
    assert [body["data"]["sla"]["late"] for body in bodies] == [True, True, True]
    assert database.rows("SELECT kind, user_id FROM notifications") == [("sla.breached", agent)]
    fired = "SELECT level FROM sla_fires ORDER BY at, level"
    assert [level for (level,) in database.rows(fired)] == ["half", "soon", "(breach)", "breach"]
    assert database.count("ticket_watchers") == 1


def test_what_one_sweep_notices_is_told_in_the_order_in_which_it_was_due(
    rt: Runtime, database: MigratedDatabase, acme: Tenant
) -> None:
    for kind, seconds in {TicketType.REQUEST: 600, TicketType.INCIDENT: 480}.items():
        target: Any = {"seconds": seconds, "levels": [{"id": "half", "percent": 50, "actions": [{"type": "event"}]}]}
        conditions: Any = {"types": [kind.value]}
        policy = NewSlaPolicy(name=kind.value, conditions=conditions, targets={"resolution": target})
        add_policy(rt, acme.actor, policy, None)
    for kind in (TicketType.REQUEST, TicketType.INCIDENT):
        tickets.open_ticket(rt, acme.actor, OpenTicket(subject="Due", type=kind), None)
    after(rt, database, 11)

    told = database.rows(IN_ORDER)
    assert [(kind, level) for kind, level, _ in told] == [
        ("incident", "half"),
        ("request", "half"),
        ("incident", "breach"),
        ("request", "breach"),
    ]
    assert [at for *_, at in told] == sorted(str(at) for *_, at in told)


def test_what_is_resolved_at_the_very_instant_of_a_level_has_not_reached_it(
    rt: Runtime, database: MigratedDatabase, acme: Tenant, ticket_id: UUID
) -> None:
    half = tickets.get_ticket(rt, acme.actor, ticket_id).created_at + timedelta(minutes=50)
    database.stop_clock(half)
    tickets.edit_ticket(rt, acme.actor, ticket_id, EditTicket(fields={"priority": Priority.HIGH}))
    tickets.transition(rt, acme.actor, ticket_id, Action.RESOLVE, None)

    assert after(rt, database, 60) == []
    assert database.count("sla_fires") == 0
    assert verify_clocks(rt, acme.organization_id).differences == []


def test_a_level_of_the_very_instant_of_another_act_is_reached(
    rt: Runtime, database: MigratedDatabase, acme: Tenant, ticket_id: UUID
) -> None:
    half = tickets.get_ticket(rt, acme.actor, ticket_id).created_at + timedelta(minutes=50)
    database.stop_clock(half)
    tickets.transition(rt, acme.actor, ticket_id, Action.PEND, None)

    assert after(rt, database, 60) == ["sla.at_risk"]
    assert database.rows("SELECT at FROM sla_fires") == [(half,)]
    assert verify_clocks(rt, acme.organization_id).differences == []


def test_who_is_no_longer_active_is_passed_over(
    rt: Runtime, database: MigratedDatabase, acme: Tenant, ticket_id: UUID, agent: UUID
) -> None:
    database.run(sql.SQL("UPDATE users SET active = false WHERE id = {}").format(sql.Literal(agent)))
    after(rt, database, 120)

    ticket = tickets.get_ticket(rt, acme.actor, ticket_id)
    assert [kind for kind, *_ in database.rows(PAGES)] == ["page.triggered"]
    assert (ticket.assignee_id, ticket.priority) == (None, Priority.HIGH)
    assert (database.count("ticket_watchers"), database.count("sla_fires")) == (0, 5)


def test_a_breach_is_told_whatever_the_levels_are(rt: Runtime, database: MigratedDatabase, acme: Tenant) -> None:
    target: Any = {"seconds": 60, "levels": []}
    add_policy(rt, acme.actor, NewSlaPolicy(name="P", targets={"resolution": target}), None)
    file_ticket(rt, acme.actor)

    assert after(rt, database, 2) == ["sla.breached"]
    assert after(rt, database, 4) == ["sla.breached"]
    assert database.count("notifications") == 0


@pytest.mark.parametrize("taking", ["assigned", "opened", "answered"])
def test_who_was_called_is_called_off_when_the_ticket_is_taken_and_when_its_clock_ends(
    rt: Runtime, database: MigratedDatabase, acme: Tenant, *, ticket_id: UUID, agent: UUID, taking: str
) -> None:
    database.run(sql.SQL("UPDATE users SET active = false WHERE id = {}").format(sql.Literal(agent)))
    after(rt, database, 111)
    database.run(sql.SQL("UPDATE users SET active = true WHERE id = {}").format(sql.Literal(agent)))
    if taking == "assigned":
        tickets.edit_ticket(rt, acme.actor, ticket_id, EditTicket(fields={"assignee_id": agent}))
    elif taking == "opened":
        tickets.transition(rt, acme.actor, ticket_id, Action.OPEN, None)
    else:
        add_comment(rt, answering(rt, acme), ticket_id, NewComment(body="On my way."), None)
    assert [(kind, state) for kind, _, _, state in database.rows(PAGES)][1:] == [("page.acknowledged", "acknowledged")]

    tickets.transition(rt, acme.actor, ticket_id, Action.RESOLVE, None)

    assert [(kind, state) for kind, _, _, state in database.rows(PAGES)][2:] == [("page.resolved", "resolved")]


def answering(rt: Runtime, acme: Tenant) -> Actor:
    """Somebody who works on tickets and is not the requester of this one."""
    return add_caller(rt, acme.organization_id, Role.MANAGER).actor
