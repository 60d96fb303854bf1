"""Rules for the tests of automations: written, applied until nothing waits, and what became of them."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psms.domain.automations.views import Firing, NewAutomation
from psms.domain.pages import PageRequest
from psms.runtime import Runtime
from tests.support.tenants import Tenant
from workflows import automations
from workflows.automation_runs import run_automations
from workflows.relay import relay_outbox

ALL = PageRequest(limit=100)
RUNS = "SELECT state, failures FROM automation_runs"


def write_rule(rt: Runtime, tenant: Tenant, on: str, *actions: dict[str, Any], name: str = "Rule", **said: Any) -> UUID:
    """Write a rule that is for one type of event."""
    position, stop = said.pop("position", 1000), said.pop("stop", False)
    rule: Any = {"on": [on], "conditions": said, "actions": list(actions), "stop": stop}
    command = NewAutomation(name=name, rule=rule, position=position, active=True)
    return UUID(json.loads(automations.add_automation(rt, tenant.actor, command, None).body)["id"])


def settle(rt: Runtime) -> int:
    """Relay and apply until nothing waits; return how many events rules were applied to."""
    total = 0
    while relay_outbox(rt):
        total += run_automations(rt)
    return total


def firings(rt: Runtime, tenant: Tenant, ticket_id: UUID) -> Sequence[Firing]:
    """Return what became of rules for a ticket's events, oldest first."""
    return automations.firings_of_ticket(rt, tenant.actor, ticket_id, ALL).items[::-1]


def tag(*tags: str) -> dict[str, Any]:
    """Return an action that adds tags."""
    return {"type": "add_tags", "tags": list(tags)}
