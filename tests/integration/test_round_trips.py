"""How often the hot paths ask PostgreSQL, counted on the wire; how long that takes is measured by `bench`."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import count
from typing import Any
from uuid import UUID

import pytest

from psms.db.session import Database
from psms.domain.access import Permission, Role
from psms.domain.accounts import NewTeam
from psms.domain.answers import OnceKey
from psms.domain.pages import PageRequest
from psms.domain.services import NewService, SaveForm
from psms.domain.sla_policies import NewSlaPolicy
from psms.domain.tickets import OpenTicket, TicketFilter
from psms.runtime import Runtime
from tests.support.answers import ACCEPTED, HOOK
from tests.support.databases import MigratedDatabase
from tests.support.lanes import answered, pile_up, set_lane
from tests.support.offices import add_custom_caller
from tests.support.tenants import Tenant, add_caller, add_endpoint, claim, file_ticket, make_tenant
from tests.support.wire import CountingProxy, counted
from workflows import accounts, catalogue, directory, tickets
from workflows.forms import save_form
from workflows.relay import relay_outbox
from workflows.sla_policies import add_policy

# As often as it takes until psycopg has prepared every statement.
_WARM = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """A runtime whose way to PostgreSQL is counted, and a caller."""

    rt: Runtime
    proxy: CountingProxy
    acme: Tenant

    def cost(self, act: Callable[[], object]) -> tuple[int, int]:
        """Return how many statements, and how many round trips, *act* takes once it is warm."""
        for _ in range(_WARM):
            act()
        before = (self.proxy.statements, self.proxy.round_trips)
        act()
        return self.proxy.statements - before[0], self.proxy.round_trips - before[1]


@pytest.fixture
def wire(rt: Runtime, database: MigratedDatabase) -> Iterator[Wire]:
    acme = make_tenant(rt)
    add_policy(rt, acme.actor, NewSlaPolicy(name="Usual", first_response_seconds=60, resolution_seconds=600), None)
    with counted(database.app_url) as (proxy, url):
        through = Database(url, pool_size=1)
        yield Wire(rt=replace(rt, db=through), proxy=proxy, acme=acme)
        through.close()


def test_a_caller_is_recognised_by_one_statement(wire: Wire) -> None:
    assert wire.cost(lambda: accounts.authenticate(wire.rt, wire.acme.token, "request")) == (1, 1)


def test_a_ticket_is_read_by_one_statement(wire: Wire) -> None:
    ticket_id = file_ticket(wire.rt, wire.acme.actor)

    assert wire.cost(lambda: tickets.get_ticket(wire.rt, wire.acme.actor, ticket_id)) == (1, 1)


def test_a_list_is_read_by_one_statement_whatever_its_length(wire: Wire) -> None:
    for _ in range(60):
        file_ticket(wire.rt, wire.acme.actor)

    def read(limit: int) -> int:
        page = PageRequest(after=None, limit=limit)
        return len(tickets.list_tickets(wire.rt, wire.acme.actor, TicketFilter(), page).items)

    assert read(50) == 50
    assert wire.cost(lambda: read(1)) == wire.cost(lambda: read(50)) == (1, 1)


@pytest.mark.parametrize("role", [Role.AGENT, Role.REQUESTER])
def test_who_sees_only_some_tickets_asks_as_seldom(wire: Wire, role: Role) -> None:
    caller = add_caller(wire.rt, wire.acme.organization_id, role)
    ticket_id = file_ticket(wire.rt, caller.actor)
    page = PageRequest(after=None, limit=50)

    assert wire.cost(lambda: tickets.get_ticket(wire.rt, caller.actor, ticket_id)) == (1, 1)
    assert wire.cost(lambda: tickets.list_tickets(wire.rt, caller.actor, TicketFilter(), page)) == (1, 1)


def test_a_custom_role_comes_with_the_caller(wire: Wire) -> None:
    caller = add_custom_caller(wire.rt, wire.acme, Role.AGENT, (Permission.TICKET_READ,))

    assert accounts.authenticate(wire.rt, caller.token, "request").kept == frozenset({"ticket.read"})
    assert wire.cost(lambda: accounts.authenticate(wire.rt, caller.token, "request")) == (1, 1)


def test_a_ticket_with_its_clocks_is_filed_in_three_round_trips(wire: Wire) -> None:
    # BEGIN with the organization; number, instant and promise; everything that is written, with COMMIT.
    assert wire.cost(lambda: file_ticket(wire.rt, wire.acme.actor)) == (5, 3)


def test_an_agreement_of_its_team_costs_a_filed_ticket_nothing_more(wire: Wire) -> None:
    body = directory.add_team(wire.rt, wire.acme.actor, NewTeam(name="Second line"), None).body
    command = OpenTicket(subject="Printer on fire", team_id=UUID(json.loads(body)["id"]))
    stay: Any = {"with_team": {"seconds": 60}}
    add_policy(wire.rt, wire.acme.actor, NewSlaPolicy(name="Second line", targets=stay), None)

    assert wire.cost(lambda: tickets.open_ticket(wire.rt, wire.acme.actor, command, None)) == (5, 3)


@pytest.mark.parametrize("role", [Role.ADMIN, Role.REQUESTER])
def test_the_form_of_its_service_costs_a_filed_ticket_nothing_more(wire: Wire, role: Role) -> None:
    caller = add_caller(wire.rt, wire.acme.organization_id, role).actor
    made = catalogue.add_service(wire.rt, wire.acme.actor, NewService(name="Moves"), None)
    service_id = UUID(json.loads(made.body)["id"])
    fields = [{"key": "site", "type": "text", "label": "Site", "required": "filing"}]
    save_form(wire.rt, wire.acme.actor, service_id, SaveForm(fields=fields))
    command = OpenTicket(subject="Move", service_id=service_id, custom_fields={"site": "north"})

    assert wire.cost(lambda: tickets.open_ticket(wire.rt, caller, command, None)) == (5, 3)


def test_an_idempotency_key_costs_no_round_trip_more(wire: Wire) -> None:
    keys = count()

    def file() -> object:
        once = OnceKey(key=f"key-{next(keys)}", fingerprint=b"print")
        return tickets.open_ticket(wire.rt, wire.acme.actor, OpenTicket(subject="Once"), once)

    # Its lock comes with BEGIN, the look for an earlier answer with the number; the new one is kept with the ticket.
    assert wire.cost(file) == (5, 3)


def test_a_repeated_request_writes_nothing(wire: Wire) -> None:
    once = OnceKey(key="key", fingerprint=b"print")

    def repeat() -> object:
        return tickets.open_ticket(wire.rt, wire.acme.actor, OpenTicket(subject="Once"), once)

    assert wire.cost(repeat) == (4, 3)


def test_what_a_lane_learns_costs_a_delivery_no_round_trip_more(wire: Wire, database: MigratedDatabase) -> None:
    endpoint_id, _ = add_endpoint(wire.rt, wire.acme.actor, HOOK)
    file_ticket(wire.rt, wire.acme.actor)
    relay_outbox(wire.rt)
    pile_up(database, [endpoint_id], 2 * _WARM)
    set_lane(database, endpoint_id, max_in_flight=1, latency_ms=5)

    # BEGIN, look, ready lanes, claim, re-arm, enter, prepare and COMMIT; BEGIN, lock, settle, health, follow, COMMIT.
    assert wire.cost(lambda: answered(wire.rt, claim(wire.rt), ACCEPTED))[1] == 14
