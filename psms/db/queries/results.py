"""Recording what became of attempts, inside one organization, fenced by the lease's token.

Who calls these holds the locks of the lanes concerned: see `lanes`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from psms.db.direct import Record, direct

# What would be tried again of a deleted endpoint is cancelled instead. In a closed lane it just stays pending.
# Their attempts are completed by the same statement, those of late results too.
_SETTLE = """
    WITH result AS (
        SELECT * FROM unnest(CAST(%(delivery_id)s AS uuid[]), CAST(%(attempt_id)s AS uuid[]),
            CAST(%(token)s AS uuid[]), CAST(%(state)s AS text[]), CAST(%(next_at)s AS timestamptz[]),
            CAST(%(counted)s AS int[]), CAST(%(reason)s AS text[]), CAST(%(outcome)s AS text[]),
            CAST(%(status)s AS int[]), CAST(%(error)s AS text[]), CAST(%(duration_ms)s AS int[]),
            CAST(%(retry_after)s AS text[]), CAST(%(headers)s AS text[]), CAST(%(body)s AS bytea[]),
            CAST(%(truncated)s AS bool[]), CAST(%(request_headers)s AS text[]))
            AS r (id, attempt_id, token, state, next_at, counted, reason, outcome, status, error, duration_ms,
                retry_after, headers, body, truncated, request_headers)
    ), settled AS (
        UPDATE webhook_deliveries d
        SET state = CASE WHEN r.state = 'pending' AND p.state = 'deleted' THEN 'cancelled' ELSE r.state END,
            next_attempt_at = COALESCE(r.next_at, d.next_attempt_at), failures = d.failures + r.counted,
            last_status = r.status, last_error = r.error, dead_reason = r.reason, leases_lost = 0,
            lease_token = NULL, lease_expires_at = NULL,
            finished_at = CASE WHEN r.state <> 'pending' OR p.state = 'deleted' THEN CAST(%(now)s AS timestamptz) END
        FROM result r, webhook_endpoints p
        WHERE d.organization_id = %(organization_id)s AND d.id = r.id
          AND d.state = 'in_flight' AND d.lease_token = r.token
          AND p.organization_id = d.organization_id AND p.id = d.endpoint_id
        RETURNING d.id, d.state, d.endpoint_id, d.order_key
    ), attempt AS (
        UPDATE webhook_attempts a
        SET outcome = r.outcome, status = r.status, error = r.error, duration_ms = r.duration_ms,
            retry_after = r.retry_after, response_headers = CAST(r.headers AS jsonb), response_body = r.body,
            response_truncated = r.truncated, request_headers = CAST(r.request_headers AS jsonb),
            late = NOT EXISTS (SELECT FROM settled s WHERE s.id = r.id),
            finished_at = %(now)s
        FROM result r WHERE a.organization_id = %(organization_id)s AND a.id = r.attempt_id
    )
    SELECT id, state, endpoint_id, order_key FROM settled
"""
_SETTLED_BY = (
    "delivery_id",
    "attempt_id",
    "token",
    "state",
    "next_at",
    "counted",
    "reason",
    "outcome",
    "status",
    "error",
    "duration_ms",
    "retry_after",
    "headers",
    "body",
    "truncated",
    "request_headers",
)
# A late success is still a success, unless somebody else holds the delivery now.
_LATE_SUCCESS = """
    UPDATE webhook_deliveries
    SET state = 'delivered', last_status = s.status, last_error = NULL, dead_reason = NULL, leases_lost = 0,
        finished_at = %(now)s
    FROM unnest(CAST(%(ids)s AS uuid[]), CAST(%(statuses)s AS int[])) AS s (id, status)
    WHERE organization_id = %(organization_id)s AND webhook_deliveries.id = s.id
      AND lease_token IS NULL AND (state = 'pending' OR state = 'dead' AND dead_reason = 'leases_lost')
    RETURNING endpoint_id, order_key
"""
_CANCEL_OF_DELETED = text("""
    UPDATE webhook_deliveries d SET state = 'cancelled', finished_at = :now FROM webhook_endpoints p
    WHERE d.organization_id = :organization_id AND d.id = ANY (:ids) AND d.state = 'pending'
      AND p.organization_id = d.organization_id AND p.id = d.endpoint_id AND p.state = 'deleted'
""")
_EVENT_GONE = text("""
    UPDATE webhook_deliveries SET state = 'dead', dead_reason = 'event_gone', finished_at = :now,
        lease_token = NULL, lease_expires_at = NULL
    WHERE organization_id = :organization_id AND id = ANY (:ids) RETURNING endpoint_id, order_key
""")
_UNKNOWN = text("""
    UPDATE webhook_attempts a SET outcome = 'unknown', finished_at = :now,
        error = 'The worker was lost before it could record what happened.'
    FROM unnest(CAST(:delivery_ids AS uuid[]), CAST(:tokens AS uuid[])) AS l (delivery_id, token)
    WHERE a.organization_id = :organization_id AND a.delivery_id = l.delivery_id AND a.lease_token = l.token
      AND a.outcome = 'started'
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What to write of one attempt and of its delivery."""

    delivery_id: UUID
    attempt_id: UUID
    endpoint_id: UUID
    token: UUID
    state: str
    next_at: datetime | None
    lane_not_before: datetime | None
    counted: int
    reason: str | None
    outcome: str
    status: int | None
    error: str | None
    duration_ms: int
    retry_after: str | None
    headers: str = field(repr=False)
    body: bytes = field(repr=False)
    truncated: bool
    request_headers: str = field(repr=False)


def settle(
    session: Session, organization_id: UUID, settlements: Sequence[Settlement], now: datetime
) -> Sequence[Record]:
    """Write results and complete their attempts; return the deliveries whose leases still hold, as they are now.

    The others are late.
    """
    columns = {name: [getattr(one, name) for one in settlements] for name in _SETTLED_BY}
    return direct(session).records(_SETTLE, {"organization_id": organization_id, "now": now, **columns})


def settle_late_successes(
    session: Session, organization_id: UUID, late: Sequence[Settlement], now: datetime
) -> Sequence[Record]:
    """Mark as delivered what a partner accepted after the lease had ended, where nobody holds it now; return those."""
    return direct(session).records(
        _LATE_SUCCESS,
        {
            "organization_id": organization_id,
            "now": now,
            "ids": [s.delivery_id for s in late],
            "statuses": [s.status for s in late],
        },
    )


def give_up_eventless(
    session: Session, organization_id: UUID, delivery_ids: Sequence[UUID], now: datetime
) -> Sequence[Row[Any]]:
    """Give up deliveries whose event is no longer there, and return where they were in the order."""
    values = {"organization_id": organization_id, "ids": list(delivery_ids), "now": now}
    return session.execute(_EVENT_GONE, values).all()


def mark_unknown(session: Session, organization_id: UUID, expired: Sequence[Record], now: datetime) -> None:
    """Say of the attempts of expired leases that nobody knows how they ended; cancel what nobody wants now."""
    session.execute(
        _UNKNOWN,
        {
            "organization_id": organization_id,
            "delivery_ids": [row.id for row in expired],
            "tokens": [row.lease_token for row in expired],
            "now": now,
        },
    )
    ids = [row.id for row in expired]
    session.execute(_CANCEL_OF_DELETED, {"organization_id": organization_id, "ids": ids, "now": now})
