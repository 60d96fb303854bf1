"""Claims where hundreds of endpoints have backlogs: whoever was served longest ago is next, however old the others'."""

from psycopg import sql

from psms.runtime import Runtime
from tests.support.answers import HOOK
from tests.support.databases import MigratedDatabase
from tests.support.tenants import Tenant, add_endpoint, claim, file_ticket, known_to_answer
from workflows.relay import relay_outbox

BUSY = 600
# Each as the first one is, but for the members that differ.
_COPIES = """
    INSERT INTO {table} SELECT made.* FROM (SELECT * FROM {table} LIMIT 1) one
    CROSS JOIN generate_series(1, {count}) n
    CROSS JOIN LATERAL jsonb_populate_record(NULL::{table}, to_jsonb(one) || {differing}) made
"""
_ENDPOINTS = "jsonb_build_object('id', md5(n::text)::uuid)"
# Served a moment ago, and still with something that has waited for an hour.
_LANES = """jsonb_build_object('endpoint_id', md5(n::text)::uuid, 'served_at', psms_now(),
    'next_due_at', psms_now() - interval '1 hour')"""
_DELIVERIES = """jsonb_build_object('endpoint_id', md5(n::text)::uuid, 'id', md5('d' || n)::uuid,
    'next_attempt_at', psms_now() - interval '1 hour')"""


def make_busy(database: MigratedDatabase) -> None:
    """Have many endpoints like the only one, each with a delivery that is due."""
    for table, differing in (
        ("webhook_endpoints", _ENDPOINTS),
        ("webhook_lanes", _LANES),
        ("webhook_deliveries", _DELIVERIES),
    ):
        statement = sql.SQL(_COPIES).format(
            table=sql.Identifier(table), count=sql.Literal(BUSY), differing=sql.SQL(differing)
        )
        database.run(statement)


def test_an_endpoint_is_served_in_its_turn_however_many_others_have_older_backlogs(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    quiet_id, _ = add_endpoint(rt, acme.actor, HOOK)
    file_ticket(rt, acme.actor)
    relay_outbox(rt)
    make_busy(database)
    known_to_answer(database)

    served = [job.endpoint_id for job in claim(rt)]

    assert len(served) == 16
    assert quiet_id in served
