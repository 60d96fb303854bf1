"""The events that a replay walks over, by their ids, and making them due. Who calls these holds the lane's lock.

An event's id begins with the instant at which it happened, so that a span of time is a stretch of an index, and the
last id that was looked at says how far a replay has got. What a replay finds to send at once is looked for among the
next 1,000.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from psms.domain.event_selection import selected_types
from psms.domain.replays import ReplayMode
from psms.domain.retry import EXPIRES_AFTER
from psms.ids import first_id_of

LOOKED_AT = 1000
_NO_ID = UUID(int=0)
_MILLISECOND = timedelta(milliseconds=1)

_SPAN = """
    {table}.organization_id = :organization_id AND {key} > :after AND {key} < :end
    AND {table}.occurred_at >= :since AND {table}.occurred_at < :until
"""
_DELIVERIES = f"""
    SELECT d.event_id, d.id, d.event_type, d.ticket_id, d.occurred_at, d.request_id, d.state, d.next_attempt_at,
        d.dead_reason, d.finished_at, false AS absent
    FROM webhook_deliveries d
    WHERE {_SPAN.format(table="d", key="d.event_id")} AND d.endpoint_id = :endpoint_id
"""  # noqa: S608  (constants)
_EVENTS = f"""
    SELECT e.id AS event_id, e.type AS event_type, e.ticket_id, e.occurred_at, e.request_id
    FROM events e WHERE {_SPAN.format(table="e", key="e.id")}
"""  # noqa: S608  (constants)
_WITH_DELIVERIES = """
    SELECT e.event_id, d.id, e.event_type, e.ticket_id, e.occurred_at, e.request_id, d.state, d.next_attempt_at,
        d.dead_reason, d.finished_at, d.id IS NULL AS absent
    FROM {looked_at} e
    {deliveries}
"""
_JOINED = """
    LEFT JOIN webhook_deliveries d ON d.organization_id = :organization_id AND d.event_id = e.event_id
        AND d.endpoint_id = :endpoint_id
"""
# Event by event: of a page's few events, however many deliveries there are of others or for other endpoints.
_ONE_BY_ONE = """
    LEFT JOIN LATERAL (SELECT * FROM webhook_deliveries o WHERE o.organization_id = :organization_id
        AND o.event_id = e.event_id AND o.endpoint_id = :endpoint_id LIMIT 1) d ON true
"""
_OF_THESE_TYPES = """
    (CAST(:event_types AS text[]) IS NULL OR w.event_type = ANY (CAST(:event_types AS text[])))
"""
# What is told of webhooks themselves is for one endpoint alone, or for the others. What is in the outbox still gets its
# deliveries from the relay; it is read once for all, however long it is, since no anti-join is made of NOT IN.
_MISSING = """
    w.absent AND NOT starts_with(w.event_type, 'webhook.')
    AND (CAST(:subscribed AS text[]) IS NULL OR w.event_type = ANY (CAST(:subscribed AS text[])))
    AND w.event_id NOT IN (SELECT o.event_id FROM outbox o WHERE o.organization_id = :organization_id)
"""
# Who throws a backlog away while a replay waits has the last word.
_NOT_THROWN_AWAY = "(w.dead_reason IS DISTINCT FROM 'discarded' OR w.finished_at <= :asked_at)"
_FITS = {
    ReplayMode.FAILED: f"w.state IN ('pending', 'dead', 'cancelled') AND {_NOT_THROWN_AWAY}",
    ReplayMode.MISSING: _MISSING,
    ReplayMode.ALL: f"(NOT w.absent AND {_NOT_THROWN_AWAY} OR ({_MISSING}))",
}
# In an open lane, what is due is on its way already, and so is what is in flight.
_NOT_ON_ITS_WAY = "(w.absent OR w.state <> 'in_flight' AND NOT (w.state = 'pending' AND w.next_attempt_at <= :now))"
_PAGE = """
    WITH looked_at AS MATERIALIZED ({window} ORDER BY event_id LIMIT {most})
    SELECT ending.last, found.*
    FROM (SELECT event_id AS last FROM looked_at ORDER BY event_id DESC LIMIT 1) ending
    LEFT JOIN (SELECT w.* FROM ({rows}) w WHERE {types} AND {fits} AND {free} ORDER BY w.event_id LIMIT :limit) found
        ON true
    ORDER BY found.event_id
"""
# In a closed one it is held, and stays until the lane opens.
_COUNT = "SELECT count(*) FROM ({rows}) w WHERE {types} AND {fits} AND (NOT :open OR {free})"
_ABSENT = "SELECT w.event_id FROM ({rows}) w WHERE {types} AND {fits} ORDER BY w.event_id"
# Whoever is first in its order keeps its place there, since others wait for it; everybody else goes out of order.
_RELEASE = text("""
    UPDATE webhook_deliveries d
    SET state = 'pending', trigger = 'replay', replay_id = :replay_id, failures = 0, leases_lost = 0,
        dead_reason = NULL, finished_at = NULL, next_attempt_at = :now,
        order_key = CASE WHEN d.state = 'pending' AND NOT d.behind THEN d.order_key END, behind = false,
        expires_at = CAST(:now AS timestamptz) + CAST(:expires_after AS interval)
    WHERE d.organization_id = :organization_id AND d.id = ANY (:ids) AND d.state <> 'in_flight'
""")
# No conflict is passed over: its number would be a gap. With the lane locked there is none.
_ADD = text("""
    INSERT INTO webhook_deliveries (organization_id, id, event_id, event_type, ticket_id, endpoint_id, sequence, state,
        next_attempt_at, expires_at, trigger, replay_id, request_id, occurred_at, created_at)
    SELECT :organization_id, d.id, d.event_id, d.event_type, d.ticket_id, :endpoint_id, d.sequence, 'pending',
        :now, CAST(:now AS timestamptz) + CAST(:expires_after AS interval), 'replay', :replay_id, d.request_id,
        d.occurred_at, :now
    FROM unnest(CAST(:ids AS uuid[]), CAST(:event_ids AS uuid[]), CAST(:event_types AS text[]),
        CAST(:ticket_ids AS uuid[]), CAST(:sequences AS bigint[]), CAST(:request_ids AS text[]),
        CAST(:occurred AS timestamptz[]))
        AS d (id, event_id, event_type, ticket_id, sequence, request_id, occurred_at)
""")


def count(
    session: Session, replay: Row[Any], subscribed: list[str] | None, *, now: datetime, lane_is_open: bool
) -> int:
    """Return how many events a replay is for, as it is now: what is on its way without it is not among them."""
    mode = ReplayMode(replay.mode)
    rows = _rows(mode, f"({_window(mode)})")
    statement = _COUNT.format(rows=rows, types=_OF_THESE_TYPES, fits=_FITS[mode], free=_NOT_ON_ITS_WAY)
    values = {**_values(replay, subscribed), "now": now, "open": lane_is_open}
    return int(session.execute(text(statement), values).scalar_one())


def absent(session: Session, replay: Row[Any], subscribed: list[str] | None) -> list[UUID]:
    """Return the events among those that `count` counts of which there is no delivery."""
    mode = ReplayMode(replay.mode)
    if mode is ReplayMode.FAILED:
        return []
    rows = _rows(mode, f"({_window(mode)})")
    statement = _ABSENT.format(rows=rows, types=_OF_THESE_TYPES, fits=_MISSING)
    return list(session.execute(text(statement), _values(replay, subscribed)).scalars())


def next_page(
    session: Session, replay: Row[Any], subscribed: list[str] | None, *, now: datetime, limit: int
) -> tuple[list[Row[Any]], UUID | None]:
    """Return the next events to be sent, at most *limit*, and the last one that was looked at for them.

    None where there was nothing left to look at.
    """
    mode = ReplayMode(replay.mode)
    statement = _PAGE.format(
        window=_window(mode),
        rows=_rows(mode, "looked_at", _ONE_BY_ONE),
        types=_OF_THESE_TYPES,
        fits=_FITS[mode],
        free=_NOT_ON_ITS_WAY,
        most=LOOKED_AT,
    )
    rows = session.execute(text(statement), {**_values(replay, subscribed), "now": now, "limit": limit}).all()
    if not rows:
        return [], None
    found = [row for row in rows if row.event_id is not None]
    return found, found[-1].event_id if len(found) == limit else rows[0].last


def _window(mode: ReplayMode) -> str:
    return _DELIVERIES if mode is ReplayMode.FAILED else _EVENTS


def _rows(mode: ReplayMode, looked_at: str, deliveries: str = _JOINED) -> str:
    if mode is ReplayMode.FAILED:
        return f"SELECT * FROM {looked_at} l"  # noqa: S608  (a constant)
    return _WITH_DELIVERIES.format(looked_at=looked_at, deliveries=deliveries)


def release(session: Session, replay: Row[Any], delivery_ids: list[UUID], now: datetime) -> None:
    """Make deliveries that are there due now, with their whole schedule before them."""
    place = {"organization_id": replay.organization_id, "replay_id": replay.id, "ids": delivery_ids}
    session.execute(_RELEASE, {**place, "now": now, "expires_after": EXPIRES_AFTER})


def add(session: Session, replay: Row[Any], rows: Sequence[Row[Any]], numbers: dict[UUID, int], now: datetime) -> None:
    """Write deliveries of *rows*, due now: *numbers* are their ids, and the sequence of each, in the same order."""
    session.execute(
        _ADD,
        {
            "organization_id": replay.organization_id,
            "endpoint_id": replay.endpoint_id,
            "replay_id": replay.id,
            "now": now,
            "expires_after": EXPIRES_AFTER,
            "ids": list(numbers),
            "sequences": list(numbers.values()),
            "event_ids": [row.event_id for row in rows],
            "event_types": [row.event_type for row in rows],
            "ticket_ids": [row.ticket_id for row in rows],
            "request_ids": [row.request_id for row in rows],
            "occurred": [row.occurred_at for row in rows],
        },
    )


def _values(replay: Row[Any], subscribed: list[str] | None) -> dict[str, Any]:
    mode = ReplayMode(replay.mode)
    values = {
        "organization_id": replay.organization_id,
        "endpoint_id": replay.endpoint_id,
        "after": max(replay.done_through or _NO_ID, _before(first_id_of(replay.since))),
        "end": first_id_of(replay.until + _MILLISECOND),
        "since": replay.since,
        "until": replay.until,
        "event_types": None if replay.event_types is None else _named(replay.event_types),
    }
    if mode is not ReplayMode.FAILED:
        values["subscribed"] = subscribed
    return values if mode is ReplayMode.MISSING else {**values, "asked_at": replay.created_at}


def _before(identifier: UUID) -> UUID:
    return UUID(int=identifier.int - 1) if identifier.int else _NO_ID


def _named(event_types: Sequence[str]) -> list[str]:
    # Tests and pings, which nobody subscribes to, are in no group.
    return sorted({*event_types, *selected_types(event_types)})
