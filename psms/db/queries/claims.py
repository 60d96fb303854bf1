"""Leasing deliveries: claim lane by lane, each lane within its share; no organization until `prepare`."""

import math
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from psms.db.direct import Record, direct
from psms.db.queries.lanes import EARLIEST, ids_of
from psms.db.queries.leases import LEASES_UNTIL_SUSPECT
from psms.domain.lanes import RECORDING_S, SLOW_MS, USUAL_LEASE_S, Circuit, Standing, standing_of
from psms.domain.retry import EXPIRES_AFTER
from psms.domain.shares import Pool, Room, Wanting, allowance_now, quotas

MAX_LANES = 64
# So many of those served least recently are looked at: other processes may hold the first of them.
_LANES_LOOKED_AT = 512
# An allowance is stored in four bytes: what rounding takes from it must not cost a request.
_ROUNDED = 0.001

_CAP = "CASE WHEN l.circuit = 'closed' THEN LEAST(l.in_flight_window, l.max_in_flight) ELSE 1 END"
_IS_READY = """l.open AND l.next_due_at < 'infinity' AND l.next_due_at <= %(now)s AND l.not_before <= %(now)s
        AND (l.circuit <> 'open' OR l.probe_at <= %(now)s)"""
_POOL = f"""CASE WHEN l.circuit <> 'closed' OR l.latency_ms > {SLOW_MS} OR l.endpoint_id = ANY (%(hanging)s) THEN 'slow'
        WHEN l.latency_ms = 0 THEN 'new' ELSE 'fast' END"""
_LOOK_AT = "SELECT organization_id, endpoint_id FROM ready WHERE pool ="
# Least recently served first: an endpoint with a long backlog cannot starve the others, nor can many of them. Each pool
# by itself: slow lanes that find no slot in their share stay due, and must not stand in front of the others.
_READY_LANES = f"""
    WITH ready AS (
        SELECT l.organization_id, l.endpoint_id, l.served_at, {_POOL} AS pool FROM webhook_lanes l WHERE {_IS_READY}
    ), looked_at AS (
        ({_LOOK_AT} 'fast' ORDER BY served_at, endpoint_id LIMIT {_LANES_LOOKED_AT})
        UNION ALL ({_LOOK_AT} 'new' ORDER BY served_at, endpoint_id LIMIT %(new)s)
        UNION ALL ({_LOOK_AT} 'slow' ORDER BY served_at, endpoint_id LIMIT %(slow)s)
    )
    SELECT l.endpoint_id, l.circuit, l.latency_ms, l.rate_per_minute, l.allowance, {_POOL} AS pool,
        {_CAP} AS cap,
        CAST(EXTRACT(epoch FROM %(now)s - GREATEST(l.allowance_at, '2000-01-01 00:00:00Z')) AS float8) AS elapsed_s
    FROM webhook_lanes l JOIN looked_at USING (organization_id, endpoint_id)
    WHERE {_IS_READY} ORDER BY l.served_at, l.endpoint_id LIMIT %(lanes)s FOR UPDATE OF l SKIP LOCKED
"""  # noqa: S608  (constants)
_CLAIM = f"""
    WITH lane AS (
        SELECT * FROM unnest(CAST(%(endpoint_ids)s AS uuid[]), CAST(%(caps)s AS int[]), CAST(%(quotas)s AS int[]))
            AS l (endpoint_id, cap, quota)
    ), picked AS (
        SELECT p.organization_id, p.id FROM lane CROSS JOIN LATERAL (
            SELECT d.organization_id, d.id FROM webhook_deliveries d
            WHERE d.endpoint_id = lane.endpoint_id AND d.state = 'pending' AND NOT d.behind
              AND d.next_attempt_at <= %(now)s AND d.leases_lost < {LEASES_UNTIL_SUSPECT}
            ORDER BY d.next_attempt_at, d.id
            LIMIT LEAST(lane.quota, GREATEST(0, lane.cap - (
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
# result, which wakes it, or for the first lease to end; otherwise for its next row, and for what its rate allows.
_REARM = f"""
    UPDATE webhook_lanes l
    SET served_at = CASE WHEN l.endpoint_id = ANY (%(served)s) THEN CAST(%(now)s AS timestamptz) ELSE l.served_at END,
        circuit = CASE WHEN l.circuit = 'open' AND l.endpoint_id = ANY (%(served)s) THEN 'half_open'
            ELSE l.circuit END,
        allowance = COALESCE(wanted.allowance, l.allowance),
        allowance_at = CASE WHEN wanted.allowance IS NULL THEN l.allowance_at ELSE CAST(%(now)s AS timestamptz) END,
        next_due_at = GREATEST(COALESCE(
            CASE WHEN flying.count >= wanted.cap THEN flying.first_expiry ELSE due.at END, 'infinity'),
            CAST(%(now)s AS timestamptz)
                + make_interval(secs => 60 * GREATEST(0, 1 - wanted.allowance) / l.rate_per_minute))
    FROM unnest(CAST(%(endpoint_ids)s AS uuid[]), CAST(%(caps)s AS int[]), CAST(%(allowances)s AS real[]))
        AS wanted (endpoint_id, cap, allowance)
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
# Within what its lane bears, as everybody else.
_SUSPECTED = f"""d.state = 'pending' AND NOT d.behind AND d.leases_lost >= {LEASES_UNTIL_SUSPECT}
          AND d.next_attempt_at <= {{now}} AND l.open AND {EARLIEST} <= {{now}}
          AND {_CAP} > (SELECT count(*) FROM webhook_deliveries f
              WHERE f.endpoint_id = l.endpoint_id AND f.state = 'in_flight')"""  # noqa: S608  (constants)
# The lane is locked first, as everywhere; then the row is looked at again. It is the probe where the circuit is open,
# and uses up what the rate allows, as `allowance_now` counts it.
_SUSPECT = f"""
    WITH candidate AS (
        SELECT d.organization_id, d.id, l.circuit, l.latency_ms FROM webhook_deliveries d
        JOIN webhook_lanes l ON l.organization_id = d.organization_id AND l.endpoint_id = d.endpoint_id
        WHERE {_SUSPECTED.format(now="%(now)s")}
        ORDER BY d.next_attempt_at, d.id LIMIT 1 FOR UPDATE OF l SKIP LOCKED
    ), taken AS (
        UPDATE webhook_deliveries d
        SET state = 'in_flight', lease_token = %(token)s, tries = d.tries + 1,
            lease_expires_at = CAST(%(now)s AS timestamptz) + make_interval(secs => %(lease_s)s)
        FROM candidate
        WHERE d.organization_id = candidate.organization_id AND d.id = candidate.id AND d.state = 'pending'
        RETURNING d.organization_id, d.id, d.endpoint_id, candidate.circuit, candidate.latency_ms
    ), lane AS (
        UPDATE webhook_lanes l
        SET circuit = CASE WHEN l.circuit = 'open' THEN 'half_open' ELSE l.circuit END,
            allowance = GREATEST(0, LEAST(GREATEST(1, l.rate_per_minute / 60.0), l.allowance + l.rate_per_minute / 60.0
                * GREATEST(0, EXTRACT(epoch FROM %(now)s - GREATEST(l.allowance_at, '2000-01-01 00:00:00Z')))) - 1),
            allowance_at = %(now)s
        FROM taken WHERE l.organization_id = taken.organization_id AND l.endpoint_id = taken.endpoint_id
    )
    SELECT * FROM taken
"""  # noqa: S608  (constants)
# The instant of a claim, and whether somebody waits who must be tried alone.
_LOOK = f"""
    SELECT (SELECT psms_now()) AS now, CAST(%(suspects)s AS boolean) AND EXISTS (SELECT FROM webhook_deliveries d
        JOIN webhook_lanes l ON l.organization_id = d.organization_id AND l.endpoint_id = d.endpoint_id
        WHERE {_SUSPECTED.format(now="(SELECT psms_now())")}) AS suspect
"""  # noqa: S608  (a constant)
# Time in a closed lane does not count: the seven days begin anew when it opens.
_PREPARE = f"""
    WITH due AS (
        SELECT d.organization_id, d.id, d.event_id, d.endpoint_id, d.sequence, d.failures, d.tries, d.trigger,
               GREATEST(d.expires_at, l.opened_at + CAST(%(expires_after)s AS interval)) AS expires_at,
               d.trigger IN ('auto', 'test') AND l.opened_at <= d.occurred_at AS timed,
               d.occurred_at, d.request_id, w.attempt_id, d.event_type, p.kind, p.url, p.timeout_seconds,
               p.headers_encrypted, p.header_names
        FROM unnest(CAST(%(ids)s AS uuid[]), CAST(%(attempt_ids)s AS uuid[])) AS w (id, attempt_id)
        JOIN webhook_deliveries d ON d.organization_id = %(organization_id)s AND d.id = w.id
        JOIN webhook_lanes l ON l.organization_id = d.organization_id AND l.endpoint_id = d.endpoint_id
        JOIN webhook_endpoints p ON p.organization_id = d.organization_id AND p.id = d.endpoint_id
    ), attempt AS (
        INSERT INTO webhook_attempts (organization_id, id, delivery_id, endpoint_id, number, trigger, worker,
            lease_token, started_at, url)
        SELECT organization_id, attempt_id, id, endpoint_id, tries, trigger, %(worker)s, %(token)s, %(now)s, url
        FROM due
    ), longer AS (
        UPDATE webhook_deliveries d
        SET lease_expires_at = CAST(%(now)s AS timestamptz) + make_interval(secs => due.timeout_seconds + {RECORDING_S})
        FROM due
        WHERE %(lease_s)s >= {USUAL_LEASE_S} AND due.timeout_seconds + {RECORDING_S} > %(lease_s)s
          AND d.organization_id = %(organization_id)s AND d.id = due.id
    )
    SELECT due.*, e.body, k.secret_ids, k.kinds, k.encrypted, k.clear,
        CASE WHEN due.kind = 'pagerduty' THEN (
            SELECT array_agg(g.state) FROM pages g WHERE g.organization_id = %(organization_id)s
              AND g.dedup_key = CAST(convert_from(e.body, 'UTF8') AS jsonb) #>> '{{data,page,dedup_key}}')
        END AS page_states
    FROM due
    CROSS JOIN LATERAL (
        SELECT array_agg(s.id ORDER BY s.created_at DESC, s.id DESC) AS secret_ids,
               array_agg(s.kind ORDER BY s.created_at DESC, s.id DESC) AS kinds,
               array_agg(s.secret_encrypted ORDER BY s.created_at DESC, s.id DESC) AS encrypted,
               array_agg(s.secret ORDER BY s.created_at DESC, s.id DESC) AS clear
        FROM webhook_secrets s
        WHERE s.organization_id = %(organization_id)s AND s.endpoint_id = due.endpoint_id
          AND (s.expires_at IS NULL OR s.expires_at > %(now)s)
    ) k
    LEFT JOIN events e ON e.organization_id = %(organization_id)s AND e.id = due.event_id
    ORDER BY due.id
"""  # noqa: S608  (constants)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The lease of one claim: a token that fences every later write, and how long it holds."""

    token: UUID
    seconds: int
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A delivery that was leased, whose share it counts in, and how its endpoint fared then."""

    organization_id: UUID
    id: UUID
    endpoint_id: UUID
    pool: Pool
    standing: Standing


def claim(session: Session, lease: Lease, room: Room, hanging: Collection[UUID] = ()) -> list[Taken]:
    """Lease due deliveries, lane by lane, as many as there is *room* for, and return them.

    *hanging* are endpoints that keep this process waiting now: their lanes count as slow.
    """
    values = {"now": lease.now, "hanging": list(hanging), "new": room.new, "slow": room.slow}
    values["lanes"] = MAX_LANES + room.new + room.slow
    ready = direct(session).records(_READY_LANES, values)
    if not ready:
        return []
    allowances = [_allowance(lane) for lane in ready]
    lanes = {
        "endpoint_ids": [lane.endpoint_id for lane in ready],
        "caps": [lane.cap for lane in ready],
        "now": lease.now,
    }
    wanting = [_wanting(lane, allowance) for lane, allowance in zip(ready, allowances, strict=True)]
    terms = {"slots": room.free, "token": lease.token, "lease_s": lease.seconds}
    claimed = direct(session).records(_CLAIM, lanes | terms | {"quotas": quotas(wanting, room)})
    taken = Counter(row.endpoint_id for row in claimed)
    left = [
        None if allowance is None else max(0.0, allowance - taken[lane.endpoint_id])
        for lane, allowance in zip(ready, allowances, strict=True)
    ]
    direct(session).run(_REARM, lanes | {"served": ids_of(claimed), "allowances": left})
    by_endpoint = {lane.endpoint_id: lane for lane in ready}
    return [_taken(row, by_endpoint[row.endpoint_id], by_endpoint[row.endpoint_id].pool) for row in claimed]


def _allowance(lane: Record) -> float | None:
    if lane.rate_per_minute is None:
        return None
    return allowance_now(lane.rate_per_minute, lane.allowance, lane.elapsed_s)


def _wanting(lane: Record, allowance: float | None) -> Wanting:
    return Wanting(pool=Pool(lane.pool), allowed=None if allowance is None else math.floor(allowance + _ROUNDED))


def _taken(row: Record, lane: Record, pool: str) -> Taken:
    standing = standing_of(Circuit(lane.circuit), lane.latency_ms)
    return Taken(
        organization_id=row.organization_id,
        id=row.id,
        endpoint_id=row.endpoint_id,
        pool=Pool(pool),
        standing=standing,
    )


def look(session: Session, *, suspects: bool) -> tuple[datetime, bool]:
    """Return the instant and whether, if *suspects*, a row is due that may have killed the workers that held it."""
    row = direct(session).record(_LOOK, {"suspects": suspects})
    return row.now, row.suspect


def claim_suspect(session: Session, lease: Lease) -> list[Taken]:
    """Lease one such row, alone."""
    rows = direct(session).records(_SUSPECT, {"token": lease.token, "now": lease.now, "lease_s": lease.seconds})
    return [_taken(row, row, Pool.FAST) for row in rows]


def prepare(
    session: Session, organization_id: UUID, lease: Lease, attempts: dict[UUID, UUID], worker: str
) -> Sequence[Record]:
    """Write the attempt row of each leased delivery (id to attempt id), and return what is to be sent.

    A lease is made longer where its endpoint may take longer. The body is None where the event is gone.
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
            "lease_s": lease.seconds,
            "expires_after": EXPIRES_AFTER,
        },
    )
