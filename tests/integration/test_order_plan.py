"""What claims, results and the relay read of a lane in which thousands wait for their turn: a handful of rows."""

from dataclasses import replace

import psycopg

from psms.db.queries import orders
from psms.db.session import Database
from psms.domain.endpoint_settings import Ordering
from psms.runtime import Runtime
from tests.support.answers import ACCEPTED, HOOK
from tests.support.databases import MigratedDatabase
from tests.support.lanes import answered, pile_up
from tests.support.tenants import Tenant, add_endpoint, claim, file_ticket, known_to_answer
from tests.support.waiting import eventually
from workflows.lane_reconciliation import reconcile_lanes
from workflows.relay import relay_outbox

# By hand it was run with 100000.
BEHIND = 4_000
ROUNDS = 3
# All that a round reads, in all indexes: claim, prepare, settle, let go, wake, relay.
A_ROUND = 60
READ = """SELECT (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE relname = 'webhook_deliveries')
    + (SELECT sum(seq_tup_read) FROM pg_stat_user_tables WHERE relname = 'webhook_deliveries')"""


def test_a_delivery_costs_a_few_rows_however_many_wait_behind_it(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    endpoint_id, _ = add_endpoint(rt, acme.actor, HOOK)
    with rt.db.begin(acme.organization_id) as session:
        orders.set_ordering(session, acme.organization_id, endpoint_id, Ordering.ENDPOINT, rt.clock.now(session))
    file_ticket(rt, acme.actor)
    relay_outbox(rt)
    pile_up(database, [endpoint_id], BEHIND)
    known_to_answer(database)
    with psycopg.connect(database.superuser_url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE webhook_deliveries")
        connection.execute("SELECT pg_stat_reset()")
    counted = replace(rt, db=Database(database.app_url, pool_size=1))
    for _ in range(ROUNDS):
        (job,) = claim(counted)
        answered(counted, [job], ACCEPTED)
        file_ticket(counted, acme.actor)
        relay_outbox(counted)
    assert reconcile_lanes(counted) == 0
    # A connection that ends tells what it read.
    counted.db.close()

    eventually(lambda: database.rows(READ) > [(0,)], what="the statistics")
    ((read,),) = database.rows(READ)
    assert float(str(read)) <= (ROUNDS + 1) * A_ROUND
