"""What the proof of webhooks reads: sequences and lanes of an organization's endpoints, and what waits too long."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from psms.domain.webhook_proof import LONGEST_DELIVERY_WAIT, LONGEST_LANE_WAIT, PATIENCE, EndpointAccount

_ACCOUNTS = text("""
    SELECT p.id, p.state, l.open, COALESCE(l.removed, false) AS removed,
        l.discard_before IS NOT NULL AS discarding, COALESCE(l.last_sequence, 0) AS given_out,
        COALESCE(k.kept, 0) AS kept, COALESCE(k.highest, 0) AS highest, COALESCE(k.waiting, 0) AS waiting,
        COALESCE(r.counted, 0) AS counted
    FROM webhook_endpoints p
    LEFT JOIN webhook_lanes l ON l.organization_id = p.organization_id AND l.endpoint_id = p.id
    LEFT JOIN (
        SELECT endpoint_id, count(*) AS kept, max(sequence) AS highest,
            count(*) FILTER (WHERE state IN ('pending', 'in_flight')) AS waiting
        FROM webhook_deliveries WHERE organization_id = :organization_id GROUP BY endpoint_id) k ON k.endpoint_id = p.id
    LEFT JOIN (
        SELECT endpoint_id, sum(delivered + dead + cancelled) AS counted
        FROM webhook_ledger_days WHERE organization_id = :organization_id GROUP BY endpoint_id
    ) r ON r.endpoint_id = p.id
    WHERE p.organization_id = :organization_id ORDER BY p.id
""")
_LEASES = text("""
    SELECT endpoint_id, count(*) AS rows FROM webhook_deliveries
    WHERE organization_id = :organization_id AND state = 'in_flight'
      AND lease_expires_at < CAST(:now AS timestamptz) - CAST(:patience AS interval)
    GROUP BY endpoint_id ORDER BY endpoint_id
""")
# In open lanes: what is held elsewhere waits for a person.
_FAR_LANES = text("""
    SELECT endpoint_id, GREATEST(not_before, CASE WHEN circuit = 'open' THEN probe_at END) AS until FROM webhook_lanes
    WHERE organization_id = :organization_id AND open
      AND GREATEST(not_before, CASE WHEN circuit = 'open' THEN probe_at END)
        > CAST(:now AS timestamptz) + CAST(:lane_wait AS interval)
    ORDER BY endpoint_id
""")
_FAR_DELIVERIES = text("""
    SELECT d.endpoint_id, count(*) AS rows, max(d.next_attempt_at) AS until
    FROM webhook_lanes l JOIN webhook_deliveries d ON d.endpoint_id = l.endpoint_id
        AND d.organization_id = l.organization_id AND d.state = 'pending' AND NOT d.behind
    WHERE l.organization_id = :organization_id AND l.open
      AND d.next_attempt_at > CAST(:now AS timestamptz) + CAST(:delivery_wait AS interval)
    GROUP BY d.endpoint_id ORDER BY d.endpoint_id
""")
_UNRELAYED = text("""
    SELECT count(*) AS rows, min(occurred_at) AS oldest FROM outbox
    WHERE organization_id = :organization_id
      AND occurred_at < CAST(:now AS timestamptz) - CAST(:patience AS interval)
""")


def accounts(session: Session, organization_id: UUID) -> tuple[list[EndpointAccount], int]:
    """Return the account of every endpoint, deleted ones too, and how many deliveries of all of them wait."""
    rows = session.execute(_ACCOUNTS, {"organization_id": organization_id}).all()
    return [_account(row) for row in rows], sum(row.waiting for row in rows)


def leases_over(session: Session, organization_id: UUID, now: datetime) -> Sequence[Row[Any]]:
    """Return by endpoint how many deliveries nobody took back though their leases ended a while ago."""
    values = {"organization_id": organization_id, "now": now, "patience": PATIENCE}
    return session.execute(_LEASES, values).all()


def far_lanes(session: Session, organization_id: UUID, now: datetime) -> Sequence[Row[Any]]:
    """Return the endpoints that are left alone for longer than anything asks for, and until when."""
    values = {"organization_id": organization_id, "now": now, "lane_wait": LONGEST_LANE_WAIT}
    return session.execute(_FAR_LANES, values).all()


def far_deliveries(session: Session, organization_id: UUID, now: datetime) -> Sequence[Row[Any]]:
    """Return by endpoint how many deliveries are put off for longer than any schedule does, and until when."""
    values = {"organization_id": organization_id, "now": now, "delivery_wait": LONGEST_DELIVERY_WAIT}
    return session.execute(_FAR_DELIVERIES, values).all()


def unrelayed(session: Session, organization_id: UUID, now: datetime) -> Row[Any]:
    """Return how many events have waited in the outbox for too long, and since when the oldest does."""
    values = {"organization_id": organization_id, "now": now, "patience": PATIENCE}
    return session.execute(_UNRELAYED, values).one()


def _account(row: Row[Any]) -> EndpointAccount:
    return EndpointAccount(
        endpoint_id=row.id,
        state=row.state,
        lane_open=row.open,
        lane_removed=row.removed,
        discarding=row.discarding,
        given_out=row.given_out,
        kept=row.kept,
        counted=int(row.counted),
        highest=row.highest,
    )
