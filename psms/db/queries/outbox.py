"""The outbox: read it as the claimer, fan it out inside each organization."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from psms.domain.retry import EXPIRES_AFTER

# Waits for another relay rather than turning away: what that one did not see any more is ours.
_LEAD = text("SELECT pg_advisory_xact_lock(hashtext('psms.relay'))")
_WAITING = text("""
    SELECT position, organization_id, event_id, event_type, ticket_id, endpoint_id, occurred_at, request_id
    FROM outbox ORDER BY position LIMIT :limit
""")
_ENDPOINTS = text("""
    SELECT id, event_types, state FROM webhook_endpoints WHERE state <> 'deleted' ORDER BY id
""")
_NUMBER = text("""
    WITH wanted AS (
        SELECT * FROM unnest(CAST(:endpoint_ids AS uuid[]), CAST(:counts AS bigint[])) AS w (endpoint_id, count)
    ), locked AS (
        SELECT endpoint_id FROM webhook_lanes WHERE endpoint_id = ANY (:endpoint_ids)
        ORDER BY endpoint_id FOR UPDATE
    )
    UPDATE webhook_lanes l
    SET last_sequence = l.last_sequence + w.count, next_due_at = LEAST(l.next_due_at, :now)
    FROM wanted w JOIN locked USING (endpoint_id)
    WHERE l.endpoint_id = w.endpoint_id
    RETURNING l.endpoint_id, l.last_sequence - w.count AS before
""")
_DELIVERIES = text("""
    INSERT INTO webhook_deliveries (organization_id, id, event_id, event_type, ticket_id, endpoint_id, sequence,
        state, next_attempt_at, expires_at, trigger, request_id, occurred_at, created_at)
    SELECT :organization_id, d.id, d.event_id, d.event_type, d.ticket_id, d.endpoint_id, d.sequence, d.state,
        CAST(:now AS timestamptz), CAST(:now AS timestamptz) + CAST(:expires_after AS interval), d.trigger,
        d.request_id, d.occurred_at, CAST(:now AS timestamptz)
    FROM unnest(CAST(:ids AS uuid[]), CAST(:event_ids AS uuid[]), CAST(:event_types AS text[]),
        CAST(:ticket_ids AS uuid[]), CAST(:endpoint_ids AS uuid[]), CAST(:sequences AS bigint[]),
        CAST(:states AS text[]), CAST(:triggers AS text[]), CAST(:request_ids AS text[]),
        CAST(:occurred AS timestamptz[]))
        AS d (id, event_id, event_type, ticket_id, endpoint_id, sequence, state, trigger, request_id, occurred_at)
    ON CONFLICT (organization_id, event_id, endpoint_id) DO NOTHING
""")
_RELAYED = text("DELETE FROM outbox WHERE position = ANY (:positions)")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDelivery:
    """A delivery to write."""

    id: UUID
    event_id: UUID
    event_type: str
    ticket_id: UUID | None
    endpoint_id: UUID
    sequence: int
    state: str
    trigger: str
    request_id: str | None
    occurred_at: datetime


def lead(session: Session) -> None:
    """Become the only relay until the end of this transaction, so that sequences have no gap."""
    session.execute(_LEAD)


def waiting(session: Session, limit: int) -> Sequence[Row[Any]]:
    """Return, as the claimer, the oldest rows of all organizations."""
    return session.execute(_WAITING, {"limit": limit}).all()


def endpoints(session: Session) -> Sequence[Row[Any]]:
    """Return the organization's endpoints, whatever state they are in: who is paused gets its events later."""
    return session.execute(_ENDPOINTS).all()


def number(session: Session, counts: dict[UUID, int], now: datetime) -> dict[UUID, int]:
    """Reserve sequence numbers in each endpoint's lane, wake it, and return the last number before them.

    Lanes are locked in the order of their ids, as everywhere, so that two transactions cannot deadlock.
    """
    rows = session.execute(_NUMBER, {"endpoint_ids": list(counts), "counts": list(counts.values()), "now": now})
    return {row.endpoint_id: row.before for row in rows}


def insert_deliveries(
    session: Session, organization_id: UUID, deliveries: Sequence[NewDelivery], now: datetime
) -> None:
    """Write all *deliveries* of one organization in one statement."""
    session.execute(
        _DELIVERIES,
        {
            "organization_id": organization_id,
            "now": now,
            "expires_after": EXPIRES_AFTER,
            "ids": [d.id for d in deliveries],
            "event_ids": [d.event_id for d in deliveries],
            "event_types": [d.event_type for d in deliveries],
            "ticket_ids": [d.ticket_id for d in deliveries],
            "endpoint_ids": [d.endpoint_id for d in deliveries],
            "sequences": [d.sequence for d in deliveries],
            "states": [d.state for d in deliveries],
            "triggers": [d.trigger for d in deliveries],
            "request_ids": [d.request_id for d in deliveries],
            "occurred": [d.occurred_at for d in deliveries],
        },
    )


def remove(session: Session, positions: list[int]) -> None:
    """Take fanned-out rows from the outbox, in the transaction that fanned them out."""
    session.execute(_RELAYED, {"positions": positions})
