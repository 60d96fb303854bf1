"""Deliveries that wait for their turn: those of one endpoint with the same key go out one after the other.

Who calls these holds the locks of the lanes concerned: see `lanes`. Who is first in line is found where deliveries are
made, in `outbox`, and claims pass over who is behind.
"""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from psms.db.direct import direct
from psms.domain.endpoint_settings import Ordering
from psms.domain.retry import EXPIRES_AFTER

Turn = tuple[UUID, UUID]
"""An endpoint, and a key of its deliveries."""

BESIDE_ANOTHER = """d.order_key IS NOT NULL AND EXISTS (SELECT FROM webhook_deliveries o
            WHERE o.organization_id = d.organization_id AND o.endpoint_id = d.endpoint_id AND o.order_key = d.order_key
              AND o.order_key IS NOT NULL AND o.id <> d.id AND o.state IN ('pending', 'in_flight') AND NOT o.behind)"""
"""Whether somebody else of the line of `d` is out, or may go: where the order was set while several of it were out.

Whoever comes back to wait is behind then, and the line is asked for its next one.
"""

# Nobody goes who is already out, or was let go: their results let the next one go.
_LET_GO = """
    WITH line AS (
        SELECT DISTINCT endpoint_id, order_key
        FROM unnest(CAST(%(endpoint_ids)s AS uuid[]), CAST(%(keys)s AS uuid[])) AS w (endpoint_id, order_key)
    ), next AS (
        SELECT first.id FROM line CROSS JOIN LATERAL (
            SELECT d.id FROM webhook_deliveries d
            WHERE d.organization_id = %(organization_id)s AND d.endpoint_id = line.endpoint_id
              AND d.order_key = line.order_key AND d.state IN ('pending', 'in_flight') AND d.behind
            ORDER BY d.sequence LIMIT 1) first
        WHERE NOT EXISTS (SELECT FROM webhook_deliveries h
            WHERE h.organization_id = %(organization_id)s AND h.endpoint_id = line.endpoint_id
              AND h.order_key = line.order_key AND h.state IN ('pending', 'in_flight') AND NOT h.behind)
    )
    UPDATE webhook_deliveries d
    SET behind = false, next_attempt_at = %(now)s,
        expires_at = GREATEST(d.expires_at, CAST(%(now)s AS timestamptz) + CAST(%(expires_after)s AS interval))
    FROM next WHERE d.organization_id = %(organization_id)s AND d.id = next.id
    RETURNING d.endpoint_id
"""
_SET = """
    UPDATE webhook_lanes SET ordering = %(ordering)s, next_due_at = LEAST(next_due_at, %(now)s)
    WHERE organization_id = %(organization_id)s AND endpoint_id = %(endpoint_id)s
"""
# Whoever is out stays first in line, several of them too: who comes after them waits for all. Whoever need not wait any
# more has its time to expire before it, as when it is let go.
_LINE_UP = """
    WITH line AS (
        SELECT id, key, state = 'pending' AND key IS NOT NULL AND (row_number() OVER same > 1
            OR count(*) FILTER (WHERE state = 'in_flight') OVER all_same > 0) AS behind
        FROM (SELECT id, state, sequence, CASE CAST(%(ordering)s AS text)
                WHEN 'ticket' THEN ticket_id WHEN 'endpoint' THEN endpoint_id END AS key
            FROM webhook_deliveries
            WHERE organization_id = %(organization_id)s AND endpoint_id = %(endpoint_id)s
              AND state IN ('pending', 'in_flight') AND trigger IN ('auto', 'test')) keyed
        WINDOW same AS (PARTITION BY key ORDER BY sequence), all_same AS (PARTITION BY key)
    )
    UPDATE webhook_deliveries d
    SET order_key = line.key, behind = line.behind,
        expires_at = CASE WHEN d.behind AND NOT line.behind
            THEN GREATEST(d.expires_at, CAST(%(now)s AS timestamptz) + CAST(%(expires_after)s AS interval))
            ELSE d.expires_at END
    FROM line WHERE d.organization_id = %(organization_id)s AND d.id = line.id
"""


def let_next_go(session: Session, organization_id: UUID, turns: Collection[Turn], now: datetime) -> list[UUID]:
    """Let the first in each line go unless somebody of it is on the way; return the endpoint of each.

    Call it when a delivery is settled for good, or has come back to be behind another one. The time of who is let go
    to expire begins anew: it could not go before.
    """
    if not turns:
        return []
    endpoint_ids, keys = zip(*sorted(turns), strict=True)
    values = {"endpoint_ids": list(endpoint_ids), "keys": list(keys), "now": now, "expires_after": EXPIRES_AFTER}
    return [row[0] for row in direct(session).rows(_LET_GO, {"organization_id": organization_id, **values})]


def set_ordering(session: Session, organization_id: UUID, endpoint_id: UUID, ordering: Ordering, now: datetime) -> None:
    """Order a locked lane anew: what it has yet to deliver lines up as *ordering* says.

    What was sent again by a person goes out of the order, before and after.
    """
    values = {
        "organization_id": organization_id,
        "endpoint_id": endpoint_id,
        "ordering": ordering.value,
        "now": now,
        "expires_after": EXPIRES_AFTER,
    }
    direct(session).run(_SET, values)
    direct(session).run(_LINE_UP, values)
