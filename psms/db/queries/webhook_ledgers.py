"""An endpoint's events by their sequence, how many of each day became what, and the counts of what is kept no more."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from psms.db.models.webhooks import EndpointRow
from psms.db.queries.delivery_views import state_shown
from psms.domain.deliveries import PulledEvent
from psms.domain.webhook_ledgers import LedgerCounts, LedgerDay
from psms.domain.webhooks import EndpointState
from psms.ids import first_id_of

MOST_BODIES_BYTES = 4 * 1024 * 1024
"""After so much of bodies a page ends."""
# The deliveries first, so that no more events are looked at than are shown; of what is too much no body is read.
PULL = text(f"""
    SELECT * FROM (
        SELECT d.sequence, d.event_id, d.event_type, d.ticket_id, d.occurred_at, d.state, e.body,
            coalesce(sum(octet_length(e.body))
                OVER (ORDER BY d.sequence ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before
        FROM (SELECT * FROM webhook_deliveries
              WHERE organization_id = :organization_id AND endpoint_id = :endpoint_id AND sequence > :after
              ORDER BY sequence LIMIT :limit) d
        LEFT JOIN events e ON e.organization_id = :organization_id AND e.id = d.event_id
    ) page
    WHERE before < {MOST_BODIES_BYTES}
    ORDER BY sequence
""")  # noqa: S608  (a constant)
_SEQUENCES = text("""
    SELECT l.last_sequence, (
        SELECT min(d.sequence) FROM webhook_deliveries d
        WHERE d.organization_id = :organization_id AND d.endpoint_id = :endpoint_id) AS first_sequence
    FROM webhook_lanes l WHERE l.organization_id = :organization_id AND l.endpoint_id = :endpoint_id
""")
# An event's id begins with the instant at which it happened.
_KEPT_DAYS = text("""
    SELECT CAST(d.occurred_at AT TIME ZONE 'UTC' AS date) AS day, min(d.sequence) AS first_sequence,
        max(d.sequence) AS last_sequence, count(*) AS committed,
        count(*) FILTER (WHERE d.state = 'delivered') AS delivered,
        count(*) FILTER (WHERE d.state IN ('pending', 'in_flight')) AS waiting,
        count(*) FILTER (WHERE d.state = 'in_flight') AS flying,
        count(*) FILTER (WHERE d.state = 'dead') AS dead,
        count(*) FILTER (WHERE d.state = 'cancelled') AS cancelled
    FROM webhook_deliveries d
    WHERE d.organization_id = :organization_id AND d.endpoint_id = :endpoint_id
      AND d.event_id >= :first_id AND d.event_id < :end_id
    GROUP BY 1
""")
_REMOVED_DAYS = text("""
    SELECT * FROM webhook_ledger_days
    WHERE organization_id = :organization_id AND endpoint_id = :endpoint_id AND day BETWEEN :first AND :last
""")
_ACCOUNTED = text("""
    SELECT (SELECT count(*) FROM webhook_deliveries
            WHERE organization_id = :organization_id AND endpoint_id = :endpoint_id)
        + (SELECT coalesce(sum(delivered + dead + cancelled), 0) FROM webhook_ledger_days
            WHERE organization_id = :organization_id AND endpoint_id = :endpoint_id) AS accounted,
        (SELECT count(*) FROM outbox WHERE organization_id = :organization_id) AS unrelayed,
        l.last_sequence
    FROM webhook_lanes l WHERE l.organization_id = :organization_id AND l.endpoint_id = :endpoint_id
""")
# By the one statement that deletes them, so that whoever is killed, each is either there or counted. What was sent
# once more meanwhile is not over any longer, and stays.
_REMOVE = text("""
    WITH old AS (
        SELECT organization_id, id FROM webhook_deliveries
        WHERE finished_at < CAST(:now AS timestamptz) - make_interval(days => :days)
          AND state IN ('delivered', 'cancelled', 'dead') LIMIT :limit
    ), removed AS (
        DELETE FROM webhook_deliveries d USING old
        WHERE d.organization_id = old.organization_id AND d.id = old.id
          AND d.finished_at < CAST(:now AS timestamptz) - make_interval(days => :days)
          AND d.state IN ('delivered', 'cancelled', 'dead')
        RETURNING d.organization_id, d.endpoint_id, d.occurred_at, d.sequence, d.state
    ), counted AS (
        INSERT INTO webhook_ledger_days AS l (organization_id, endpoint_id, day, first_sequence, last_sequence,
            delivered, dead, cancelled)
        SELECT organization_id, endpoint_id, CAST(occurred_at AT TIME ZONE 'UTC' AS date) AS day, min(sequence),
            max(sequence), count(*) FILTER (WHERE state = 'delivered'), count(*) FILTER (WHERE state = 'dead'),
            count(*) FILTER (WHERE state = 'cancelled')
        FROM removed GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
        ON CONFLICT (organization_id, endpoint_id, day) DO UPDATE
        SET first_sequence = LEAST(l.first_sequence, EXCLUDED.first_sequence),
            last_sequence = GREATEST(l.last_sequence, EXCLUDED.last_sequence),
            delivered = l.delivered + EXCLUDED.delivered, dead = l.dead + EXCLUDED.dead,
            cancelled = l.cancelled + EXCLUDED.cancelled
    )
    SELECT count(*) FROM removed
""")


def events_after(session: Session, endpoint: EndpointRow, after: int, limit: int) -> list[PulledEvent]:
    """Return the next events of an endpoint in the order of their sequence, with their bytes as text.

    At most *limit*, and fewer where their bodies are long: one at the least, where there is any.
    """
    rows = session.execute(PULL, {**_of(endpoint), "after": after, "limit": limit})
    return [
        PulledEvent(
            sequence=row.sequence,
            event_id=row.event_id,
            event_type=row.event_type,
            ticket_id=row.ticket_id,
            occurred_at=row.occurred_at,
            state=state_shown(row.state, endpoint.state),
            body=None if row.body is None else bytes(row.body).decode(),
        )
        for row in rows
    ]


def sequences_of(session: Session, endpoint: EndpointRow) -> tuple[int | None, int]:
    """Return the first sequence that is kept, None where none is, and the last that was given out."""
    row = session.execute(_SEQUENCES, _of(endpoint)).one()
    return row.first_sequence, row.last_sequence


def kept_days(session: Session, endpoint: EndpointRow, begins_at: datetime, ends_at: datetime) -> list[LedgerDay]:
    """Return what became of the deliveries that are kept, day by day, of events from one instant to another."""
    span = {"first_id": first_id_of(begins_at), "end_id": first_id_of(ends_at)}
    return [_kept(row, endpoint.state) for row in session.execute(_KEPT_DAYS, {**_of(endpoint), **span})]


def removed_days(session: Session, endpoint: EndpointRow, first: date, last: date) -> list[LedgerDay]:
    """Return what had become of the deliveries that are kept no more, day by day."""
    return [_removed(row) for row in session.execute(_REMOVED_DAYS, {**_of(endpoint), "first": first, "last": last})]


def accounted(session: Session, endpoint: EndpointRow) -> Row[Any]:
    """Return how many sequences were given out, how many are accounted for, and how many events wait in the outbox."""
    return session.execute(_ACCOUNTED, _of(endpoint)).one()


def remove_old(session: Session, now: datetime, days: int, limit: int) -> int:
    """Remove, as the claimer, up to *limit* deliveries that have been over for *days*, and count them in the ledger."""
    return int(session.execute(_REMOVE, {"now": now, "days": days, "limit": limit}).scalar_one())


def _of(endpoint: EndpointRow) -> dict[str, UUID]:
    return {"organization_id": endpoint.organization_id, "endpoint_id": endpoint.id}


def _kept(row: Row[Any], endpoint_state: str) -> LedgerDay:
    held = 0 if endpoint_state == EndpointState.ACTIVE else row.waiting - row.flying
    counts = LedgerCounts(
        committed=row.committed,
        delivered=row.delivered,
        pending=row.waiting - held,
        held=held,
        dead=row.dead,
        cancelled=row.cancelled,
    )
    return LedgerDay(day=row.day, first_sequence=row.first_sequence, last_sequence=row.last_sequence, counts=counts)


def _removed(row: Row[Any]) -> LedgerDay:
    counts = LedgerCounts(
        committed=row.delivered + row.dead + row.cancelled,
        delivered=row.delivered,
        dead=row.dead,
        cancelled=row.cancelled,
    )
    return LedgerDay(day=row.day, first_sequence=row.first_sequence, last_sequence=row.last_sequence, counts=counts)
