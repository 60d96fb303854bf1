"""Who gets which events: by type, by group, by what a filter asks of the body; and what asking costs the relay."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from psycopg import sql

from psms.db.session import Database
from psms.domain.accounts import Edit
from psms.domain.lifecycle import Action
from psms.domain.tickets import EditTicket, OpenTicket, Priority
from psms.domain.webhooks import NewEndpoint
from psms.runtime import Runtime
from tests.support.databases import MigratedDatabase
from tests.support.tenants import Tenant, file_ticket
from tests.support.wire import CountingProxy, counted
from workflows import endpoint_trials, endpoints, tickets
from workflows.relay import relay_outbox

DELIVERED = "SELECT event_type FROM webhook_deliveries WHERE endpoint_id = %s ORDER BY sequence"
URGENT = {"path": "data.ticket.priority", "op": "in", "value": ["critical", "high"]}


def told(rt: Runtime, acme: Tenant, **wanted: Any) -> UUID:
    """Register an endpoint that wants these events, and return its id."""
    command = NewEndpoint(url="http://127.0.0.1:8099/hook", **wanted)
    return UUID(json.loads(endpoints.add_endpoint(rt, acme.actor, command, None).body)["id"])


def file(rt: Runtime, acme: Tenant, priority: Priority, subject: str = "Printer on fire") -> UUID:
    """File a ticket of a priority and return its id."""
    command = OpenTicket(subject=subject, priority=priority, priority_reason="So it is.")
    return UUID(json.loads(tickets.open_ticket(rt, acme.actor, command, None).body)["id"])


def test_an_endpoint_gets_the_types_and_groups_that_it_chose(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    everything = told(rt, acme)
    group = told(rt, acme, event_types=("ticket.*",))
    mixed = told(rt, acme, event_types=("sla.*", "ticket.resolved"))
    ticket_id = file_ticket(rt, acme.actor)
    tickets.transition(rt, acme.actor, ticket_id, Action.RESOLVE, None)
    assert relay_outbox(rt) == 3

    whole = [("ticket.created",), ("ticket.status_changed",), ("ticket.resolved",)]
    assert database.rows(DELIVERED, everything) == database.rows(DELIVERED, group) == whole
    assert database.rows(DELIVERED, mixed) == [("ticket.resolved",)]


def test_a_filter_keeps_from_an_endpoint_what_it_does_not_want_and_leaves_no_gap(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    everything, urgent = told(rt, acme), told(rt, acme, event_filter=URGENT)
    raised = {"all": [{"path": "data.changes.priority.after", "op": "eq", "value": "critical"}]}
    escalated = told(rt, acme, event_types=("ticket.*",), event_filter=raised)
    for priority in (Priority.LOW, Priority.HIGH, Priority.MEDIUM):
        file(rt, acme, priority)
    ticket_id = file(rt, acme, Priority.CRITICAL)
    fields = {"priority": Priority.LOW, "priority_reason": "Put out."}
    tickets.edit_ticket(rt, acme.actor, ticket_id, EditTicket(fields=fields))
    fields = {"priority": Priority.CRITICAL, "priority_reason": "Not quite."}
    tickets.edit_ticket(rt, acme.actor, ticket_id, EditTicket(fields=fields))
    assert relay_outbox(rt) == 6

    assert len(database.rows(DELIVERED, everything)) == 6
    assert database.rows(DELIVERED, urgent) == [("ticket.created",)] * 2 + [("ticket.updated",)]
    assert database.rows(DELIVERED, escalated) == [("ticket.updated",)]
    sequences = "SELECT sequence FROM webhook_deliveries WHERE endpoint_id = %s ORDER BY sequence"
    assert database.rows(sequences, urgent) == [(1,), (2,), (3,)]


def test_a_test_is_sent_whatever_the_endpoint_filters(rt: Runtime, acme: Tenant, database: MigratedDatabase) -> None:
    endpoint_id = told(rt, acme, event_types=("time.*",), event_filter=URGENT)
    endpoint_trials.send_test(rt, acme.actor, endpoint_id)
    relay_outbox(rt)

    assert database.rows(DELIVERED, endpoint_id) == [("webhook.test",)]


@pytest.mark.parametrize("broken", ['{"path": "data"}', '{"op": "regex", "path": "type", "value": "x"}', "[1]"])
def test_a_filter_that_cannot_be_read_any_more_keeps_nothing_back(
    rt: Runtime, acme: Tenant, database: MigratedDatabase, broken: str
) -> None:
    endpoint_id = told(rt, acme, event_filter=URGENT)
    database.run(sql.SQL("UPDATE webhook_endpoints SET event_filter = {}").format(sql.Literal(broken)))
    file(rt, acme, Priority.LOW)
    relay_outbox(rt)

    assert database.rows(DELIVERED, endpoint_id) == [("ticket.created",)]


def test_an_event_whose_body_is_not_found_is_delivered(rt: Runtime, acme: Tenant, database: MigratedDatabase) -> None:
    endpoint_id = told(rt, acme, event_filter=URGENT)
    file(rt, acme, Priority.LOW)
    database.run(sql.SQL("UPDATE outbox SET event_id = gen_random_uuid()"))
    relay_outbox(rt)

    assert database.rows(DELIVERED, endpoint_id) == [("ticket.created",)]


@pytest.fixture
def wire(rt: Runtime, database: MigratedDatabase) -> Iterator[tuple[CountingProxy, Runtime]]:
    with counted(database.app_url) as (proxy, url):
        through = Database(url, pool_size=1)
        # What a new connection asks is asked here.
        relay_outbox(replace(rt, db=through))
        yield proxy, replace(rt, db=through)
        through.close()


def relayed(wire: tuple[CountingProxy, Runtime], count: int) -> int:
    """Relay what waits and return how many statements it took."""
    proxy, rt = wire
    before = proxy.statements
    assert relay_outbox(rt) == count
    return proxy.statements - before


def test_bodies_are_read_only_where_a_filter_asks_and_then_by_one_statement(
    rt: Runtime, acme: Tenant, wire: tuple[CountingProxy, Runtime]
) -> None:
    everything = told(rt, acme)

    def cost(count: int) -> int:
        for _ in range(count):
            file(rt, acme, Priority.HIGH)
        return relayed(wire, count)

    plain = cost(1)
    assert cost(5) == plain
    told(rt, acme, event_types=("time.*",), event_filter=URGENT)
    assert cost(5) == plain
    edit = Edit(fields={"event_filter": URGENT}, if_version=None)
    endpoints.edit_endpoint(rt, acme.actor, everything, edit)
    assert [cost(1), cost(5)] == [plain + 1] * 2
