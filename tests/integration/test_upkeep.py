"""Upkeep: one piece that fails keeps no other from being done, and is done later. Partitions: `test_schema`."""

from datetime import timedelta

import pytest
from psycopg import sql

from psms.domain.answers import OnceKey
from psms.domain.tickets import OpenTicket
from psms.runtime import Runtime
from tests.support.answers import HOOK
from tests.support.databases import MigratedDatabase
from tests.support.tenants import add_endpoint, file_ticket, make_tenant
from workflows import endpoints, tickets
from workflows.relay import relay_outbox
from workflows.upkeep import keep_house

PIECES = {
    "partitions ahead": "SELECT to_regclass('logs_' || to_char(psms_now() + interval '6 months', 'YYYYMM')) IS NULL",
    "old attempts": """SELECT count(*) > 0 FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'webhook_attempts'::regclass
          AND right(c.relname, 6) < to_char(psms_now() - interval '5 months', 'YYYYMM')""",
    "unwanted deliveries": "SELECT count(*) > 0 FROM webhook_deliveries WHERE state = 'pending'",
    "tokens": "SELECT count(*) > 0 FROM oauth_tokens",
    "idempotency keys": "SELECT count(*) > 0 FROM idempotency_keys",
    "old deliveries": "SELECT count(*) > 0 FROM webhook_deliveries WHERE finished_at < psms_now() - interval '90 days'",
}
BROKEN_FUNCTION = """CREATE OR REPLACE FUNCTION {}({}) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN RAISE EXCEPTION 'broken'; END $$"""
BROKEN_TABLE = """CREATE FUNCTION broken() RETURNS trigger
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'broken'; END $$;
    CREATE TRIGGER broken BEFORE {} ON {} FOR EACH ROW EXECUTE FUNCTION broken()"""
HARMS = {
    "partitions ahead": BROKEN_FUNCTION.format("psms_ensure_partitions", "months integer"),
    "old attempts": BROKEN_FUNCTION.format("psms_drop_attempts_before", "horizon timestamptz"),
    "unwanted deliveries": BROKEN_TABLE.format("UPDATE", "webhook_deliveries"),
    "tokens": BROKEN_TABLE.format("DELETE", "oauth_tokens"),
    "idempotency keys": BROKEN_TABLE.format("DELETE", "idempotency_keys"),
    "old deliveries": BROKEN_TABLE.format("DELETE", "webhook_deliveries"),
}
MENDED = "DROP TRIGGER IF EXISTS broken ON {}"


@pytest.fixture
def neglected(rt: Runtime, database: MigratedDatabase) -> MigratedDatabase:
    """A database in which every piece of upkeep has something to do."""
    acme = make_tenant(rt)
    gone, _ = add_endpoint(rt, acme.actor, HOOK)
    tickets.open_ticket(rt, acme.actor, OpenTicket(subject="Kept"), OnceKey(key="key", fingerprint=b"same"))
    file_ticket(rt, acme.actor)
    relay_outbox(rt)
    database.run(
        sql.SQL("""UPDATE webhook_deliveries SET state = 'delivered', finished_at = psms_now()
            WHERE sequence = 1""")
    )
    endpoints.remove_endpoint(rt, acme.actor, gone)
    database.move_clock(timedelta(days=200))
    assert left_undone(database) == set(PIECES)
    return database


def left_undone(database: MigratedDatabase) -> set[str]:
    """Return the pieces of upkeep that have something to do."""
    return {piece for piece, query in PIECES.items() if database.rows(query) == [(True,)]}


@pytest.mark.parametrize("piece", PIECES)
def test_a_piece_of_upkeep_that_fails_keeps_no_other_from_being_done(
    rt: Runtime, neglected: MigratedDatabase, piece: str
) -> None:
    neglected.run(sql.SQL(HARMS[piece]))

    assert keep_house(rt) > 0

    assert left_undone(neglected) == {piece}


def test_what_failed_is_done_in_the_next_slot(rt: Runtime, neglected: MigratedDatabase) -> None:
    neglected.run(sql.SQL(HARMS["tokens"]))
    keep_house(rt)
    neglected.run(sql.SQL(MENDED.format("oauth_tokens")))
    assert keep_house(rt) == 0
    neglected.move_clock(timedelta(days=200, minutes=10))

    assert keep_house(rt) > 0

    assert left_undone(neglected) == set()
