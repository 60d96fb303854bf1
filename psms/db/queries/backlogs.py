"""What is held for an endpoint: thrown away piece by piece, or given up after a month. Sending it is in `claims`.

But for what finds a lane, all of it runs inside one organization and under the lock of the lane.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from psms.db.direct import Record, direct
from psms.db.queries import lanes

_BEGIN = f"""
    UPDATE webhook_lanes SET {lanes.CLOSING.format(now="%(now)s")}, discard_before = %(before)s, discarded_to = 0
    WHERE organization_id = %(organization_id)s AND endpoint_id = %(endpoint_id)s
"""  # noqa: S608  (a constant)
_BEGIN_SLOWLY = """
    UPDATE webhook_lanes SET in_flight_window = 1, window_successes = 0, discard_before = NULL, discarded_to = 0
    WHERE organization_id = %(organization_id)s AND endpoint_id = %(endpoint_id)s
"""
# As the claimer, as the next one.
_DISCARDING = """
    SELECT organization_id, endpoint_id, discard_before, discarded_to FROM webhook_lanes
    WHERE discard_before IS NOT NULL AND NOT removed AND endpoint_id <> ALL (CAST(%(passed_over)s AS uuid[]))
    ORDER BY endpoint_id LIMIT 1 FOR UPDATE SKIP LOCKED
"""
# What a lane holds was not held before it was closed last.
_HOLDING_OLD = """
    SELECT l.organization_id, l.endpoint_id FROM webhook_lanes l
    WHERE NOT l.open AND NOT l.removed AND l.endpoint_id <> ALL (CAST(%(passed_over)s AS uuid[]))
      AND l.closed_at < %(before)s AND EXISTS (SELECT FROM webhook_deliveries d
          WHERE d.endpoint_id = l.endpoint_id AND d.state = 'pending' AND NOT d.behind
            AND d.next_attempt_at < %(before)s AND d.created_at < %(before)s)
    ORDER BY l.endpoint_id LIMIT 1 FOR UPDATE SKIP LOCKED
"""
# By the sequence and not by what is left: each part is looked at once, however much of it is kept.
_DISCARD = """
    WITH part AS (
        SELECT id, sequence, occurred_at FROM webhook_deliveries
        WHERE organization_id = %(organization_id)s AND endpoint_id = %(endpoint_id)s AND sequence > %(after)s
        ORDER BY sequence LIMIT %(limit)s
    ), cancelled AS (
        UPDATE webhook_deliveries d
        SET state = 'cancelled', dead_reason = 'discarded', finished_at = %(now)s, behind = false
        FROM part WHERE d.organization_id = %(organization_id)s AND d.id = part.id
          AND d.state = 'pending' AND part.occurred_at < %(before)s
        RETURNING d.order_key
    )
    SELECT (SELECT count(*) FROM part) AS seen, (SELECT max(sequence) FROM part) AS last,
        (SELECT count(*) FROM cancelled) AS done,
        ARRAY(SELECT DISTINCT order_key FROM cancelled WHERE order_key IS NOT NULL) AS keys
"""
# Two looks, for two indexes.
_EXPIRE = """
    WITH old AS (
        (SELECT id FROM webhook_deliveries
         WHERE organization_id = %(organization_id)s AND endpoint_id = %(endpoint_id)s AND state = 'pending'
           AND NOT behind AND next_attempt_at < %(before)s AND created_at < %(before)s LIMIT %(limit)s)
        UNION ALL
        (SELECT id FROM webhook_deliveries
         WHERE organization_id = %(organization_id)s AND endpoint_id = %(endpoint_id)s AND state = 'pending'
           AND behind AND order_key IS NOT NULL AND created_at < %(before)s LIMIT %(limit)s)
    ), expired AS (
        UPDATE webhook_deliveries d
        SET state = 'dead', dead_reason = 'expired_while_held', finished_at = %(now)s, behind = false
        FROM old WHERE d.organization_id = %(organization_id)s AND d.id = old.id AND d.state = 'pending'
        RETURNING d.order_key
    )
    SELECT count(*) AS done, ARRAY(SELECT DISTINCT order_key FROM expired WHERE order_key IS NOT NULL) AS keys
    FROM expired
"""
# Of each key the first that is still to go is behind nobody, unless another one of it is out, or may go.
_LET_HEADS_GO = """
    UPDATE webhook_deliveries d SET behind = false
    FROM unnest(CAST(%(keys)s AS uuid[])) AS k (order_key)
    CROSS JOIN LATERAL (
        SELECT h.id FROM webhook_deliveries h
        WHERE h.organization_id = %(organization_id)s AND h.endpoint_id = %(endpoint_id)s
          AND h.order_key = k.order_key AND h.state IN ('pending', 'in_flight')
        ORDER BY h.sequence LIMIT 1) head
    WHERE d.organization_id = %(organization_id)s AND d.id = head.id AND d.state = 'pending' AND d.behind
      AND NOT EXISTS (SELECT FROM webhook_deliveries o
          WHERE o.organization_id = %(organization_id)s AND o.endpoint_id = %(endpoint_id)s
            AND o.order_key = k.order_key AND o.state IN ('pending', 'in_flight') AND NOT o.behind)
"""
_GO_ON = """
    UPDATE webhook_lanes SET discarded_to = %(last)s
    WHERE organization_id = %(organization_id)s AND endpoint_id = %(endpoint_id)s
"""
_END = """
    UPDATE webhook_lanes l SET discard_before = NULL, discarded_to = 0 FROM webhook_endpoints p
    WHERE l.organization_id = %(organization_id)s AND l.endpoint_id = %(endpoint_id)s
      AND p.organization_id = l.organization_id AND p.id = l.endpoint_id
    RETURNING p.state
"""


def begin_discard(
    session: Session, organization_id: UUID, endpoint_id: UUID, *, before: datetime, now: datetime
) -> None:
    """Close a locked lane until all that happened before this instant is thrown away."""
    values = {"organization_id": organization_id, "endpoint_id": endpoint_id, "before": before, "now": now}
    direct(session).run(_BEGIN, values)


def deliver(session: Session, organization_id: UUID, endpoint_id: UUID, now: datetime) -> None:
    """Open a locked lane: all that is held in it is due, oldest first, and slowly at first, whatever was chosen before.

    How much the endpoint can take now is found out from there on.
    """
    lanes.reopen(session, organization_id, endpoint_id, now)
    direct(session).run(_BEGIN_SLOWLY, {"organization_id": organization_id, "endpoint_id": endpoint_id})


def lock_discarding(session: Session, passed_over: set[UUID]) -> Record | None:
    """Lock, as the claimer, a lane of which something is to be thrown away, and return what."""
    return direct(session).record(_DISCARDING, {"passed_over": sorted(passed_over)})


def lock_holding_old(session: Session, before: datetime, passed_over: set[UUID]) -> Record | None:
    """Lock, as the claimer, a closed lane in which something has waited since before this instant, and return it."""
    return direct(session).record(_HOLDING_OLD, {"before": before, "passed_over": sorted(passed_over)})


def discard(session: Session, lane: Record, now: datetime, limit: int) -> tuple[int, int | None]:
    """Look at the next *limit* deliveries of a lane and cancel those that are to be thrown away.

    Return how many those were, and the last sequence looked at; None where it was the last of all.
    """
    row = direct(session).record(
        _DISCARD,
        {
            "organization_id": lane.organization_id,
            "endpoint_id": lane.endpoint_id,
            "after": lane.discarded_to,
            "before": lane.discard_before,
            "now": now,
            "limit": limit,
        },
    )
    _let_heads_go(session, lane, row.keys)
    return row.done, row.last if row.seen == limit else None


def expire(session: Session, lane: Record, before: datetime, now: datetime, limit: int) -> int:
    """Give up what has waited in a closed lane since before this instant, and return how many those were."""
    row = direct(session).record(
        _EXPIRE,
        {
            "organization_id": lane.organization_id,
            "endpoint_id": lane.endpoint_id,
            "before": before,
            "now": now,
            "limit": limit,
        },
    )
    _let_heads_go(session, lane, row.keys)
    return int(row.done)


def go_on_after(session: Session, lane: Record, last: int) -> None:
    """Remember how far the throwing away has come."""
    values = {"organization_id": lane.organization_id, "endpoint_id": lane.endpoint_id, "last": last}
    direct(session).run(_GO_ON, values)


def end_discard(session: Session, lane: Record) -> str:
    """Remember that all is thrown away, and return the state of the endpoint."""
    row = direct(session).record(_END, {"organization_id": lane.organization_id, "endpoint_id": lane.endpoint_id})
    return str(row.state)


def _let_heads_go(session: Session, lane: Record, keys: Sequence[UUID]) -> None:
    if keys:
        values = {"organization_id": lane.organization_id, "endpoint_id": lane.endpoint_id, "keys": keys}
        direct(session).run(_LET_HEADS_GO, values)
