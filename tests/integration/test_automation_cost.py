"""What automations cost those who have none: not one statement more, in the relay or where a ticket is filed."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from psms.db.session import Database
from psms.runtime import Runtime
from tests.support.databases import MigratedDatabase
from tests.support.rules import tag, write_rule
from tests.support.tenants import Tenant, file_ticket
from tests.support.wire import CountingProxy, counted
from workflows.automation_runs import run_automations
from workflows.relay import relay_outbox

# Begin and the role, the lead, what waits; entering the organization in two, who wants it, what nobody wants removed;
# and the commit.
RELAY_STATEMENTS = 9
# Begin and the role, the clock, what is due, the commit.
IDLE_STATEMENTS = 5


@pytest.fixture
def wire(rt: Runtime, database: MigratedDatabase) -> Iterator[tuple[CountingProxy, Runtime]]:
    with counted(database.app_url) as (proxy, url):
        through = Database(url, pool_size=1)
        # What a new connection asks is asked here.
        relay_outbox(replace(rt, db=through))
        yield proxy, replace(rt, db=through)
        through.close()


def relayed(wire: tuple[CountingProxy, Runtime]) -> int:
    """Relay what waits and return how many statements it took."""
    proxy, rt = wire
    before = proxy.statements
    assert relay_outbox(rt) == 3
    return proxy.statements - before


def test_without_automations_the_relay_asks_what_it_always_asked_and_with_them_once_more(
    rt: Runtime, acme: Tenant, wire: tuple[CountingProxy, Runtime]
) -> None:
    for on, statements in ((None, 0), ("ticket.commented", 0), ("ticket.created", 1)):
        if on is not None:
            write_rule(rt, acme, on, tag("x"), name=on)
        for _ in range(3):
            file_ticket(rt, acme.actor)
        assert relayed(wire) == RELAY_STATEMENTS + statements


def test_where_nothing_waits_the_drain_looks_once(wire: tuple[CountingProxy, Runtime]) -> None:
    proxy, rt = wire
    before = proxy.statements

    assert run_automations(rt) == 0

    assert proxy.statements - before == IDLE_STATEMENTS
