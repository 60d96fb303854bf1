"""What a page of a timeline costs: as many entries as it shows, however long the story and whoever else has one."""

import json
from typing import Any

import psycopg
import pytest

from psms.db.queries.timeline import statement_for
from psms.domain.pages import PageRequest
from psms.domain.timeline import Order, TimelineQuestion, sight_of
from psms.runtime import Runtime
from tests.support.databases import MigratedDatabase
from tests.support.tenants import file_ticket, make_tenant
from workflows.timeline import timeline_of

# By hand it was run with 1050000, of which the ticket had 50000.
EVENTS = 6_000

# Every third is the ticket's; they lie on both sides of a month's end.
_SEED = """
    INSERT INTO events (organization_id, id, type, schema_version, ticket_id, sequence, occurred_at, body)
    SELECT e.organization_id, (lpad(to_hex((extract(epoch FROM g.at) * 1000)::bigint), 12, '0') || '70008'
            || lpad(to_hex(n), 15, '0'))::uuid, 'ticket.updated', 1,
        CASE WHEN n % 3 = 0 THEN e.ticket_id ELSE md5((n / 10)::text)::uuid END, n, g.at, e.body
    FROM events e CROSS JOIN generate_series(1, {count}) n
    CROSS JOIN LATERAL (SELECT date_trunc('month', now()) + (n - {count} / 2) * interval '3 minutes' AS at) g
    WHERE e.type = 'ticket.created'
"""


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the nodes of a plan that read events."""
    below = [node for child in plan.get("Plans", ()) for node in nodes(child)]
    return [plan, *below] if str(plan.get("Relation Name", "")).startswith("events") else below


@pytest.mark.parametrize("order", Order)
def test_a_page_is_a_stretch_of_one_index(rt: Runtime, database: MigratedDatabase, order: Order) -> None:
    acme = make_tenant(rt)
    ticket_id = file_ticket(rt, acme.actor)
    with psycopg.connect(database.superuser_url, autocommit=True) as connection:
        connection.execute(_SEED.format(count=EVENTS).encode())
        connection.execute("VACUUM ANALYZE events")
    question = TimelineQuestion(order=order)
    first = timeline_of(rt, acme.actor, ticket_id, question, PageRequest())
    page = PageRequest(after=first.next_after)
    place = (acme.organization_id, ticket_id)
    statement, values = statement_for(place, question, page, sight_of(acme.actor, frozenset()))
    with psycopg.connect(database.app_url) as connection:
        connection.execute(f"SELECT set_config('psms.organization_id', '{acme.organization_id}', true)".encode())
        row = connection.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}".encode(), values).fetchone()
    assert row is not None
    read = nodes(row[0][0]["Plan"])
    shown = json.dumps(row[0][0], indent=1)

    assert len(first.items) == 50
    assert {node["Node Type"] for node in read} == {"Index Scan"}, shown
    assert sum(node["Actual Rows"] + node.get("Rows Removed by Filter", 0) for node in read) <= 51, shown
