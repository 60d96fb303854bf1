"""Lanes for tests: backlogs made by the thousand, results without requests, and how a lane stands."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg import sql

from psms.domain.attempts import SendResult
from psms.runtime import Runtime
from tests.support.databases import MigratedDatabase
from workflows.delivery_jobs import Finished, Job
from workflows.delivery_results import record

# Each like the last one of its endpoint, with an event of its own; ids differ in their last digits only.
_PILE_UP = """
    WITH last AS (
        SELECT DISTINCT ON (endpoint_id) * FROM webhook_deliveries WHERE endpoint_id = ANY ({endpoints})
        ORDER BY endpoint_id, sequence DESC
    ), made AS (
        SELECT last.*, n, overlay(last.id::text PLACING lpad(to_hex(n), 8, '0') || right(last.endpoint_id::text, 4)
                FROM 25)::uuid AS new_id,
            overlay(last.event_id::text PLACING substr(md5(last.endpoint_id::text || n), 1, 12) FROM 25)::uuid
                AS new_event
        FROM last CROSS JOIN generate_series(1, {count}) n
    ), told AS (
        INSERT INTO events (organization_id, id, type, schema_version, ticket_id, sequence, occurred_at, body)
        SELECT e.organization_id, made.new_event, e.type, e.schema_version, e.ticket_id, e.sequence, e.occurred_at,
            e.body
        FROM made JOIN events e ON e.organization_id = made.organization_id AND e.id = made.event_id
    ), numbered AS (
        UPDATE webhook_lanes SET last_sequence = last_sequence + {count}, next_due_at = psms_now()
        WHERE endpoint_id = ANY ({endpoints})
    )
    INSERT INTO webhook_deliveries (organization_id, id, event_id, event_type, ticket_id, endpoint_id, sequence, state,
        next_attempt_at, expires_at, trigger, occurred_at, created_at, order_key, behind)
    SELECT organization_id, new_id, new_event, event_type, ticket_id, endpoint_id, sequence + n, 'pending',
        next_attempt_at, expires_at, trigger, occurred_at, created_at, order_key, order_key IS NOT NULL
    FROM made
"""
_STATE = """SELECT circuit, in_flight_window, opens, failures_in_a_row, probe_at > psms_now()
    FROM webhook_lanes WHERE endpoint_id = %s"""


def pile_up(database: MigratedDatabase, endpoint_ids: Sequence[UUID], count: int) -> None:
    """Give endpoints, which have a delivery each, so many more that are due, or that wait behind it in an order."""
    endpoints = sql.Literal([str(one) for one in endpoint_ids]) + sql.SQL("::uuid[]")
    database.run(sql.SQL(_PILE_UP).format(endpoints=endpoints, count=sql.Literal(count)))


def answered(rt: Runtime, jobs: Sequence[Job], result: SendResult) -> None:
    """Record the same result for all of *jobs*."""
    assert record(rt, [Finished(job=job, result=result) for job in jobs]) == []


def lane_of(database: MigratedDatabase, endpoint_id: UUID) -> tuple[Any, ...]:
    """Return a lane's circuit, window, opens, failures in a row, and whether it waits for its probe."""
    ((*state,),) = database.rows(_STATE, endpoint_id)
    return tuple(state)


def set_lane(database: MigratedDatabase, endpoint_id: UUID, **columns: object) -> None:
    """Write columns of a lane."""
    changes = sql.SQL(", ").join(
        sql.SQL("{} = {}").format(sql.Identifier(name), sql.Literal(value)) for name, value in columns.items()
    )
    statement = sql.SQL("UPDATE webhook_lanes SET {} WHERE endpoint_id = {}")
    database.run(statement.format(changes, sql.Literal(endpoint_id)))
