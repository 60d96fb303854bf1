"""Counts and lists for operators, across organizations, as the claimer. Finished work is not counted."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from psms.domain.lanes import SLOW_MS
from psms.domain.operations import Backlog, WorkItem
from psms.ids import instant_of

Place = tuple[UUID, UUID, int]
"""Where a delivery is in the order of retries: organization, endpoint, sequence."""

THE_BEGINNING: Place = (UUID(int=0), UUID(int=0), 0)

_OUTBOX = text("""
    SELECT count(*) AS rows, COALESCE(EXTRACT(epoch FROM psms_now() - min(occurred_at)), 0) AS oldest_s FROM outbox
""")
# Each count reads a partial index of its own.
_COUNTS = text("""
    SELECT (SELECT count(*) FROM webhook_deliveries d WHERE d.state = 'pending') AS pending,
           (SELECT count(*) FROM webhook_deliveries d WHERE d.state = 'in_flight') AS in_flight,
           (SELECT count(*) FROM webhook_deliveries d WHERE d.state = 'dead') AS dead,
           (SELECT COALESCE(sum(held.rows), 0) FROM webhook_lanes l CROSS JOIN LATERAL (
                SELECT count(*) AS rows FROM webhook_deliveries d
                WHERE d.endpoint_id = l.endpoint_id AND d.state = 'pending') held
            WHERE NOT l.open) AS held
""")
_MAILS = text("""
    SELECT (SELECT count(*) FROM mails WHERE state = 'pending') AS pending,
           (SELECT count(*) FROM mails WHERE state = 'in_flight') AS in_flight,
           (SELECT count(*) FROM mails WHERE state = 'dead') AS dead
""")
_REBASES = text("""
    SELECT count(*) AS rows, count(error) AS failing,
        COALESCE(EXTRACT(epoch FROM psms_now() - min(created_at)), 0) AS oldest_s
    FROM sla_rebases WHERE state = 'waiting'
""")
# *kinds* and *versions* are what this release knows.
_RUNS = text("""
    SELECT count(*) FILTER (WHERE known) AS due, count(*) FILTER (WHERE NOT known) AS unknown,
        COALESCE(EXTRACT(epoch FROM psms_now() - min(due_at) FILTER (WHERE known)), 0) AS oldest_s,
        (SELECT count(*) FROM workflow_runs WHERE state = 'failed') AS failed
    FROM (SELECT due_at, (kind, version) IN
            (SELECT * FROM unnest(CAST(:kinds AS text[]), CAST(:versions AS int[]))) AS known
        FROM workflow_runs WHERE state = 'waiting' AND due_at <= psms_now()) due
""")
# The first of an index; most are due later.
_ROUTING = text("""
    SELECT greatest(0, COALESCE(EXTRACT(epoch FROM psms_now() - min(due_at)), 0)) FROM routing_wakes
""")
_OLDEST_DUE = text("""
    SELECT COALESCE(EXTRACT(epoch FROM psms_now() - min(next_due_at)), 0) AS oldest_s FROM webhook_lanes
    WHERE open AND next_due_at < 'infinity' AND next_due_at <= psms_now() AND not_before <= psms_now()
      AND (circuit <> 'open' OR probe_at <= psms_now())
""")
_LANES = text("SELECT circuit, count(*) AS lanes FROM webhook_lanes WHERE open GROUP BY circuit")
# Whose requests hold the slots of the workers now.
_IN_FLIGHT = text(f"""
    SELECT count(*) FILTER (WHERE l.circuit <> 'closed') AS failing,
        count(*) FILTER (WHERE l.circuit = 'closed' AND l.latency_ms > {SLOW_MS}) AS slow,
        count(*) FILTER (WHERE l.circuit = 'closed' AND l.latency_ms <= {SLOW_MS}) AS healthy
    FROM webhook_deliveries d
    JOIN webhook_lanes l ON l.organization_id = d.organization_id AND l.endpoint_id = d.endpoint_id
    WHERE d.state = 'in_flight'
""")  # noqa: S608  (a constant)
# The first that waits is the oldest, but for what was written at the same time.
_UNSEALED = text("SELECT log_id, psms_now() AS now FROM log_unsealed ORDER BY position LIMIT 1")
_LIST = """
    SELECT d.organization_id, d.id, d.event_type, d.endpoint_id, d.tries, d.created_at,
        CASE WHEN d.state = 'pending' AND NOT l.open THEN 'held' ELSE d.state END AS state,
        COALESCE(d.dead_reason, d.last_error) AS reason
    FROM webhook_deliveries d
    JOIN webhook_lanes l ON l.organization_id = d.organization_id AND l.endpoint_id = d.endpoint_id
    WHERE d.state IN ({states}) ORDER BY d.created_at LIMIT :limit
"""
_DEAD = text(_LIST.format(states="'dead'"))
_UNFINISHED = text(_LIST.format(states="'pending', 'in_flight'"))
# Endpoint by endpoint, each with its oldest first; goes on where the last batch ended.
_PLACES = text("""
    SELECT organization_id, endpoint_id, sequence, id FROM webhook_deliveries
    WHERE state = 'dead' AND (CAST(:ids AS uuid[]) IS NULL OR id = ANY (CAST(:ids AS uuid[])))
      AND (organization_id, endpoint_id, sequence) > (:organization_id, :endpoint_id, :sequence)
    ORDER BY organization_id, endpoint_id, sequence LIMIT :limit
""")


def backlog(session: Session, runs_known: Collection[tuple[str, int]]) -> Backlog:
    """Return what waits now. *runs_known* are the kinds and versions of workflow runs that this release knows."""
    outbox = session.execute(_OUTBOX).one()
    counts = session.execute(_COUNTS).one()
    deliveries = {
        "pending": counts.pending - int(counts.held),
        "in_flight": counts.in_flight,
        "held": int(counts.held),
        "dead": counts.dead,
    }
    rebases = session.execute(_REBASES).one()
    runs = session.execute(_RUNS, _arrays(runs_known)).one()
    oldest_due_s = float(session.execute(_OLDEST_DUE).scalar_one())
    return Backlog(
        outbox=outbox.rows,
        outbox_oldest_s=float(outbox.oldest_s),
        deliveries=deliveries,
        mails=dict(session.execute(_MAILS).mappings().one()),
        oldest_due_s=oldest_due_s,
        lanes={row.circuit: row.lanes for row in session.execute(_LANES)},
        in_flight=dict(session.execute(_IN_FLIGHT).mappings().one()),
        unsealed_oldest_s=_unsealed_s(session),
        rebases=rebases.rows,
        rebases_failing=rebases.failing,
        rebases_oldest_s=float(rebases.oldest_s),
        runs_due=runs.due,
        runs_failed=runs.failed,
        runs_unknown=runs.unknown,
        runs_oldest_s=float(runs.oldest_s),
        routing_due_s=float(session.execute(_ROUTING).scalar_one()),
    )


def _arrays(pairs: Collection[tuple[str, int]]) -> dict[str, list[Any]]:
    return {"kinds": [kind for kind, _ in pairs], "versions": [version for _, version in pairs]}


def _unsealed_s(session: Session) -> float:
    oldest = session.execute(_UNSEALED).one_or_none()
    return 0.0 if oldest is None else max(0.0, (oldest.now - instant_of(oldest.log_id)).total_seconds())


def dead(session: Session, limit: int) -> list[WorkItem]:
    """Return what has been given up, oldest first."""
    return [_item(row) for row in session.execute(_DEAD, {"limit": limit})]


def unfinished(session: Session, limit: int) -> list[WorkItem]:
    """Return what waits, is held or is being done, oldest first."""
    return [_item(row) for row in session.execute(_UNFINISHED, {"limit": limit})]


def places_of_dead(session: Session, ids: list[UUID] | None, after: Place, limit: int) -> Sequence[Row[Any]]:
    """Return where dead deliveries (these, or any) after a place belong."""
    organization_id, endpoint_id, sequence = after
    values = {
        "ids": ids,
        "organization_id": organization_id,
        "endpoint_id": endpoint_id,
        "sequence": sequence,
        "limit": limit,
    }
    return session.execute(_PLACES, values).all()


def _item(row: Row[Any]) -> WorkItem:
    return WorkItem(
        kind="delivery",
        id=row.id,
        organization_id=row.organization_id,
        what=f"{row.event_type} to endpoint {row.endpoint_id}",
        state=row.state,
        reason=row.reason,
        attempts=row.tries,
        since=row.created_at,
    )
