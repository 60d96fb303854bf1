"""Organizations, callers and endpoints for the tests, made by the workflows that make the real ones."""

import json
from dataclasses import dataclass
from uuid import UUID

from psycopg import sql

from psms.domain.access import Actor, Role, Scope
from psms.domain.access.roles import RoleChoice
from psms.domain.accounts import NewClient
from psms.domain.credentials import RegisteredClient
from psms.domain.tickets import OpenTicket
from psms.domain.webhooks import NewEndpoint
from psms.runtime import Runtime
from tests.support.databases import MigratedDatabase
from workflows import accounts, endpoints, organizations, tickets
from workflows.act import act_of_system
from workflows.clients import insert_client
from workflows.delivery_claims import claim_due
from workflows.delivery_jobs import Job

EVERY_SCOPE = tuple(scope.value for scope in Scope)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """An organization, an admin client of it with every scope, and that client's actor."""

    organization_id: UUID
    client: RegisteredClient
    client_secret: str
    token: str
    actor: Actor


def make_tenant(rt: Runtime, name: str = "Acme", role: Role = Role.ADMIN) -> Tenant:
    """Found an organization with a client of *role*."""
    organization_id = rt.chance.new_id(rt.db.ask(rt.clock.now))
    with rt.db.begin(organization_id) as session:
        act = act_of_system(rt, session, organization_id, rt.clock.now(session))
        organizations.found(act, name)
    return add_caller(rt, organization_id, role)


def add_caller(rt: Runtime, organization_id: UUID, role: Role, scopes: tuple[str, ...] = EVERY_SCOPE) -> Tenant:
    """Add a client of *role* to an organization and return it with a live token."""
    with rt.db.begin(organization_id) as session:
        command = NewClient(name=f"Test {role}", role=RoleChoice(role=role), scopes=scopes)
        act = act_of_system(rt, session, organization_id, rt.clock.now(session))
        row, secret = insert_client(act, command)
    client = accounts.client_for(rt, row.client_id)
    assert client is not None
    token = accounts.issue_token(rt, client, client.scopes).access_token
    actor = accounts.authenticate(rt, token, "test-request")
    return Tenant(organization_id=organization_id, client=client, client_secret=secret, token=token, actor=actor)


def file_ticket(rt: Runtime, actor: Actor, subject: str = "Printer on fire") -> UUID:
    """File a ticket and return its id."""
    created = tickets.open_ticket(rt, actor, OpenTicket(subject=subject), None)
    return UUID(json.loads(created.body)["id"])


def add_endpoint(rt: Runtime, actor: Actor, url: str, event_types: tuple[str, ...] | None = None) -> tuple[UUID, str]:
    """Register an endpoint and return its id and secret."""
    created = endpoints.add_endpoint(rt, actor, NewEndpoint(url=url, event_types=event_types), None)
    answer = json.loads(created.body)
    return UUID(answer["id"]), answer["secret"]


def known_to_answer(database: MigratedDatabase) -> None:
    """Have every endpoint known as one that answers, so that its lane may have any slot."""
    database.run(sql.SQL("UPDATE webhook_lanes SET latency_ms = 5"))


def claim(rt: Runtime) -> list[Job]:
    """Claim what is due, as a process with nothing under way would."""
    return claim_due(rt, suspects=True, alone=True).jobs
