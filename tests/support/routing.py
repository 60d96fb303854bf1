"""Teams of people, and tickets by the hundred, for what is assigned automatically. Bulk goes in by SQL."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from psycopg import sql

from psms.domain.accounts import NewTeam
from psms.domain.routing.config import RoutingConfig, Strategy
from psms.domain.routing.people import NewAbsence, Skill
from psms.domain.tickets import OpenTicket
from psms.runtime import Runtime
from tests.support.databases import MigratedDatabase
from tests.support.tenants import Tenant
from workflows import absences, directory, skills, tickets
from workflows.routing_configs import set_routing
from workflows.routing_drain import route_tickets

_PEOPLE = """
    INSERT INTO users (organization_id, id, email, name, role, created_at, updated_at)
    SELECT {}, gen_random_uuid(), 'agent' || n || '@example.com', 'Agent ' || n, 'agent', now(), now()
    FROM generate_series(1, {}) AS n
"""
# Ids in the order of the numbers, as filing one by one would give them.
_TICKETS = """
    INSERT INTO tickets (organization_id, id, number, type, subject, status, impact, urgency, priority, service_id,
        requester_id, team_id, created_at, updated_at)
    SELECT {organization}, (substr(psms_uuid_floor(psms_now())::text, 1, 24) || lpad(to_hex(n), 12, '0'))::uuid,
        n, 'incident', 'Bulk', 'new', 'medium', 'medium', 'medium', o.default_service_id, {requester}, {team},
        psms_now(), psms_now()
    FROM generate_series({first}, {last}) AS n, organizations o WHERE o.id = {organization}
"""
LOADS = """
    SELECT count(t.id) FROM memberships m LEFT JOIN tickets t ON t.assignee_id = m.user_id
    WHERE m.team_id = %s GROUP BY m.user_id ORDER BY 1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """A team of agents of an organization, and the ways to what happens to its tickets."""

    rt: Runtime
    database: MigratedDatabase
    tenant: Tenant
    id: UUID
    members: list[UUID] = field(default_factory=list)

    def assign_by(self, strategy: Strategy = Strategy.LEAST_LOADED, **rest: Any) -> None:
        """Say how the team's tickets are assigned."""
        set_routing(self.rt, self.tenant.actor, self.id, RoutingConfig(strategy=strategy, **rest), None)

    def file(self, **fields: Any) -> UUID:
        """File a ticket for the team."""
        command = OpenTicket(subject="Printer on fire", **{"team_id": self.id, **fields})
        return UUID(json.loads(tickets.open_ticket(self.rt, self.tenant.actor, command, None).body)["id"])

    def file_many(self, count: int, since: int = 1) -> None:
        """File tickets for the team, all in one statement, numbered from *since* on."""
        self.database.run(
            sql.SQL(_TICKETS).format(
                organization=sql.Literal(self.tenant.organization_id),
                requester=sql.Literal(self.tenant.actor.user_id),
                team=sql.Literal(self.id),
                first=sql.Literal(100000 + since),
                last=sql.Literal(100000 + since + count - 1),
            )
        )

    def loads(self) -> list[int]:
        """Return how many tickets each member was given, the fewest first."""
        return [int(str(row[0])) for row in self.database.rows(LOADS, self.id)]

    def assignee(self, ticket_id: UUID) -> UUID | None:
        """Return who has a ticket."""
        return tickets.get_ticket(self.rt, self.tenant.actor, ticket_id).assignee_id


def make_team(rt: Runtime, database: MigratedDatabase, tenant: Tenant, size: int) -> Team:
    """Make a team of *size* agents, whose tickets are assigned by hand."""
    count = sql.SQL(_PEOPLE).format(sql.Literal(tenant.organization_id), sql.Literal(size))
    database.run(count)
    found = database.rows(
        "SELECT id FROM users WHERE organization_id = %s AND NOT is_service ORDER BY id", tenant.organization_id
    )
    return team_of(rt, database, tenant, [UUID(str(row[0])) for row in found])


def team_of(
    rt: Runtime, database: MigratedDatabase, tenant: Tenant, members: Sequence[UUID], name: str = "Printers"
) -> Team:
    """Make a team of people that there are."""
    made = directory.add_team(rt, tenant.actor, NewTeam(name=name, member_ids=tuple(members)), None)
    team_id = UUID(json.loads(made.body)["id"])
    return Team(rt=rt, database=database, tenant=tenant, id=team_id, members=list(members))


def assign_and_wait(rt: Runtime, tenant: Tenant, user_id: UUID, service_id: UUID) -> None:
    """Let a ticket be assigned to a user, and leave another one waiting for them until they are back."""
    actor, now = tenant.actor, rt.db.ask(rt.clock.now)
    made = directory.add_team(rt, actor, NewTeam(name="Automatic", member_ids=(user_id,)), None)
    team_id = UUID(json.loads(made.body)["id"])
    skill = [Skill(skill="printers", level=1)]
    skills.set_skills_of_user(rt, actor, user_id, skill)
    skills.set_skills_of_service(rt, actor, service_id, skill)
    set_routing(rt, actor, team_id, RoutingConfig(strategy=Strategy.ROUND_ROBIN), None)
    for away in (None, NewAbsence(user_id=user_id, since=now, until=now + timedelta(hours=1))):
        if away is not None:
            absences.add_absence(rt, actor, away, None)
        tickets.open_ticket(rt, actor, OpenTicket(subject="Routed", team_id=team_id), None)
        route_tickets(rt)
