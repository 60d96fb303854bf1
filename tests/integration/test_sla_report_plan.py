"""What a report costs: clocks of its span come out of an index, and those of other times are not read."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg import sql

from psms.domain.pages import PageRequest
from psms.domain.sla.attainment import By, Figure, Question, Selection
from psms.domain.sla_policies import NewSlaPolicy
from psms.runtime import Runtime
from tests.support.databases import MigratedDatabase
from tests.support.statements import heard
from tests.support.tenants import Tenant, file_ticket
from workflows.sla_policies import add_policy
from workflows.sla_reports import attainment, counted_tickets

# By hand it was run with 100000.
CLOCKS = 20_000
START = datetime(2026, 1, 1, tzinfo=UTC)

# One clock a minute from START on; every fifth missed, each with a segment.
_TICKETS = """
    INSERT INTO tickets (organization_id, id, number, type, subject, status, impact, urgency, priority, service_id,
        requester_id, created_at, updated_at)
    SELECT t.organization_id, ('ffffffff-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 1000 + n, 'incident',
        'Seeded', 'resolved', 'medium', 'medium', 'medium', t.service_id, t.requester_id, now(), now()
    FROM tickets t CROSS JOIN generate_series(1, {count}) n WHERE t.number = 1
"""
_CLOCKS = """
    INSERT INTO sla_clocks (organization_id, id, ticket_id, metric, cycle, policy_id, policy_version, target, state,
        cause, since, due_at, breached_at, completed_at, started_at)
    SELECT c.organization_id, ('eeeeeeee-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
        ('ffffffff-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'resolution', 1, c.policy_id, c.policy_version,
        c.target, CASE n % 5 WHEN 0 THEN 'missed' ELSE 'met' END, 'complete', s.at, s.at,
        CASE n % 5 WHEN 0 THEN s.at END, s.at, s.at - interval '1 hour'
    FROM sla_clocks c CROSS JOIN generate_series(1, {count}) n
    CROSS JOIN LATERAL (SELECT {start}::timestamptz + n * interval '1 minute' AS at) s
"""
_SEGMENTS = """
    INSERT INTO sla_segments (organization_id, clock_id, number, ticket_id, cycle, cause, state, began_at, consumed,
        target, policy_id, policy_version)
    SELECT organization_id, id, 1, ticket_id, 1, 'start', 'running', started_at, '0', target, policy_id, policy_version
    FROM sla_clocks WHERE state <> 'running'
"""


@pytest.fixture
def seeded(rt: Runtime, database: MigratedDatabase, acme: Tenant) -> Tenant:
    """An organization with many clocks that have ended."""
    add_policy(rt, acme.actor, NewSlaPolicy(name="P", resolution_seconds=3600), None)
    file_ticket(rt, acme.actor)
    for statement in (_TICKETS, _CLOCKS, _SEGMENTS):
        filled = sql.SQL(statement).format(count=sql.Literal(CLOCKS), start=sql.Literal(START.isoformat()))
        database.run(filled)
    for table in ("tickets", "sla_clocks", "sla_segments"):
        database.run(sql.SQL("VACUUM ANALYZE {}").format(sql.Identifier(table)))
    return acme


def scans(node: dict[str, Any], table: str) -> Iterator[dict[str, Any]]:
    """Yield the nodes of a plan that read *table*."""
    if node.get("Relation Name") == table:
        yield node
    for child in node.get("Plans", ()):
        yield from scans(child, table)


def rows_read(database: MigratedDatabase, tenant: Tenant, statement: str, values: Mapping[str, Any]) -> float:
    """Return how many rows of clocks a statement reads, which must come out of the index on their verdicts."""
    with psycopg.connect(database.app_url) as connection:
        connection.execute(f"SELECT set_config('psms.organization_id', '{tenant.organization_id}', true)".encode())
        row = connection.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}".encode(), values).fetchone()
    assert row is not None
    plan = row[0][0]["Plan"]
    shown = json.dumps(row[0][0], indent=1)
    assert "ix_sla_clocks_judged" in shown, shown
    read = {table: list(scans(plan, table)) for table in ("tickets", "sla_segments", "sla_clocks")}
    assert "Seq Scan" not in {node["Node Type"] for nodes in read.values() for node in nodes}, shown
    clocks = read["sla_clocks"]
    return float(
        sum((node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"] for node in clocks)
    )


@pytest.mark.parametrize("figure", [None, Figure.MISSED])
def test_a_report_of_a_day_reads_the_clocks_of_that_day(
    rt: Runtime, database: MigratedDatabase, seeded: Tenant, figure: Figure | None
) -> None:
    question = Question(since=START, until=START + timedelta(days=1), by=By.TEAM)
    said: list[tuple[str, dict[str, Any]]] = []

    def note(statement: str, parameters: object) -> None:
        if "judged" in statement:
            said.append((statement, dict(parameters) if isinstance(parameters, Mapping) else {}))

    with heard(str, note):
        if figure is None:
            report = attainment(rt, seeded.actor, question)
            assert (report.total.met.clocks, report.total.missed.clocks) == (1152, 287)
        else:
            page = counted_tickets(rt, seeded.actor, Selection(question=question, figure=figure), PageRequest())
            assert len(page.items) == 50
    ((statement, values),) = said

    assert rows_read(database, seeded, statement, values) == 1439


def test_a_report_of_all_clocks_is_made_in_the_time_that_a_statement_has(rt: Runtime, seeded: Tenant) -> None:
    question = Question(since=START, until=START + timedelta(days=366), by=By.CUSTOMER)
    report = attainment(rt, seeded.actor, question)

    assert report.total.met.clocks + report.total.missed.clocks == CLOCKS
    assert report.total.missed.tickets == CLOCKS // 5
