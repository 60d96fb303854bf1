"""Leases that end without a result: taken back from workers that went away, or given back by those that are to end.

How they are given is in `claims`.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from psms.db.direct import Record, direct
from psms.db.queries.lanes import ids_of
from psms.db.queries.orders import BESIDE_ANOTHER

# A row whose lease was lost this often is tried alone, and after LEASES_UNTIL_DEAD losses no more: it may be
# what kills its worker.
LEASES_UNTIL_SUSPECT = 2
LEASES_UNTIL_DEAD = 5

_LANES_OF_EXPIRED = """
    WITH expired AS (
        SELECT DISTINCT organization_id, endpoint_id FROM (
            SELECT organization_id, endpoint_id FROM webhook_deliveries
            WHERE state = 'in_flight' AND lease_expires_at <= %(now)s ORDER BY lease_expires_at LIMIT %(limit)s) first
    )
    SELECT l.endpoint_id FROM webhook_lanes l JOIN expired USING (organization_id, endpoint_id)
    ORDER BY l.endpoint_id FOR UPDATE OF l SKIP LOCKED
"""
_TAKE_BACK = f"""
    WITH expired AS (
        SELECT organization_id, id, lease_token FROM webhook_deliveries
        WHERE state = 'in_flight' AND lease_expires_at <= %(now)s AND endpoint_id = ANY (%(endpoint_ids)s)
        ORDER BY lease_expires_at LIMIT %(limit)s
    )
    UPDATE webhook_deliveries d
    SET state = CASE WHEN d.leases_lost + 1 >= {LEASES_UNTIL_DEAD} THEN 'dead' ELSE 'pending' END,
        dead_reason = CASE WHEN d.leases_lost + 1 >= {LEASES_UNTIL_DEAD} THEN 'leases_lost' END,
        finished_at = CASE WHEN d.leases_lost + 1 >= {LEASES_UNTIL_DEAD} THEN CAST(%(now)s AS timestamptz) END,
        leases_lost = d.leases_lost + 1, lease_token = NULL, lease_expires_at = NULL, next_attempt_at = %(now)s,
        behind = d.leases_lost + 1 < {LEASES_UNTIL_DEAD} AND {BESIDE_ANOTHER}
    FROM expired
    WHERE d.organization_id = expired.organization_id AND d.id = expired.id
      AND d.state = 'in_flight' AND d.lease_token = expired.lease_token
    RETURNING d.organization_id, d.id, d.endpoint_id, d.order_key, d.state, d.behind,
        expired.lease_token
"""  # noqa: S608  (constants)

_GIVE_BACK = f"""
    UPDATE webhook_deliveries d
    SET state = 'pending', lease_token = NULL, lease_expires_at = NULL, next_attempt_at = %(now)s,
        behind = {BESIDE_ANOTHER}
    FROM unnest(CAST(%(ids)s AS uuid[]), CAST(%(tokens)s AS uuid[])) AS held (id, token)
    WHERE d.organization_id = %(organization_id)s AND d.id = held.id
      AND d.state = 'in_flight' AND d.lease_token = held.token
    RETURNING d.organization_id, d.id, d.endpoint_id, d.order_key, d.behind, held.token AS lease_token
"""  # noqa: S608  (a constant)


def give_back(
    session: Session, organization_id: UUID, held: Sequence[tuple[UUID, UUID]], now: datetime
) -> Sequence[Record]:
    """End leases that their own worker gives up, and return the rows with the token that it held.

    *held* are deliveries, each with the token; their lanes are locked. None of them counts as lost.
    """
    values = {
        "organization_id": organization_id,
        "ids": [delivery_id for delivery_id, _ in held],
        "tokens": [token for _, token in held],
        "now": now,
    }
    return direct(session).records(_GIVE_BACK, values)


def take_back_expired(session: Session, now: datetime, limit: int) -> Sequence[Record]:
    """End leases that have expired, and return the rows with the token that their workers held.

    Lanes that somebody holds are left for the next time: nothing here waits.
    """
    locked = direct(session).records(_LANES_OF_EXPIRED, {"now": now, "limit": limit})
    if not locked:
        return []
    return direct(session).records(_TAKE_BACK, {"now": now, "limit": limit, "endpoint_ids": ids_of(locked)})
