"""Leasing deliveries: claim lane by lane, take back expired leases; no organization until `prepare`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from psms.db.direct import Record, direct
from psms.db.queries.lanes import ids_of
from psms.domain.retry import EXPIRES_AFTER

MAX_LANES = 64
# So many of the lanes that are due longest are looked at, to find those served least recently.
_LANES_LOOKED_AT = 512
# A row whose lease was lost this often is tried alone, and after LEASES_UNTIL_DEAD losses no more: it may be
# what kills its worker.
LEASES_UNTIL_SUSPECT = 2
LEASES_UNTIL_DEAD = 5

# Least recently served first: an endpoint with a long backlog cannot starve the others.
_READY_LANES = f"""
    WITH due AS (
        SELECT organization_id, endpoint_id FROM webhook_lanes
        WHERE open AND next_due_at < 'infinity' AND next_due_at <= %(now)s AND not_before <= %(now)s
        ORDER BY next_due_at LIMIT {_LANES_LOOKED_AT}
    )
    SELECT l.endpoint_id, l.max_in_flight FROM webhook_lanes l JOIN due USING (organization_id, endpoint_id)
    WHERE l.open ORDER BY l.served_at, l.endpoint_id LIMIT {MAX_LANES} FOR UPDATE OF l SKIP LOCKED
"""  # noqa: S608  (constants)
_CLAIM = f"""
    WITH lane AS (
        SELECT * FROM unnest(CAST(%(endpoint_ids)s AS uuid[]), CAST(%(caps)s AS int[])) AS l (endpoint_id, cap)
    ), picked AS (
        SELECT p.organization_id, p.id FROM lane CROSS JOIN LATERAL (
            SELECT d.organization_id, d.id FROM webhook_deliveries d
            WHERE d.endpoint_id = lane.endpoint_id AND d.state = 'pending' AND NOT d.behind
              AND d.next_attempt_at <= %(now)s AND d.leases_lost < {LEASES_UNTIL_SUSPECT}
            ORDER BY d.next_attempt_at, d.id
            LIMIT LEAST(%(quantum)s, GREATEST(0, lane.cap - (
                SELECT count(*) FROM webhook_deliveries f
                WHERE f.endpoint_id = lane.endpoint_id AND f.state = 'in_flight')))
            FOR UPDATE SKIP LOCKED
        ) p LIMIT %(slots)s
    )
    UPDATE webhook_deliveries d
    SET state = 'in_flight', lease_token = %(token)s, tries = d.tries + 1,
        lease_expires_at = CAST(%(now)s AS timestamptz) + make_interval(secs => %(lease_s)s),
        first_attempt_at = COALESCE(d.first_attempt_at, %(now)s)
    FROM picked
    WHERE d.organization_id = picked.organization_id AND d.id = picked.id
    RETURNING d.organization_id, d.id, d.endpoint_id
"""  # noqa: S608  (constants)
# A lane that was ready but found no slot left keeps its place in the queue. At its cap a lane waits for a
# result, which wakes it, or for the first lease to end; otherwise for its next row.
_REARM = f"""
    UPDATE webhook_lanes l
    SET served_at = CASE WHEN l.endpoint_id = ANY (%(served)s) THEN CAST(%(now)s AS timestamptz) ELSE l.served_at END,
        next_due_at = COALESCE(CASE
        WHEN flying.count >= l.max_in_flight THEN flying.first_expiry ELSE due.at END, 'infinity')
    FROM unnest(CAST(%(endpoint_ids)s AS uuid[])) AS wanted (endpoint_id)
    CROSS JOIN LATERAL (
        SELECT count(*) AS count, min(f.lease_expires_at) AS first_expiry FROM webhook_deliveries f
        WHERE f.endpoint_id = wanted.endpoint_id AND f.state = 'in_flight') flying
    LEFT JOIN LATERAL (
        SELECT d.next_attempt_at AS at FROM webhook_deliveries d
        WHERE d.endpoint_id = wanted.endpoint_id AND d.state = 'pending' AND NOT d.behind
          AND d.leases_lost < {LEASES_UNTIL_SUSPECT}
        ORDER BY d.next_attempt_at LIMIT 1) due ON true
    WHERE l.endpoint_id = wanted.endpoint_id
"""  # noqa: S608  (a constant)
# The lane is locked first, as everywhere; then the row is looked at again.
_SUSPECT = f"""
    WITH candidate AS (
        SELECT d.organization_id, d.id FROM webhook_deliveries d
        JOIN webhook_lanes l ON l.organization_id = d.organization_id AND l.endpoint_id = d.endpoint_id
        WHERE d.state = 'pending' AND d.leases_lost >= {LEASES_UNTIL_SUSPECT} AND d.next_attempt_at <= %(now)s
          AND l.open AND l.not_before <= %(now)s
        ORDER BY d.next_attempt_at, d.id LIMIT 1 FOR UPDATE OF l SKIP LOCKED
    )
    UPDATE webhook_deliveries d
    SET state = 'in_flight', lease_token = %(token)s, tries = d.tries + 1,
        lease_expires_at = CAST(%(now)s AS timestamptz) + make_interval(secs => %(lease_s)s)
    FROM candidate
    WHERE d.organization_id = candidate.organization_id AND d.id = candidate.id AND d.state = 'pending'
    RETURNING d.organization_id, d.id
"""  # noqa: S608  (a constant)
# The instant of a claim, and whether somebody waits who must be tried alone.
_LOOK = f"""
    SELECT (SELECT psms_now()) AS now, CAST(%(suspects)s AS boolean) AND EXISTS (SELECT FROM webhook_deliveries d
        JOIN webhook_lanes l ON l.organization_id = d.organization_id AND l.endpoint_id = d.endpoint_id
        WHERE d.state = 'pending' AND d.leases_lost >= {LEASES_UNTIL_SUSPECT}
          AND d.next_attempt_at <= (SELECT psms_now()) AND l.open AND l.not_before <= (SELECT psms_now())) AS suspect
"""  # noqa: S608  (a constant)
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
        leases_lost = d.leases_lost + 1, lease_token = NULL, lease_expires_at = NULL, next_attempt_at = %(now)s
    FROM expired
    WHERE d.organization_id = expired.organization_id AND d.id = expired.id
      AND d.state = 'in_flight' AND d.lease_token = expired.lease_token
    RETURNING d.organization_id, d.id, d.endpoint_id, d.state, expired.lease_token
"""  # noqa: S608  (constants)
# Time in a closed lane does not count: the seven days begin anew when it opens.
_PREPARE = """
    WITH due AS (
        SELECT d.organization_id, d.id, d.event_id, d.endpoint_id, d.sequence, d.failures, d.tries, d.trigger,
               GREATEST(d.expires_at, l.opened_at + CAST(%(expires_after)s AS interval)) AS expires_at,
               d.occurred_at, d.request_id, w.attempt_id
        FROM unnest(CAST(%(ids)s AS uuid[]), CAST(%(attempt_ids)s AS uuid[])) AS w (id, attempt_id)
        JOIN webhook_deliveries d ON d.organization_id = %(organization_id)s AND d.id = w.id
        JOIN webhook_lanes l ON l.organization_id = d.organization_id AND l.endpoint_id = d.endpoint_id
    ), attempt AS (
        INSERT INTO webhook_attempts (organization_id, id, delivery_id, endpoint_id, number, trigger, worker,
            lease_token, started_at)
        SELECT organization_id, attempt_id, id, endpoint_id, tries, trigger, %(worker)s, %(token)s, %(now)s FROM due
    )
    SELECT due.*, e.body, p.kind, p.url, k.secret_ids, k.encrypted, k.clear,
        CASE WHEN p.kind = 'pagerduty' THEN (
            SELECT array_agg(g.state) FROM pages g WHERE g.organization_id = %(organization_id)s
              AND g.dedup_key = CAST(convert_from(e.body, 'UTF8') AS jsonb) #>> '{data,page,dedup_key}')
        END AS page_states
    FROM due
    JOIN webhook_endpoints p ON p.organization_id = %(organization_id)s AND p.id = due.endpoint_id
    CROSS JOIN LATERAL (
        SELECT array_agg(s.id ORDER BY s.created_at DESC, s.id DESC) AS secret_ids,
               array_agg(s.secret_encrypted ORDER BY s.created_at DESC, s.id DESC) AS encrypted,
               array_agg(s.secret ORDER BY s.created_at DESC, s.id DESC) AS clear
        FROM webhook_secrets s
        WHERE s.organization_id = %(organization_id)s AND s.endpoint_id = due.endpoint_id AND s.kind = 'hmac'
          AND (s.expires_at IS NULL OR s.expires_at > %(now)s)
    ) k
    LEFT JOIN events e ON e.organization_id = %(organization_id)s AND e.id = due.event_id
    ORDER BY due.id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The lease of one claim: a token that fences every later write, and how long it holds."""

    token: UUID
    seconds: int
    now: datetime


def claim(session: Session, lease: Lease, slots: int) -> Sequence[Record]:
    """Lease up to *slots* due deliveries, lane by lane, and return their organizations and ids."""
    ready = direct(session).records(_READY_LANES, {"now": lease.now})
    if not ready:
        return []
    endpoint_ids = [lane.endpoint_id for lane in ready]
    claimed = direct(session).records(
        _CLAIM,
        {
            "endpoint_ids": endpoint_ids,
            "caps": [lane.max_in_flight for lane in ready],
            "quantum": max(4, slots // len(ready)),
            "slots": slots,
            "token": lease.token,
            "now": lease.now,
            "lease_s": lease.seconds,
        },
    )
    direct(session).run(_REARM, {"endpoint_ids": endpoint_ids, "served": ids_of(claimed), "now": lease.now})
    return claimed


def look(session: Session, *, suspects: bool) -> tuple[datetime, bool]:
    """Return the instant and whether, if *suspects*, a row is due that may have killed the workers that held it."""
    row = direct(session).record(_LOOK, {"suspects": suspects})
    return row.now, row.suspect


def claim_suspect(session: Session, lease: Lease) -> Sequence[Record]:
    """Lease one such row, alone."""
    return direct(session).records(_SUSPECT, {"token": lease.token, "now": lease.now, "lease_s": lease.seconds})


def take_back_expired(session: Session, now: datetime, limit: int) -> Sequence[Record]:
    """End leases that have expired, and return the rows with the token that their workers held.

    Lanes that somebody holds are left for the next time: nothing here waits.
    """
    locked = direct(session).records(_LANES_OF_EXPIRED, {"now": now, "limit": limit})
    if not locked:
        return []
    return direct(session).records(_TAKE_BACK, {"now": now, "limit": limit, "endpoint_ids": ids_of(locked)})


def prepare(
    session: Session, organization_id: UUID, lease: Lease, attempts: dict[UUID, UUID], worker: str
) -> Sequence[Record]:
    """Write the attempt row of each leased delivery (id to attempt id), and return what is to be sent.

    The body is None where the event is gone.
    """
    return direct(session).records(
        _PREPARE,
        {
            "organization_id": organization_id,
            "ids": list(attempts),
            "attempt_ids": list(attempts.values()),
            "worker": worker,
            "token": lease.token,
            "now": lease.now,
            "expires_after": EXPIRES_AFTER,
        },
    )
