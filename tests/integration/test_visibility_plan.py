"""What a page costs each kind of caller: rows of tickets that PostgreSQL reads for it, however many there are."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import psycopg
import pytest
from psycopg import sql

from psms.domain.access import Actor
from psms.domain.pages import PageRequest
from psms.domain.tickets import TicketFilter
from psms.runtime import Runtime
from tests.support.databases import MigratedDatabase
from tests.support.offices import Office, furnish
from tests.support.statements import heard
from workflows import tickets

LIMIT = 20
# Tickets of the other team, newer than all others: whoever does not see them must not read past them.
_SEED = """
    INSERT INTO tickets (organization_id, id, number, type, subject, status, impact, urgency, priority, service_id,
        requester_id, team_id, created_at, updated_at)
    SELECT t.organization_id, ('ffffffff-0000-7000-8000-' || lpad(to_hex({first} + n), 12, '0'))::uuid, {first} + n,
        'incident', 'Seeded', 'new', 'medium', 'medium', 'medium', t.service_id, t.requester_id, t.team_id, now(), now()
    FROM tickets t CROSS JOIN generate_series(1, {count}) n WHERE t.subject = 'with their team'
"""

Statement = tuple[str, dict[str, Any]]


@pytest.fixture
def statements() -> Iterator[list[Statement]]:
    found: list[Statement] = []

    def note(statement: str, parameters: object) -> None:
        found.append((statement, dict(parameters) if isinstance(parameters, Mapping) else {}))

    with heard(str, note):
        yield found


def scans(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the nodes of a plan that read tickets."""
    if node.get("Relation Name") == "tickets":
        yield node
    for child in node.get("Plans", ()):
        yield from scans(child)


def read_for(rt: Runtime, actor: Actor, database: MigratedDatabase, statements: list[Statement]) -> float:
    """Return how many rows of tickets a page costs; every one must come out of an index."""
    statements.clear()
    tickets.list_tickets(rt, actor, TicketFilter(), PageRequest(limit=LIMIT))
    ((statement, values),) = statements
    with psycopg.connect(database.app_url) as connection:
        row = connection.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}".encode(), values).fetchone()
    assert row is not None
    found = list(scans(row[0][0]["Plan"]))
    assert "Seq Scan" not in {node["Node Type"] for node in found}, json.dumps(row[0][0]["Plan"], indent=1)
    return float(
        sum((node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"] for node in found)
    )


def seed(database: MigratedDatabase, first: int, count: int) -> None:
    database.run(sql.SQL(_SEED).format(first=sql.Literal(first), count=sql.Literal(count)))
    database.run(sql.SQL("VACUUM ANALYZE tickets"))


def test_a_page_reads_no_more_of_ten_thousand_tickets_than_of_a_thousand(
    rt: Runtime, database: MigratedDatabase, statements: list[Statement]
) -> None:
    office: Office = furnish(rt)
    callers = {
        "admin": office.boss.actor,
        "agent": office.agent.actor,
        "colleague": office.colleague.actor,
        "requester": office.requester.actor,
    }
    costs = []
    for first, count in ((1_000, 1_000), (2_000, 9_000)):
        seed(database, first, count)
        costs.append({who: read_for(rt, actor, database, statements) for who, actor in callers.items()})

    few, many = costs
    assert few["admin"] == many["admin"] == LIMIT + 1
    # The newest of each way, and the rows of the page itself.
    assert few["requester"] == many["requester"] == 2
    assert many["agent"] == few["agent"] <= 3 * len(office.tickets)
    assert many["colleague"] == few["colleague"] <= 4 * LIMIT
