"""An organization in which tickets lie where each way of seeing leads, and callers of every role, for access tests."""

import json
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from psms.domain.access import Actor, Permission, Role
from psms.domain.access.roles import NewRole
from psms.domain.accounts import Edit, NewAssignment, NewTeam
from psms.domain.pages import PageRequest
from psms.domain.services import NewService
from psms.domain.tickets import OpenTicket
from psms.runtime import Runtime
from tests.support.tenants import Tenant, add_caller, make_tenant
from workflows import accounts, catalogue, clients, directory, roles, tickets

_EVERYTHING = PageRequest(limit=100)
READER = (Permission.TICKET_READ, Permission.COMMENT_READ)


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """Two teams with an agent each, and one ticket for each place where a ticket can lie, by name."""

    boss: Tenant
    agent: Tenant
    colleague: Tenant
    requester: Tenant
    tickets: dict[str, UUID]

    def named(self, ids: list[UUID]) -> set[str]:
        """Return the names of tickets."""
        names = {ticket_id: name for name, ticket_id in self.tickets.items()}
        return {names[ticket_id] for ticket_id in ids}


SEEN_BY_THE_AGENT = frozenset(
    {
        "of nobody's service",
        "with my team",
        "assigned to me",
        "requested by me",
        "of my team's service",
        "of my service",
    }
    | {"of my service, taken by a colleague"}
)
SEEN_BY_THE_COLLEAGUE = frozenset(
    {"of nobody's service", "with their team", "of their service", "of my service, with their team"}
    | {"of my service, taken by a colleague"}
)


def furnish(rt: Runtime, name: str = "Office") -> Office:
    """Make the organization."""
    boss = make_tenant(rt, name)
    agent, colleague = (add_caller(rt, boss.organization_id, Role.AGENT) for _ in "ab")
    requester = add_caller(rt, boss.organization_id, Role.REQUESTER)
    mine, theirs = (_team(rt, boss.actor, one.actor) for one in (agent, colleague))
    of_me, of_mine, of_theirs = (
        _service(rt, boss.actor, party)
        for party in ({"user_id": agent.actor.user_id}, {"team_id": mine}, {"team_id": theirs})
    )
    places: dict[str, dict[str, UUID]] = {
        "of nobody's service": {},
        "with my team": {"team_id": mine},
        "with their team": {"team_id": theirs},
        "assigned to me": {"assignee_id": agent.actor.user_id, "team_id": _team(rt, boss.actor)},
        "requested by me": {
            "requester_id": agent.actor.user_id,
            "service_id": of_theirs,
            "team_id": _team(rt, boss.actor),
        },
        "of my team's service": {"service_id": of_mine},
        "of my service": {"service_id": of_me},
        "of their service": {"service_id": of_theirs},
        "of my service, with their team": {"service_id": of_me, "team_id": theirs},
        "of my service, taken by a colleague": {"service_id": of_me, "assignee_id": colleague.actor.user_id},
        "with a team of nobody": {"team_id": _team(rt, boss.actor)},
        "of the requester": {"requester_id": requester.actor.user_id, "team_id": _team(rt, boss.actor)},
    }
    filed = {where: _ticket(rt, boss.actor, where, place) for where, place in places.items()}
    return Office(boss=boss, agent=agent, colleague=colleague, requester=requester, tickets=filed)


def add_custom_caller(rt: Runtime, boss: Tenant, base: Role, permissions: tuple[Permission, ...]) -> Tenant:
    """Add a client with a role of the organization's own."""
    number = len(permissions)
    made = roles.add_role(
        rt,
        boss.actor,
        NewRole(name=f"{base} with {number}", base_role=base, permissions=tuple(p.value for p in permissions)),
        None,
    )
    caller = add_caller(rt, boss.organization_id, base)
    role_id = UUID(json.loads(made.body)["id"])
    clients.edit_client(rt, boss.actor, caller.client.id, Edit(fields={"role_id": role_id}))
    return replace(caller, actor=accounts.authenticate(rt, caller.token, "test-request"))


def _team(rt: Runtime, boss: Actor, *members: Actor) -> UUID:
    number = len(directory.list_teams(rt, boss, _EVERYTHING).items)
    command = NewTeam(name=f"Team {number}", member_ids=tuple(member.user_id for member in members))
    return UUID(json.loads(directory.add_team(rt, boss, command, None).body)["id"])


def _service(rt: Runtime, boss: Actor, party: dict[str, UUID]) -> UUID:
    number = len(catalogue.list_services(rt, boss, _EVERYTHING).items)
    made = catalogue.add_service(rt, boss, NewService(name=f"Service {number}"), None)
    service_id = UUID(json.loads(made.body)["id"])
    catalogue.add_assignment(rt, boss, NewAssignment(service_id=service_id, **party), None)
    return service_id


def _ticket(rt: Runtime, boss: Actor, subject: str, place: dict[str, Any]) -> UUID:
    return UUID(json.loads(tickets.open_ticket(rt, boss, OpenTicket(subject=subject, **place), None).body)["id"])
