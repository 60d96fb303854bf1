"""A first response that was given stays given, whatever becomes of its ticket afterwards."""

from datetime import timedelta

import pytest

from psms.domain.access import Role
from psms.domain.lifecycle import Action
from psms.domain.sla_policies import NewSlaPolicy
from psms.domain.tickets import NewComment
from tests.support.tenants import add_caller, file_ticket, make_tenant
from workflows import comments, tickets
from workflows.sla_policies import add_policy
from workflows.sla_standing import sla_of_ticket
from workflows.sla_sweep import fire_due_timers


@pytest.mark.parametrize("actions", [(Action.PEND,), (Action.PEND, Action.RESUME), (Action.RESOLVE, Action.REOPEN)])
def test_an_answered_ticket_is_not_breached_when_its_status_moves_on(rt, database, actions):
    acme = make_tenant(rt)
    requester = add_caller(rt, acme.organization_id, Role.REQUESTER)
    add_policy(rt, acme.actor, NewSlaPolicy(name="Quick", first_response_seconds=600), None)
    ticket_id = file_ticket(rt, requester.actor)
    comments.add_comment(rt, acme.actor, ticket_id, NewComment(body="Here I am."), None)

    for action in actions:
        tickets.transition(rt, acme.actor, ticket_id, action, None)
    database.move_clock(timedelta(hours=1))

    assert fire_due_timers(rt) == 0
    assert [clock.state for clock in sla_of_ticket(rt, acme.actor, ticket_id).clocks] == ["met"]
