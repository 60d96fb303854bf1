"""A long backlog of one endpoint, as the relay would have written it. Nothing is measured here."""

from uuid import UUID

import psycopg

from bench.system import System

# In the event's own partition: a UUIDv7 of the same instant.
_ID = "left((e).id::text, 19) || '8' || left(md5(n::text), 3) || '-' || right(md5(n::text), 12)"
_COPIED = f"""
    WITH e AS (
        INSERT INTO events SELECT (jsonb_populate_record(e, jsonb_build_object(
            'id', {_ID}, 'ticket_id', NULL, 'sequence', NULL))).*
        FROM (SELECT e FROM events e WHERE e.id = (
            SELECT event_id FROM webhook_deliveries WHERE endpoint_id = %(endpoint)s LIMIT 1)) one (e),
            generate_series(1, %(count)s) n
        RETURNING id
    ), d AS (
        INSERT INTO webhook_deliveries SELECT (jsonb_populate_record(d, jsonb_build_object(
            'id', gen_random_uuid(), 'event_id', e.id, 'ticket_id', NULL, 'state', 'pending', 'tries', 0,
            'lease_token', NULL,
            'lease_expires_at', NULL, 'first_attempt_at', NULL, 'finished_at', NULL, 'last_status', NULL,
            'sequence', (d).sequence + row_number() OVER (ORDER BY e.id)))).*
        FROM e, (SELECT d FROM webhook_deliveries d WHERE endpoint_id = %(endpoint)s LIMIT 1) one (d)
        RETURNING 1
    )
    UPDATE webhook_lanes SET last_sequence = last_sequence + %(count)s, open = false WHERE endpoint_id = %(endpoint)s
"""  # noqa: S608  (a constant)


def add_backlog(system: System, endpoint_id: str, count: int) -> None:
    """Add *count* deliveries to an endpoint that was told of exactly one event; its lane is closed then."""
    with psycopg.connect(system.superuser_url) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(_COPIED.encode(), {"endpoint": UUID(endpoint_id), "count": count})


def open_lane(system: System, endpoint_id: str) -> None:
    """Let what waits for an endpoint be sent from now on."""
    _run(system, "UPDATE webhook_lanes SET open = true, next_due_at = psms_now() WHERE endpoint_id = %s", endpoint_id)


def close_lane(system: System, endpoint_id: str) -> None:
    """Let nothing more be sent to an endpoint; what is under way is finished."""
    _run(system, "UPDATE webhook_lanes SET open = false WHERE endpoint_id = %s", endpoint_id)


def _run(system: System, query: str, endpoint_id: str) -> None:
    with psycopg.connect(system.superuser_url) as connection:
        connection.execute(query.encode(), [UUID(endpoint_id)])
