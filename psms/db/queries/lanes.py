"""Lanes: one for each endpoint. Its row lock comes before every other lock of an endpoint or its deliveries."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from psms.db.direct import Record, direct
from psms.domain.lanes import Circuit, LaneState

# In the order of the ids, here as everywhere, so that two transactions cannot wait for one another.
# The instant is read when all of them are locked: an aggregate comes after what it counts.
_LOCK = """
    WITH locked AS (
        SELECT endpoint_id FROM webhook_lanes
        WHERE organization_id = %(organization_id)s AND endpoint_id = ANY (%(endpoint_ids)s)
        ORDER BY endpoint_id FOR UPDATE
    )
    SELECT psms_now(), count(*) FROM locked
"""
# Where it is, and since when it fails, is read too, of the endpoint as it was: that is no lock.
_LOCK_STATES = """
    WITH locked AS (
        SELECT * FROM webhook_lanes
        WHERE organization_id = %(organization_id)s AND endpoint_id = ANY (%(endpoint_ids)s)
        ORDER BY endpoint_id FOR UPDATE
    ), instant AS (SELECT psms_now() AS now, count(*) AS lanes FROM locked)
    SELECT instant.now, l.endpoint_id, l.max_in_flight, l.circuit, l.opens, l.failures_in_a_row, l.recent_failures,
        l.recent_results, l.latency_ms, l.in_flight_window, l.window_successes, p.url, p.failing_since
    FROM instant LEFT JOIN locked l ON true
    LEFT JOIN webhook_endpoints p ON p.organization_id = %(organization_id)s AND p.id = l.endpoint_id
"""
# Nothing can be claimed in a lane before this: it was asked to wait, its circuit is open, or its rate is used up. By a
# clock that was ahead its rate may have been used in what is the future now.
_ALLOWED = """LEAST(l.allowance_at, psms_now())
    + make_interval(secs => 60.0 * GREATEST(0, 1 - l.allowance) / l.rate_per_minute)"""
EARLIEST = f"GREATEST(l.not_before, CASE WHEN l.circuit = 'open' THEN l.probe_at END, {_ALLOWED})"
# Whether it was removed is looked at again once it is locked: nobody can remove it any more then.
_RESERVE = f"""
    WITH locked AS (
        SELECT endpoint_id FROM webhook_lanes
        WHERE organization_id = %(organization_id)s AND endpoint_id = ANY (%(endpoint_ids)s) AND NOT removed
        ORDER BY endpoint_id FOR UPDATE
    )
    UPDATE webhook_lanes l
    SET last_sequence = l.last_sequence + w.count, next_due_at = LEAST(l.next_due_at, GREATEST(%(now)s, {EARLIEST}))
    FROM locked
    JOIN unnest(CAST(%(endpoint_ids)s AS uuid[]), CAST(%(counts)s AS bigint[])) AS w (endpoint_id, count)
        USING (endpoint_id)
    WHERE l.organization_id = %(organization_id)s AND l.endpoint_id = locked.endpoint_id
    RETURNING l.endpoint_id, l.last_sequence - w.count AS before
"""  # noqa: S608  (a constant)
_FIRST_DUE = """(SELECT d.next_attempt_at FROM webhook_deliveries d
            WHERE d.endpoint_id = l.endpoint_id AND d.state = 'pending' AND NOT d.behind
            ORDER BY d.next_attempt_at LIMIT 1)"""
_WAKE = f"""
    UPDATE webhook_lanes l SET next_due_at = GREATEST(LEAST(l.next_due_at, {_FIRST_DUE}), {EARLIEST})
    WHERE l.organization_id = %(organization_id)s AND l.endpoint_id = ANY (%(endpoint_ids)s)
"""  # noqa: S608  (constants)
_FOLLOW = f"""
    UPDATE webhook_lanes l
    SET not_before = GREATEST(l.not_before, w.not_before), circuit = w.circuit, opens = w.opens,
        probe_at = COALESCE(w.probe_at, l.probe_at), failures_in_a_row = w.failures_in_a_row,
        recent_failures = w.recent_failures, recent_results = w.recent_results, latency_ms = w.latency_ms,
        in_flight_window = w.in_flight_window, window_successes = w.window_successes,
        next_due_at = GREATEST(LEAST(l.next_due_at, {_FIRST_DUE}), l.not_before, w.not_before,
            CASE WHEN w.circuit = 'open' THEN COALESCE(w.probe_at, l.probe_at) END, {_ALLOWED})
    FROM unnest(CAST(%(endpoint_id)s AS uuid[]), CAST(%(not_before)s AS timestamptz[]), CAST(%(circuit)s AS text[]),
        CAST(%(opens)s AS int[]), CAST(%(probe_at)s AS timestamptz[]), CAST(%(failures_in_a_row)s AS int[]),
        CAST(%(recent_failures)s AS int[]), CAST(%(recent_results)s AS int[]), CAST(%(latency_ms)s AS real[]),
        CAST(%(window)s AS int[]), CAST(%(window_successes)s AS int[]))
        AS w (endpoint_id, not_before, circuit, opens, probe_at, failures_in_a_row, recent_failures, recent_results,
            latency_ms, in_flight_window, window_successes)
    WHERE l.organization_id = %(organization_id)s AND l.endpoint_id = w.endpoint_id
"""  # noqa: S608  (constants)
_LEARNED = (
    "circuit",
    "opens",
    "probe_at",
    "failures_in_a_row",
    "recent_failures",
    "recent_results",
    "latency_ms",
    "window",
    "window_successes",
)
_HALF_OPEN = "circuit = CASE WHEN circuit = 'open' THEN 'half_open' ELSE circuit END"
# A person asked for it: whatever the partner's Retry-After said, and however it fared.
_SERVE_NOW = text(f"""
    UPDATE webhook_lanes SET not_before = '-infinity', next_due_at = LEAST(next_due_at, :now), {_HALF_OPEN}
    WHERE organization_id = :organization_id AND endpoint_id = :endpoint_id
""")  # noqa: S608  (a constant)
# And how it fared before it was opened says nothing of how it fares now.
_OPEN = text(f"""
    UPDATE webhook_lanes
    SET open = true, opened_at = :now, not_before = '-infinity', next_due_at = :now, {_HALF_OPEN},
        opens = 0, failures_in_a_row = 0, recent_failures = 0, recent_results = 0
    WHERE organization_id = :organization_id AND endpoint_id = :endpoint_id
""")  # noqa: S608  (a constant)
CLOSING = "open = false, closed_at = CASE WHEN open THEN CAST({now} AS timestamptz) ELSE closed_at END"
_CLOSE = text(f"""
    UPDATE webhook_lanes SET {CLOSING.format(now=":now")}
    WHERE organization_id = :organization_id AND endpoint_id = :endpoint_id
""")  # noqa: S608  (a constant)
_REMOVE = text("""
    UPDATE webhook_lanes SET open = false, removed = true
    WHERE organization_id = :organization_id AND endpoint_id = :endpoint_id
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedLane:
    """What a lane knows, and of its endpoint: which address it has now, and since when it fails."""

    state: LaneState
    url: str
    failing_since: datetime | None


def lock(session: Session, organization_id: UUID, endpoint_ids: Iterable[UUID]) -> datetime:
    """Lock the lanes of these endpoints until the commit, before anything else of theirs; return the instant then."""
    values = {"organization_id": organization_id, "endpoint_ids": sorted(set(endpoint_ids))}
    row = direct(session).row(_LOCK, values)
    return cast("datetime", row[0] if row else None)


def reserve(session: Session, organization_id: UUID, counts: dict[UUID, int], now: datetime) -> dict[UUID, int]:
    """Lock lanes, reserve so many sequence numbers in each, wake it, and return the last number before them.

    Lanes that have been removed are not among those returned.
    """
    rows = direct(session).records(
        _RESERVE,
        {
            "organization_id": organization_id,
            "endpoint_ids": list(counts),
            "counts": list(counts.values()),
            "now": now,
        },
    )
    return {row.endpoint_id: row.before for row in rows}


def lock_states(
    session: Session, organization_id: UUID, endpoint_ids: Iterable[UUID]
) -> tuple[datetime, dict[UUID, LockedLane]]:
    """Do as `lock`, and return what each lane knows too."""
    values = {"organization_id": organization_id, "endpoint_ids": sorted(set(endpoint_ids))}
    rows = direct(session).records(_LOCK_STATES, values)
    return rows[0].now, {row.endpoint_id: _locked(row) for row in rows if row.endpoint_id is not None}


def _locked(row: Record) -> LockedLane:
    state = LaneState(
        max_in_flight=row.max_in_flight,
        circuit=Circuit(row.circuit),
        opens=row.opens,
        failures_in_a_row=row.failures_in_a_row,
        recent_failures=row.recent_failures,
        recent_results=row.recent_results,
        latency_ms=row.latency_ms,
        window=row.in_flight_window,
        window_successes=row.window_successes,
    )
    return LockedLane(state=state, url=row.url, failing_since=row.failing_since)


def wake(session: Session, organization_id: UUID, endpoint_ids: Iterable[UUID]) -> None:
    """Let each locked lane be looked at when its next delivery is due and can go."""
    direct(session).run(_WAKE, {"organization_id": organization_id, "endpoint_ids": sorted(set(endpoint_ids))})


def follow(
    session: Session, organization_id: UUID, states: Mapping[UUID, LaneState], not_before: Mapping[UUID, datetime]
) -> None:
    """Write what locked lanes learned, and wake them, not before the instant that their partner asked for."""
    columns = {name: [getattr(state, name) for state in states.values()] for name in _LEARNED}
    columns["endpoint_id"] = list(states)
    columns["not_before"] = [not_before.get(endpoint_id) for endpoint_id in states]
    direct(session).run(_FOLLOW, {"organization_id": organization_id, **columns})


def serve_now(session: Session, organization_id: UUID, endpoint_id: UUID, now: datetime) -> None:
    """Let a locked lane be looked at at once: a person asked for it. An open circuit is tried with one request."""
    session.execute(_SERVE_NOW, {"organization_id": organization_id, "endpoint_id": endpoint_id, "now": now})


def reopen(session: Session, organization_id: UUID, endpoint_id: UUID, now: datetime) -> None:
    """Serve a locked lane again; everything in it that was held is due, oldest first."""
    session.execute(_OPEN, {"organization_id": organization_id, "endpoint_id": endpoint_id, "now": now})


def close(session: Session, organization_id: UUID, endpoint_id: UUID, now: datetime) -> None:
    """Serve a locked lane no more: what is pending in it is held, however much that is."""
    session.execute(_CLOSE, {"organization_id": organization_id, "endpoint_id": endpoint_id, "now": now})


def remove(session: Session, organization_id: UUID, endpoint_id: UUID) -> None:
    """Serve a locked lane never again: upkeep cancels what waits in it."""
    session.execute(_REMOVE, {"organization_id": organization_id, "endpoint_id": endpoint_id})


def ids_of(rows: Sequence[Record]) -> list[UUID]:
    """Return the endpoints that *rows* name, each once, in order."""
    return sorted({row.endpoint_id for row in rows})
