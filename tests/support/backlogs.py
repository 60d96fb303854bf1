"""Long histories of an endpoint's deliveries, laid into the database at once. Real ones go by the relay."""

from datetime import timedelta
from uuid import UUID

from psycopg import sql

from tests.support.databases import MigratedDatabase

# Each event a second after the one before, the last one just now; the ids begin with the instants, as real ones do.
_EVENTS = """
    INSERT INTO events (organization_id, id, type, schema_version, occurred_at, body)
    SELECT {organization}, g.id, 'ticket.updated', 1, g.at,
        convert_to('{{"id":"' || g.id || '","type":"ticket.updated","n":' || n || ',"half":1.0}}', 'UTF8')
    FROM generate_series(1, {count}) n
    CROSS JOIN LATERAL (SELECT psms_now() - ({count} - n) * {apart} - interval '1 second' AS at) a
    CROSS JOIN LATERAL (SELECT at, (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '70008'
        || lpad(to_hex(n), 15, '0'))::uuid AS id) g
"""
_DELIVERIES = """
    INSERT INTO webhook_deliveries (organization_id, id, event_id, event_type, endpoint_id, sequence, state,
        next_attempt_at, expires_at, failures, tries, dead_reason, occurred_at, created_at, finished_at)
    SELECT {organization}, e.id, e.id, e.type, {endpoint}, n, {state}, e.occurred_at, e.occurred_at, 14, 14,
        'exhausted', e.occurred_at, e.occurred_at, e.occurred_at
    FROM (SELECT *, row_number() OVER (ORDER BY id) AS n FROM events WHERE organization_id = {organization}) e
"""
_LANE = "UPDATE webhook_lanes SET last_sequence = {count} WHERE endpoint_id = {endpoint}"


def lay_events(
    database: MigratedDatabase, organization_id: UUID, count: int, apart: timedelta = timedelta(seconds=1)
) -> None:
    """Lay *count* events into the database, the last of them a second ago."""
    statement = sql.SQL(_EVENTS).format(
        organization=sql.Literal(str(organization_id)), count=sql.Literal(count), apart=sql.Literal(apart)
    )
    database.run(statement)


def lay_deliveries(
    database: MigratedDatabase, organization_id: UUID, endpoint_id: UUID, count: int, state: str = "dead"
) -> None:
    """Lay *count* events into the database, and a delivery of each that is over."""
    lay_events(database, organization_id, count)
    values = {
        "organization": sql.Literal(str(organization_id)),
        "endpoint": sql.Literal(str(endpoint_id)),
        "state": sql.Literal(state),
        "count": sql.Literal(count),
    }
    database.run(sql.SQL(_DELIVERIES).format(**values))
    database.run(sql.SQL(_LANE).format(**values))
