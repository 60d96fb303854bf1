"""Each filter of the log is served by an index, however many entries others have left."""

import json

import psycopg

from psms.runtime import Runtime
from tests.support.databases import MigratedDatabase
from tests.support.tenants import Tenant, file_ticket

_MANY = """
    INSERT INTO logs (organization_id, id, at, action, outcome, actor_id, client_id, request_id, target_type, target_id)
    SELECT %(organization)s, (left(%(id)s::text, 24) || lpad(to_hex(n), 12, '0'))::uuid, psms_now(),
        'ticket.created', 'done', %(user)s, %(client)s, 'many', 'ticket', gen_random_uuid()
    FROM generate_series(1, 20000) n
"""
_LIST = """
    EXPLAIN (FORMAT JSON) SELECT * FROM logs
    WHERE {condition} ORDER BY id DESC LIMIT 51
"""
_A = "'0192f0c1-0000-7000-8000-000000000001'"
CONDITIONS = {
    "ix_logs_actor": f"actor_id = {_A}",
    "ix_logs_client": f"client_id = {_A}",
    "ix_logs_target": f"target_id = {_A}",
    "ix_logs_action": "action ~>=~ 'client.' AND action ~<~ 'client/'",
    "ix_logs_target_type": "target_type = 'client' AND target_type <> 'ticket'",
    "ix_logs_denied": "outcome = 'denied'",
}


def indexes_in(plan: object) -> set[str]:
    """Return the names of the indexes that a plan uses."""
    if isinstance(plan, list):
        return {name for one in plan for name in indexes_in(one)}
    if isinstance(plan, dict):
        own = {str(plan["Index Name"])} if "Index Name" in plan else set()
        return own | {name for one in plan.values() for name in indexes_in(one)}
    return set()


def test_every_filter_has_its_index(rt: Runtime, database: MigratedDatabase, acme: Tenant) -> None:
    ticket = file_ticket(rt, acme.actor)
    values = {
        "organization": acme.organization_id,
        "id": ticket,
        "user": acme.actor.user_id,
        "client": acme.actor.client_id,
    }
    with psycopg.connect(database.superuser_url, autocommit=True) as connection:
        connection.execute(_MANY, values)
        connection.execute("ANALYZE logs")
    family = """
        SELECT child.relname FROM pg_inherits i JOIN pg_class child ON child.oid = i.inhrelid
        WHERE i.inhparent = %s::regclass
    """
    names = "SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = %s::regclass"
    with psycopg.connect(database.app_url) as connection:
        month = connection.execute("SELECT 'logs_' || to_char(psms_now(), 'YYYYMM')").fetchone()
        assert month is not None
        this_month = {str(name) for (name,) in connection.execute(names, month).fetchall()}
        connection.execute("SELECT set_config('psms.organization_id', %s, true)", [str(acme.organization_id)])
        for index, condition in CONDITIONS.items():
            row = connection.execute(_LIST.format(condition=condition).encode()).fetchone()
            assert row is not None
            plan = row[0] if not isinstance(row[0], str) else json.loads(row[0])
            members = {str(name) for (name,) in connection.execute(family, [index]).fetchall()}
            assert this_month & members & indexes_in(plan), (index, indexes_in(plan))
