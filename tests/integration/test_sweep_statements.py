"""What a page of the sweep asks of PostgreSQL: as many statements for many tickets as for one, and no table as a whole.

How long that takes is measured by `bench`.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest
from psycopg import sql

from bench.desks import AT_RISK, TARGET, Desk, promise_always_open
from bench.seeding import refresh_statistics, seed_tickets
from psms.db.session import Database
from psms.runtime import Runtime
from tests.support.databases import MigratedDatabase
from tests.support.tenants import Tenant
from tests.support.wire import CountingProxy, counted
from workflows.sla_sweep import fire_due_timers
from workflows.sla_verification import verify_clocks

TICKETS, MANY, FEW = 300, 200, 20
LARGE = ("tickets", "sla_clocks", "sla_segments", "sla_timers")
# Begin, the clock, the claim; entering the organization, the locks of timers and tickets, the clock; what the clocks
# are and what has fired; then fires, tickets, timers, entries and events, and the commit.
AT_RISK_STATEMENTS = 16
# And besides the clocks and the notifications.
BREACH_STATEMENTS = 18


@pytest.fixture
def desk(rt: Runtime, database: MigratedDatabase, acme: Tenant) -> Desk:
    """An organization with some hundred tickets, whose clock stands still."""
    promise_always_open(rt, acme)
    with psycopg.connect(database.superuser_url) as connection:
        seed_tickets(connection, acme.organization_id, TICKETS, rt.shelf.zones.version)
        refresh_statistics(connection)
    return Desk(database=database, tenant=acme, rt=rt)


@pytest.fixture
def wire(desk: Desk) -> Iterator[tuple[CountingProxy, Runtime]]:
    with counted(desk.database.app_url) as (proxy, url):
        through = Database(url, pool_size=1)
        yield proxy, replace(desk.rt, db=through)
        through.close()


def fired(wire: tuple[CountingProxy, Runtime], desk: Desk, through: int, consumed: timedelta) -> tuple[int, int]:
    """Sweep what is due up to a ticket's number; return how many timers that were, and how many statements."""
    proxy, rt = wire
    desk.stand_at(through, consumed)
    before = proxy.statements
    count = fire_due_timers(rt)
    return count, proxy.statements - before


def test_a_page_takes_as_many_statements_as_a_single_ticket(desk: Desk, wire: tuple[CountingProxy, Runtime]) -> None:
    # The book of the organization is read once.
    assert fired(wire, desk, 1, AT_RISK)[0] == 1

    assert fired(wire, desk, 2, AT_RISK) == (1, AT_RISK_STATEMENTS)
    assert fired(wire, desk, MANY, AT_RISK) == (MANY - 2, AT_RISK_STATEMENTS)
    assert fired(wire, desk, 1, TARGET)[1] > 0
    while fire_due_timers(desk.rt):
        pass
    assert fired(wire, desk, 2, TARGET) == (1, BREACH_STATEMENTS)
    assert fired(wire, desk, MANY, TARGET) == (MANY - 2, BREACH_STATEMENTS)


def test_a_page_writes_only_the_rows_that_change(desk: Desk) -> None:
    desk.stand_at(100, AT_RISK)
    assert fire_due_timers(desk.rt) == 100
    written = changed(desk)

    # Of two clocks each, only the timer of the one that is at risk.
    assert written == {"tickets": 100, "sla_clocks": 0, "sla_segments": 0, "sla_timers": 100}


def changed(desk: Desk) -> dict[str, int]:
    """Return how many rows of each large table were updated since they were seeded."""
    desk.rt.db.close()
    rows = desk.database.rows("SELECT relname, n_tup_upd FROM pg_stat_user_tables WHERE relname = ANY (%s)", [*LARGE])
    return {str(table): int(str(count)) for table, count in rows}


def test_no_large_table_is_read_as_a_whole_and_every_clock_follows_from_its_ledger(desk: Desk) -> None:
    # So small a table PostgreSQL would read as a whole, though it has an index.
    desk.database.run(sql.SQL("ALTER DATABASE {} SET enable_seqscan = off").format(sql.Identifier(desk.database.name)))
    desk.stand_at(FEW, AT_RISK)
    before = read_whole(desk)
    assert fire_due_timers(desk.rt) == FEW
    assert read_whole(desk) == before
    desk.stand_at(TICKETS, AT_RISK)
    assert fire_due_timers(desk.rt) == TICKETS - FEW
    desk.stand_at(FEW, TARGET)
    before = read_whole(desk)
    assert fire_due_timers(desk.rt) == FEW
    assert read_whole(desk) == before

    verified = verify_clocks(desk.rt, desk.tenant.organization_id)
    assert (verified.clocks, verified.differences) == (2 * TICKETS, [])


def read_whole(desk: Desk) -> dict[str, int]:
    """Return how often each large table was read from one end to the other."""
    desk.rt.db.close()
    rows = desk.database.rows("SELECT relname, seq_scan FROM pg_stat_user_tables WHERE relname = ANY (%s)", [*LARGE])
    return {str(table): int(str(count)) for table, count in rows}
