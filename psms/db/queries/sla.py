"""SLA clocks with their segments: read and written in sets, under the tickets' locks.

The sweep's statements are in `sla_timers`, those of filing in `sla_filing`, what levels lead to in `sla_effects`.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from psms.domain.sla.calendar_keys import parse_key
from psms.domain.sla.instants import moment_of, span_of
from psms.domain.sla.kept import KeptClock, NewSegment

# The last cycle of each metric: what has ended before it is history. The revision is that of after the wait for the
# tickets' locks.
_OF_TICKETS = text("""
    SELECT DISTINCT ON (c.ticket_id, c.metric) c.*,
        ARRAY(SELECT f.level FROM sla_fires f
            WHERE f.organization_id = c.organization_id AND f.clock_id = c.id) AS levels, t.next_at,
        (SELECT o.sla_revision FROM organizations o) AS sla_revision
    FROM sla_clocks c LEFT JOIN sla_timers t ON t.organization_id = c.organization_id AND t.clock_id = c.id
    WHERE c.organization_id = :organization_id AND c.ticket_id = ANY (:ticket_ids)
    ORDER BY c.ticket_id, c.metric, c.cycle DESC
""")
_CLOCKS = text("""
    INSERT INTO sla_clocks AS c (organization_id, id, ticket_id, metric, cycle, policy_id, policy_version,
        calendar_id, calendar_version, zone_data, target, consumed, state, cause, since, due_at, breached_at,
        completed_at, started_at, segment, stay_team_id)
    SELECT :organization_id, n.* FROM unnest(CAST(:id AS uuid[]), CAST(:ticket_id AS uuid[]),
        CAST(:metric AS text[]), CAST(:cycle AS integer[]), CAST(:policy_id AS uuid[]),
        CAST(:policy_version AS bigint[]), CAST(:calendar_id AS uuid[]), CAST(:calendar_version AS integer[]),
        CAST(:zone_data AS text[]), CAST(:target AS interval[]), CAST(:consumed AS interval[]),
        CAST(:state AS text[]), CAST(:cause AS text[]), CAST(:since AS timestamptz[]),
        CAST(:due_at AS timestamptz[]), CAST(:breached_at AS timestamptz[]), CAST(:completed_at AS timestamptz[]),
        CAST(:started_at AS timestamptz[]), CAST(:segment AS integer[]), CAST(:team_id AS uuid[])) AS n
    ON CONFLICT (organization_id, id) DO UPDATE SET policy_id = excluded.policy_id,
        policy_version = excluded.policy_version, calendar_id = excluded.calendar_id,
        calendar_version = excluded.calendar_version, zone_data = excluded.zone_data, target = excluded.target,
        consumed = excluded.consumed, state = excluded.state, cause = excluded.cause, since = excluded.since,
        due_at = excluded.due_at, breached_at = excluded.breached_at, completed_at = excluded.completed_at,
        segment = excluded.segment
""")
_TIMERS = text("""
    INSERT INTO sla_timers AS t (organization_id, clock_id, ticket_id, next_at)
    SELECT :organization_id, n.* FROM unnest(CAST(:id AS uuid[]), CAST(:ticket_id AS uuid[]),
        CAST(:next_at AS timestamptz[])) AS n
    ON CONFLICT (organization_id, clock_id) DO UPDATE SET next_at = excluded.next_at
""")
_CLOSE = text("""
    UPDATE sla_segments s SET ended_at = n.ended_at, counted = n.counted
    FROM unnest(CAST(:clock_id AS uuid[]), CAST(:number AS integer[]), CAST(:ended_at AS timestamptz[]),
        CAST(:counted AS interval[])) AS n (clock_id, number, ended_at, counted)
    WHERE s.organization_id = :organization_id AND s.clock_id = n.clock_id AND s.number = n.number
""")
_OPEN = text("""
    INSERT INTO sla_segments (organization_id, clock_id, number, ticket_id, cycle, cause, state, began_at, ended_at,
        consumed, counted, target, policy_id, policy_version, calendar_id, calendar_version, zone_data)
    SELECT :organization_id, n.* FROM unnest(CAST(:clock_id AS uuid[]), CAST(:number AS integer[]),
        CAST(:ticket_id AS uuid[]), CAST(:cycle AS integer[]), CAST(:cause AS text[]), CAST(:state AS text[]),
        CAST(:began_at AS timestamptz[]), CAST(:ended_at AS timestamptz[]), CAST(:consumed AS interval[]),
        CAST(:counted AS interval[]), CAST(:target AS interval[]), CAST(:policy_id AS uuid[]),
        CAST(:policy_version AS bigint[]), CAST(:calendar_id AS uuid[]), CAST(:calendar_version AS integer[]),
        CAST(:zone_data AS text[])) AS n
""")


def clocks_of(session: Session, organization_id: UUID, ticket_ids: Sequence[UUID]) -> Sequence[Row[Any]]:
    """Return the last cycle of each metric of these tickets with the levels that have fired, in one query."""
    return session.execute(_OF_TICKETS, {"organization_id": organization_id, "ticket_ids": list(ticket_ids)}).all()


def write_clocks(session: Session, organization_id: UUID, clocks: Sequence[KeptClock]) -> None:
    """Write clocks and what their ledgers gained, in three statements at most."""
    values = {"organization_id": organization_id}
    session.execute(_CLOCKS, values | clock_columns(clocks))
    closed = [(kept, *kept.closed) for kept in clocks if kept.closed is not None]
    if closed:
        columns = {
            "clock_id": [kept.id for kept, _, _ in closed],
            "number": [kept.stored_segment for kept, _, _ in closed],
            "ended_at": [moment_of(at) for _, at, _ in closed],
            "counted": [span_of(counted) for _, _, counted in closed],
        }
        session.execute(_CLOSE, values | columns)
    opened = [(kept, segment) for kept in clocks for segment in kept.opened]
    if opened:
        session.execute(_OPEN, values | segment_columns(opened))


def write_looks(session: Session, organization_id: UUID, looks: Sequence[tuple[KeptClock, int | None]]) -> None:
    """Write when to look at clocks next (None: never), in one statement."""
    columns = {
        "id": [kept.id for kept, _ in looks],
        "ticket_id": [kept.ticket_id for kept, _ in looks],
        "next_at": [_moment(look) for _, look in looks],
    }
    session.execute(_TIMERS, {"organization_id": organization_id, **columns})


def clock_columns(clocks: Sequence[KeptClock]) -> dict[str, list[Any]]:
    """Return the columns of clocks, as the statements name them."""
    return {
        "id": [kept.id for kept in clocks],
        "ticket_id": [kept.ticket_id for kept in clocks],
        "metric": [kept.metric.value for kept in clocks],
        "policy_id": [kept.policy_id for kept in clocks],
        "policy_version": [kept.policy_version for kept in clocks],
        "segment": [kept.segment for kept in clocks],
        "team_id": [kept.team_id for kept in clocks],
        "cycle": [kept.clock.cycle for kept in clocks],
        "target": [span_of(kept.clock.target) for kept in clocks],
        "consumed": [span_of(kept.clock.consumed) for kept in clocks],
        "state": [kept.clock.state.value for kept in clocks],
        "cause": [kept.clock.cause.value for kept in clocks],
        "since": [moment_of(kept.clock.since) for kept in clocks],
        "due_at": [_moment(kept.clock.due_at) for kept in clocks],
        "breached_at": [_moment(kept.clock.breached_at) for kept in clocks],
        "completed_at": [_moment(kept.clock.completed_at) for kept in clocks],
        "started_at": [moment_of(kept.clock.started_at) for kept in clocks],
        **_calendar_columns([kept.clock.terms.calendar for kept in clocks]),
    }


def segment_columns(opened: Sequence[tuple[KeptClock, NewSegment]]) -> dict[str, list[Any]]:
    """Return the columns of segments, as the statement names them."""
    return {
        "clock_id": [kept.id for kept, _ in opened],
        "ticket_id": [kept.ticket_id for kept, _ in opened],
        "number": [segment.number for _, segment in opened],
        "cycle": [segment.cycle for _, segment in opened],
        "cause": [segment.cause.value for _, segment in opened],
        "state": [segment.state.value for _, segment in opened],
        "began_at": [moment_of(segment.began_at) for _, segment in opened],
        "ended_at": [_moment(segment.ended_at) for _, segment in opened],
        "consumed": [span_of(segment.consumed) for _, segment in opened],
        "counted": [span_of(segment.counted) for _, segment in opened],
        "target": [span_of(segment.target) for _, segment in opened],
        "policy_id": [segment.policy_id for _, segment in opened],
        "policy_version": [segment.policy_version for _, segment in opened],
        **_calendar_columns([segment.calendar for _, segment in opened]),
    }


def _calendar_columns(keys: Sequence[str]) -> dict[str, list[Any]]:
    named = [parse_key(key) for key in keys]
    return {
        "calendar_id": [None if one is None else one.calendar_id for one in named],
        "calendar_version": [None if one is None else one.version for one in named],
        "zone_data": [None if one is None else one.zone_data for one in named],
    }


def _moment(instant: int | None) -> datetime | None:
    return None if instant is None else moment_of(instant)
