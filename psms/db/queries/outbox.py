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
    SELECT position, organization_id, event_id, event_type, ticket_id, endpoint_id, occurred_at, request_id,
        (SELECT psms_now()) AS now
    FROM outbox WHERE organization_id <> ALL (CAST(:passed_over AS uuid[])) ORDER BY position LIMIT :limit
""")
_ENDPOINTS = text("SELECT id, event_types FROM webhook_endpoints WHERE state <> 'deleted' ORDER BY id")
_DELIVERIES = text("""
    WITH relayed AS (DELETE FROM outbox WHERE position = ANY (:positions))
    INSERT INTO webhook_deliveries (organization_id, id, event_id, event_type, ticket_id, endpoint_id, sequence,
        state, next_attempt_at, expires_at, trigger, request_id, occurred_at, created_at)
    SELECT :organization_id, d.id, d.event_id, d.event_type, d.ticket_id, d.endpoint_id, d.sequence, 'pending',
        CAST(:now AS timestamptz), CAST(:now AS timestamptz) + CAST(:expires_after AS interval), d.trigger,
        d.request_id, d.occurred_at, CAST(:now AS timestamptz)
    FROM unnest(CAST(:ids AS uuid[]), CAST(:event_ids AS uuid[]), CAST(:event_types AS text[]),
        CAST(:ticket_ids AS uuid[]), CAST(:endpoint_ids AS uuid[]), CAST(:sequences AS bigint[]),
        CAST(:triggers AS text[]), CAST(:request_ids AS text[]), CAST(:occurred AS timestamptz[]))
        AS d (id, event_id, event_type, ticket_id, endpoint_id, sequence, trigger, request_id, occurred_at)
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
    trigger: str
    request_id: str | None
    occurred_at: datetime


def lead(session: Session) -> None:
    """Become the only relay until the end of this transaction, so that sequences have no gap."""
    session.execute(_LEAD)


def waiting(session: Session, limit: int, passed_over: set[UUID]) -> Sequence[Row[Any]]:
    """Return, as the claimer, the oldest rows of all organizations but those *passed_over*, and the instant."""
    return session.execute(_WAITING, {"limit": limit, "passed_over": sorted(passed_over)}).all()


def endpoints(session: Session) -> Sequence[Row[Any]]:
    """Return the organization's endpoints, paused and disabled ones too: they get their events later."""
    return session.execute(_ENDPOINTS).all()


def relay(
    session: Session, organization_id: UUID, positions: list[int], deliveries: Sequence[NewDelivery], now: datetime
) -> None:
    """Write all *deliveries* of one organization and take what they fan out from the outbox, in one statement."""
    session.execute(
        _DELIVERIES,
        {
            "organization_id": organization_id,
            "now": now,
            "positions": positions,
            "expires_after": EXPIRES_AFTER,
            "ids": [d.id for d in deliveries],
            "event_ids": [d.event_id for d in deliveries],
            "event_types": [d.event_type for d in deliveries],
            "ticket_ids": [d.ticket_id for d in deliveries],
            "endpoint_ids": [d.endpoint_id for d in deliveries],
            "sequences": [d.sequence for d in deliveries],
            "triggers": [d.trigger for d in deliveries],
            "request_ids": [d.request_id for d in deliveries],
            "occurred": [d.occurred_at for d in deliveries],
        },
    )


def remove(session: Session, positions: list[int]) -> None:
    """Take rows that nobody wants from the outbox."""
    session.execute(_RELAYED, {"positions": positions})
