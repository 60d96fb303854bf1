"""What is wrong with lanes, across organizations: hints that come too late, and lines without a head.

Lanes' hints are set by whoever changes what is due in them, in the same transaction, so in no snapshot is there
anything to find, unless somebody wrote by hand or there is a defect.
"""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from psms.db.direct import Record, direct
from psms.db.queries.lanes import EARLIEST, ids_of
from psms.db.queries.leases import LEASES_UNTIL_SUSPECT

_MOST = 1000
# From one endpoint to the next by the index of what is due: it reads one row of each, however much waits.
_ENDPOINTS_DUE = """
    WITH RECURSIVE found AS (
        (SELECT endpoint_id FROM webhook_deliveries WHERE state = 'pending' AND NOT behind
         ORDER BY endpoint_id LIMIT 1)
        UNION ALL
        SELECT (SELECT d.endpoint_id FROM webhook_deliveries d
                WHERE d.endpoint_id > found.endpoint_id AND d.state = 'pending' AND NOT d.behind
                ORDER BY d.endpoint_id LIMIT 1)
        FROM found WHERE found.endpoint_id IS NOT NULL
    )
"""
# At its cap a lane waits for a lease to end, which is at most until the last of them; otherwise for its first row.
_SHOULD = f"""
    CROSS JOIN LATERAL (
        SELECT count(*) AS count, max(f.lease_expires_at) AS last_expiry FROM webhook_deliveries f
        WHERE f.endpoint_id = l.endpoint_id AND f.state = 'in_flight') flying
    CROSS JOIN LATERAL (
        SELECT d.next_attempt_at AS at FROM webhook_deliveries d
        WHERE d.endpoint_id = l.endpoint_id AND d.state = 'pending' AND NOT d.behind
          AND d.leases_lost < {LEASES_UNTIL_SUSPECT}
        ORDER BY d.next_attempt_at LIMIT 1) due
    CROSS JOIN LATERAL (
        SELECT GREATEST(due.at, {EARLIEST}, CASE WHEN flying.count >= CASE WHEN l.circuit = 'closed'
            THEN LEAST(l.in_flight_window, l.max_in_flight) ELSE 1 END THEN flying.last_expiry END) AS at) should
    WHERE l.open AND l.next_due_at > should.at
"""  # noqa: S608  (constants)
_LATE_HINTS = f"""{_ENDPOINTS_DUE}
    SELECT l.organization_id, l.endpoint_id, l.next_due_at = 'infinity' AS never, should.at
    FROM webhook_lanes l JOIN found USING (endpoint_id) {_SHOULD} AND l.next_due_at > psms_now()
    ORDER BY l.endpoint_id
"""  # noqa: S608  (constants)
_LATE_LANES = f"""{_ENDPOINTS_DUE}
    SELECT l.endpoint_id FROM webhook_lanes l JOIN found USING (endpoint_id) {_SHOULD}
    ORDER BY l.endpoint_id LIMIT {_MOST} FOR UPDATE OF l SKIP LOCKED
"""  # noqa: S608  (constants)
# Once it is locked a lane is looked at again.
_CORRECT = f"""
    UPDATE webhook_lanes corrected SET next_due_at = late.at
    FROM (SELECT l.organization_id, l.endpoint_id, should.at FROM webhook_lanes l {_SHOULD}
        AND l.endpoint_id = ANY (%(endpoint_ids)s)) late
    WHERE corrected.organization_id = late.organization_id AND corrected.endpoint_id = late.endpoint_id
    RETURNING corrected.endpoint_id
"""  # noqa: S608  (constants)
# From one line to the next by the index of the order.
_HEADLESS = f"""
    WITH RECURSIVE line AS (
        (SELECT organization_id, endpoint_id, order_key FROM webhook_deliveries
         WHERE order_key IS NOT NULL AND state IN ('pending', 'in_flight') ORDER BY endpoint_id, order_key LIMIT 1)
        UNION ALL
        SELECT next.* FROM line CROSS JOIN LATERAL (
            SELECT d.organization_id, d.endpoint_id, d.order_key FROM webhook_deliveries d
            WHERE d.order_key IS NOT NULL AND d.state IN ('pending', 'in_flight')
              AND (d.endpoint_id, d.order_key) > (line.endpoint_id, line.order_key)
            ORDER BY d.endpoint_id, d.order_key LIMIT 1) next
    )
    SELECT organization_id, endpoint_id, order_key FROM line
    WHERE NOT EXISTS (SELECT FROM webhook_deliveries h
        WHERE h.endpoint_id = line.endpoint_id AND h.order_key = line.order_key AND NOT h.behind
          AND h.order_key IS NOT NULL AND h.state IN ('pending', 'in_flight'))
      -- What waited for an endpoint that was deleted is cancelled in pieces, and nobody of it is to go.
      AND NOT EXISTS (SELECT FROM webhook_lanes l WHERE l.organization_id = line.organization_id
          AND l.endpoint_id = line.endpoint_id AND l.removed)
    ORDER BY organization_id, endpoint_id LIMIT {_MOST}
"""  # noqa: S608  (a constant)


def late_hints(session: Session) -> Sequence[Record]:
    """Return lanes that are looked at neither now nor when they are due, and when that is; changes nothing."""
    return direct(session).records(_LATE_HINTS, {})


def correct_hints(session: Session) -> int:
    """Have lanes looked at in time whose hint says later than they are due, and return how many those were.

    Lanes that somebody holds are left for the next time.
    """
    locked = direct(session).records(_LATE_LANES, {})
    if not locked:
        return 0
    return len(direct(session).records(_CORRECT, {"endpoint_ids": ids_of(locked)}))


def lines_without_head(session: Session) -> Sequence[Record]:
    """Return lines in which everybody waits for somebody who is not there: organization, endpoint and key."""
    return direct(session).records(_HEADLESS, {})
