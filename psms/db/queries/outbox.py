"""The outbox: read it as the claimer, fan it out inside each organization."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from psms.db.direct import Record, direct
from psms.domain.retry import EXPIRES_AFTER

# Waits for another relay rather than turning away: what that one did not see any more is ours.
# Whoever holds one organization's lanes would keep the only relay from all others: it waits a second for a lane.
_LEAD = "SELECT pg_advisory_xact_lock(hashtext('psms.relay')), set_config('lock_timeout', '1s', true)"
_WAITING = """
    SELECT position, organization_id, event_id, event_type, ticket_id, endpoint_id, except_endpoint_id, occurred_at,
        request_id, depth, (SELECT psms_now()) AS now
    FROM outbox WHERE organization_id <> ALL (CAST(%(passed_over)s AS uuid[])) ORDER BY position LIMIT %(limit)s
"""
# The row without an id, which comes last, is the organization's own: what its automations are for.
_INTERESTED = """
    SELECT id, event_types, event_filter FROM webhook_endpoints WHERE state <> 'deleted'
    UNION ALL SELECT NULL, automated_events, NULL FROM organizations WHERE automated_events IS NOT NULL ORDER BY id
"""
# The lanes are locked: nobody before these in the order is settled meanwhile.
_DELIVERIES = """
    WITH relayed AS (DELETE FROM outbox WHERE position = ANY (%(positions)s)), delivery AS (
        SELECT d.*, CASE l.ordering WHEN 'ticket' THEN d.ticket_id WHEN 'endpoint' THEN d.endpoint_id END AS order_key
        FROM unnest(CAST(%(ids)s AS uuid[]), CAST(%(event_ids)s AS uuid[]), CAST(%(event_types)s AS text[]),
            CAST(%(ticket_ids)s AS uuid[]), CAST(%(endpoint_ids)s AS uuid[]), CAST(%(sequences)s AS bigint[]),
            CAST(%(triggers)s AS text[]), CAST(%(request_ids)s AS text[]), CAST(%(occurred)s AS timestamptz[]))
            AS d (id, event_id, event_type, ticket_id, endpoint_id, sequence, trigger, request_id, occurred_at)
        JOIN webhook_lanes l ON l.organization_id = %(organization_id)s AND l.endpoint_id = d.endpoint_id
    )
    INSERT INTO webhook_deliveries (organization_id, id, event_id, event_type, ticket_id, endpoint_id, sequence,
        state, next_attempt_at, expires_at, trigger, request_id, occurred_at, created_at, order_key, behind)
    SELECT %(organization_id)s, d.id, d.event_id, d.event_type, d.ticket_id, d.endpoint_id, d.sequence, 'pending',
        CAST(%(now)s AS timestamptz), CAST(%(now)s AS timestamptz) + CAST(%(expires_after)s AS interval), d.trigger,
        d.request_id, d.occurred_at, CAST(%(now)s AS timestamptz), d.order_key, d.order_key IS NOT NULL AND (
            row_number() OVER (PARTITION BY d.endpoint_id, d.order_key ORDER BY d.sequence) > 1
            OR EXISTS (SELECT FROM webhook_deliveries w
                WHERE w.organization_id = %(organization_id)s AND w.endpoint_id = d.endpoint_id
                  AND w.order_key = d.order_key AND w.state IN ('pending', 'in_flight')))
    FROM delivery d
    ON CONFLICT (organization_id, event_id, endpoint_id) DO NOTHING
"""
# The partition is found by the id.
_BODIES = "SELECT id, body FROM events WHERE organization_id = %(organization_id)s AND id = ANY (%(ids)s)"
_RELAYED = "DELETE FROM outbox WHERE position = ANY (%(positions)s)"


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
    direct(session).run(_LEAD, {})


def waiting(session: Session, limit: int, passed_over: set[UUID]) -> Sequence[Record]:
    """Return, as the claimer, the oldest rows of all organizations but those *passed_over*, and the instant."""
    return direct(session).records(_WAITING, {"limit": limit, "passed_over": sorted(passed_over)})


def interested(session: Session) -> tuple[list[Record], frozenset[str]]:
    """Return the organization's endpoints and the types of events that its automations are for.

    Paused and disabled endpoints too: they get their events later.
    """
    rows = direct(session).records(_INTERESTED, {})
    automated = [row.event_types for row in rows if row.id is None]
    return [row for row in rows if row.id is not None], frozenset(*automated)


def bodies(session: Session, organization_id: UUID, event_ids: list[UUID]) -> dict[UUID, bytes]:
    """Return the bodies of an organization's events, by their ids."""
    rows = direct(session).records(_BODIES, {"organization_id": organization_id, "ids": event_ids})
    return {row.id: bytes(row.body) for row in rows}


def relay(
    session: Session, organization_id: UUID, positions: list[int], deliveries: Sequence[NewDelivery], now: datetime
) -> None:
    """Write all *deliveries* of one organization and take what they fan out from the outbox, in one statement."""
    direct(session).run(
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
    direct(session).run(_RELAYED, {"positions": positions})
