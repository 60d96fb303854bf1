"""Edits of a ticket whose level is due and was not noticed yet: they meet what the sweep would have left behind."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from psms.domain.access import Role
from psms.domain.sla_policies import NewSlaPolicy
from psms.domain.tickets import EditTicket, Level, Priority, PrioritySource, Ticket
from psms.errors import AlreadyTaken
from psms.runtime import Runtime
from tests.support.databases import MigratedDatabase
from tests.support.tenants import Tenant, add_caller, file_ticket
from workflows import tickets
from workflows.sla_policies import add_policy
from workflows.sla_sweep import fire_due_timers

ESCALATED = "SELECT convert_from(body, 'UTF8') FROM events WHERE type = 'sla.escalated' ORDER BY id"


def promise(rt: Runtime, acme: Tenant, action: dict[str, Any]) -> UUID:
    """Return a ticket that is to be resolved within the hour, and what the breach leads to."""
    target: Any = {"seconds": 3600, "levels": [{"id": "breach", "percent": 100, "actions": [action]}]}
    add_policy(rt, acme.actor, NewSlaPolicy(name="P", targets={"resolution": target}), None)
    return file_ticket(rt, acme.actor)


def source_of(ticket: Ticket) -> tuple[Priority, PrioritySource]:
    """Return a ticket's priority with where it comes from."""
    return ticket.priority, ticket.priority_source


@pytest.mark.parametrize("is_swept", [True, False], ids=["swept", "unswept"])
def test_a_raised_priority_stays_whoever_noticed_that_it_is_raised(
    rt: Runtime, database: MigratedDatabase, acme: Tenant, *, is_swept: bool
) -> None:
    ticket_id = promise(rt, acme, {"type": "raise_priority"})
    database.move_clock(timedelta(minutes=61))
    assert not is_swept or fire_due_timers(rt) == 1

    edited = tickets.edit_ticket(rt, acme.actor, ticket_id, EditTicket(fields={"urgency": Level.LOW}))

    assert source_of(edited) == (Priority.HIGH, PrioritySource.ESCALATION)
    assert source_of(tickets.get_ticket(rt, acme.actor, ticket_id)) == source_of(edited)
    ((body,),) = database.rows(ESCALATED)
    told = json.loads(str(body))["data"]["ticket"]
    assert (told["priority"], told["priority_source"]) == source_of(edited)


@pytest.mark.parametrize("is_swept", [True, False], ids=["swept", "unswept"])
def test_what_a_level_gave_to_somebody_is_not_taken_by_somebody_else(
    rt: Runtime, database: MigratedDatabase, acme: Tenant, *, is_swept: bool
) -> None:
    agent, other = (add_caller(rt, acme.organization_id, Role.AGENT).actor for _ in range(2))
    ticket_id = promise(rt, acme, {"type": "reassign", "user_id": str(agent.user_id)})
    database.move_clock(timedelta(minutes=61))
    assert not is_swept or fire_due_timers(rt) == 1

    with pytest.raises(AlreadyTaken) as refused:
        tickets.take_ticket(rt, other, ticket_id, None)

    assert refused.value.context["assignee_id"] == agent.user_id
    fire_due_timers(rt)
    assert tickets.get_ticket(rt, acme.actor, ticket_id).assignee_id == agent.user_id
