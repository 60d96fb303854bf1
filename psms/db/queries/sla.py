"""Clocks, timers and fires: written in sets, whatever the number of tickets. Who writes holds the tickets' locks."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from psms.domain.sla import Clock, ClockState, Metric
from psms.domain.sla_policies import Promise

# The first policy that asks for nothing but this priority, or for nothing at all.
_ASKS_NOTHING_ELSE = """'{{"service_ids": [], "types": [], "tiers": [], "tags": [], "all_tags": [], "no_tags": [],
    "custom_fields": {{}}}}'::jsonb"""
_PROMISE = f"""
    SELECT p.id, p.definition_version AS version,
        (v.definition #>> '{{{{targets,first_response,seconds}}}}')::integer AS first_response_seconds,
        (v.definition #>> '{{{{targets,resolution,seconds}}}}')::integer AS resolution_seconds
    FROM sla_policies p JOIN sla_policy_versions v
        ON v.organization_id = p.organization_id AND v.policy_id = p.id AND v.version = p.definition_version
    WHERE p.active AND v.definition #> '{{{{conditions,priorities}}}}' IN ('[]', jsonb_build_array({{priority}}::text))
        AND (v.definition -> 'conditions') - 'priorities' = {_ASKS_NOTHING_ELSE}
    ORDER BY p.position, p.id DESC LIMIT 1
"""  # noqa: S608  (a constant)
_PROMISES = text(f"""
    SELECT wanted.priority, p.* FROM unnest(CAST(:priorities AS text[])) AS wanted (priority)
    CROSS JOIN LATERAL ({_PROMISE.format(priority="wanted.priority")}) p
""")  # noqa: S608  (a constant)
PROMISE_OF_PRIORITY = _PROMISE.format(priority="%(priority)s")

_COLUMNS = """c.id, c.ticket_id, c.metric, c.policy_id, c.policy_version, c.target, c.consumed, c.segment_started_at,
    c.state, c.due_at, c.breached_at, c.completed_at, c.started_at"""
_OF_TICKETS = text(f"""
    SELECT {_COLUMNS}, ARRAY(SELECT f.level FROM sla_fires f
        WHERE f.organization_id = c.organization_id AND f.clock_id = c.id ORDER BY f.at, f.level) AS levels
    FROM sla_clocks c
    WHERE c.organization_id = :organization_id AND c.ticket_id = ANY (:ticket_ids)
    ORDER BY c.ticket_id, c.metric
""")  # noqa: S608  (constants)
# Two parts of the statement that files a ticket; its names are in `clock_values`.
CLOCKS_OF_TICKET = """
    clock AS (
        INSERT INTO sla_clocks (organization_id, id, ticket_id, metric, policy_id, policy_version, target,
            segment_started_at, state, due_at, started_at)
        SELECT %(organization_id)s, n.id, %(id)s, n.metric, %(policy_id)s, %(policy_version)s, n.target,
            CAST(%(now)s AS timestamptz), 'running', n.due_at, CAST(%(now)s AS timestamptz)
        FROM unnest(CAST(%(clock_ids)s AS uuid[]), CAST(%(metrics)s AS text[]), CAST(%(targets)s AS interval[]),
            CAST(%(due)s AS timestamptz[])) AS n (id, metric, target, due_at)
    ), timer AS (
        INSERT INTO sla_timers (organization_id, clock_id, ticket_id, next_at)
        SELECT %(organization_id)s, t.id, %(id)s, t.next_at
        FROM unnest(CAST(%(clock_ids)s AS uuid[]), CAST(%(next_at)s AS timestamptz[])) AS t (id, next_at)
    )"""
_UPDATE = text("""
    WITH changed AS (
        SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:targets AS interval[]), CAST(:consumed AS interval[]),
            CAST(:segments AS timestamptz[]), CAST(:states AS text[]), CAST(:due AS timestamptz[]),
            CAST(:breached AS timestamptz[]), CAST(:completed AS timestamptz[]), CAST(:policy_ids AS uuid[]),
            CAST(:policy_versions AS bigint[]), CAST(:next_at AS timestamptz[]))
            AS n (id, target, consumed, segment, state, due, breached, completed, policy_id, policy_version, next_at)
    ), clock AS (
        UPDATE sla_clocks c SET target = n.target, consumed = n.consumed, segment_started_at = n.segment,
            state = n.state, due_at = n.due, breached_at = n.breached, completed_at = n.completed,
            policy_id = n.policy_id, policy_version = n.policy_version
        FROM changed n WHERE c.organization_id = :organization_id AND c.id = n.id
    )
    UPDATE sla_timers t SET next_at = n.next_at
    FROM changed n WHERE t.organization_id = :organization_id AND t.clock_id = n.id
""")
_FIRES = text("""
    INSERT INTO sla_fires (organization_id, clock_id, level, at, noticed_at)
    SELECT :organization_id, f.clock_id, f.level, f.at, :now
    FROM unnest(CAST(:clock_ids AS uuid[]), CAST(:levels AS text[]), CAST(:at AS timestamptz[]))
        AS f (clock_id, level, at)
    ON CONFLICT DO NOTHING RETURNING clock_id, level
""")
_NOTIFY = text("""
    INSERT INTO notifications (organization_id, id, ticket_id, clock_id, kind, user_id, team_id, created_at)
    SELECT :organization_id, n.id, n.ticket_id, n.clock_id, n.kind, n.user_id, n.team_id, :now
    FROM unnest(CAST(:ids AS uuid[]), CAST(:ticket_ids AS uuid[]), CAST(:clock_ids AS uuid[]),
        CAST(:kinds AS text[]), CAST(:user_ids AS uuid[]), CAST(:team_ids AS uuid[]))
        AS n (id, ticket_id, clock_id, kind, user_id, team_id)
""")
# Oldest first: after an outage those who have waited longest come first.
_DUE = text("""
    SELECT organization_id, clock_id, ticket_id FROM sla_timers
    WHERE next_at IS NOT NULL AND next_at < :now
    ORDER BY next_at LIMIT :limit FOR UPDATE SKIP LOCKED
""")
# All timers of these tickets, or none of a ticket: so the sweep never waits, and cannot deadlock with an edit.
_LOCK_TIMERS = text("""
    SELECT clock_id, ticket_id FROM sla_timers
    WHERE organization_id = :organization_id AND ticket_id = ANY (:ticket_ids)
    ORDER BY clock_id FOR UPDATE SKIP LOCKED
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptClock:
    """A clock with what its row remembers besides."""

    id: UUID
    ticket_id: UUID
    metric: Metric
    policy_id: UUID
    policy_version: int
    started_at: datetime
    clock: Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class NewNotification:
    """Something that a user, a team, or nobody in particular is to be told."""

    id: UUID
    ticket_id: UUID
    clock_id: UUID
    kind: str
    user_id: UUID | None
    team_id: UUID | None


def promise_of(row: Row[Any]) -> Promise | None:
    """Return the promise that a row of a policy's columns holds; None where no policy was found."""
    if row.id is None:
        return None
    seconds = {Metric.FIRST_RESPONSE: row.first_response_seconds, Metric.RESOLUTION: row.resolution_seconds}
    return Promise(
        policy_id=row.id,
        policy_version=row.version,
        targets={metric: timedelta(seconds=value) for metric, value in seconds.items() if value is not None},
    )


def promises(session: Session, priorities: Iterable[str]) -> dict[str, Promise]:
    """Return the promise for each priority that has one, in one query."""
    rows = session.execute(_PROMISES, {"priorities": sorted(set(priorities))})
    found = ((row.priority, promise_of(row)) for row in rows)
    return {priority: promise for priority, promise in found if promise is not None}


def clocks_of(session: Session, organization_id: UUID, ticket_ids: Sequence[UUID]) -> list[KeptClock]:
    """Return every clock of these tickets with the levels that have fired, in one query."""
    rows = session.execute(_OF_TICKETS, {"organization_id": organization_id, "ticket_ids": list(ticket_ids)})
    return [_kept(row) for row in rows]


def clock_values(kept: Sequence[KeptClock], next_at: Sequence[datetime | None]) -> dict[str, Any]:
    """Return the values that CLOCKS_OF_TICKET names, for the clocks of one new ticket; none for no clocks."""
    if not kept:
        return {}
    return {
        "policy_id": kept[0].policy_id,
        "policy_version": kept[0].policy_version,
        "clock_ids": [k.id for k in kept],
        "metrics": [k.metric.value for k in kept],
        "targets": [k.clock.target for k in kept],
        "due": [k.clock.due_at for k in kept],
        "next_at": list(next_at),
    }


def update_clocks(
    session: Session, organization_id: UUID, kept: Sequence[KeptClock], next_at: Sequence[datetime | None]
) -> None:
    """Write changed clocks and their timers, in one statement."""
    clocks = [k.clock for k in kept]
    session.execute(
        _UPDATE,
        {
            "organization_id": organization_id,
            "ids": [k.id for k in kept],
            "policy_ids": [k.policy_id for k in kept],
            "policy_versions": [k.policy_version for k in kept],
            "targets": [c.target for c in clocks],
            "consumed": [c.consumed for c in clocks],
            "segments": [c.segment_started_at for c in clocks],
            "states": [c.state.value for c in clocks],
            "due": [c.due_at for c in clocks],
            "breached": [c.breached_at for c in clocks],
            "completed": [c.completed_at for c in clocks],
            "next_at": list(next_at),
        },
    )


def insert_fires(
    session: Session, organization_id: UUID, fires: Sequence[tuple[UUID, str, datetime]], now: datetime
) -> set[tuple[UUID, str]]:
    """Write fires (clock, level, instant), and return those that nobody wrote before."""
    rows = session.execute(
        _FIRES,
        {
            "organization_id": organization_id,
            "now": now,
            "clock_ids": [clock_id for clock_id, _, _ in fires],
            "levels": [level for _, level, _ in fires],
            "at": [at for _, _, at in fires],
        },
    )
    return {(row.clock_id, row.level) for row in rows}


def insert_notifications(
    session: Session, organization_id: UUID, notifications: Sequence[NewNotification], now: datetime
) -> None:
    """Write notifications, in one statement."""
    session.execute(
        _NOTIFY,
        {
            "organization_id": organization_id,
            "now": now,
            "ids": [n.id for n in notifications],
            "ticket_ids": [n.ticket_id for n in notifications],
            "clock_ids": [n.clock_id for n in notifications],
            "kinds": [n.kind for n in notifications],
            "user_ids": [n.user_id for n in notifications],
            "team_ids": [n.team_id for n in notifications],
        },
    )


def due(session: Session, now: datetime, limit: int) -> Sequence[Row[Any]]:
    """Lock, as the claimer, the timers that are due and return where they belong."""
    return session.execute(_DUE, {"now": now, "limit": limit}).all()


def lock_timers(session: Session, organization_id: UUID, ticket_ids: Sequence[UUID]) -> dict[UUID, set[UUID]]:
    """Lock the timers of these tickets that nobody else holds, and return their clocks by ticket."""
    locked: dict[UUID, set[UUID]] = {}
    values = {"organization_id": organization_id, "ticket_ids": list(ticket_ids)}
    for row in session.execute(_LOCK_TIMERS, values):
        locked.setdefault(row.ticket_id, set()).add(row.clock_id)
    return locked


def _kept(row: Row[Any]) -> KeptClock:
    return KeptClock(
        id=row.id,
        ticket_id=row.ticket_id,
        metric=Metric(row.metric),
        policy_id=row.policy_id,
        policy_version=row.policy_version,
        started_at=row.started_at,
        clock=Clock(
            target=row.target,
            consumed=row.consumed,
            segment_started_at=row.segment_started_at,
            state=ClockState(row.state),
            due_at=row.due_at,
            breached_at=row.breached_at,
            completed_at=row.completed_at,
            fired=frozenset(row.levels),
        ),
    )
