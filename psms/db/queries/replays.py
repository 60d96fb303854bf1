"""Replays as rows: noted, read, claimed, moved on. Which events they walk over is in `replay_walks`."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from psms.db.models.replays import ReplayRow
from psms.db.queries.records import view_of
from psms.domain.pages import Page, PageRequest, page_of
from psms.domain.replays import Replay, ReplayMode, ReplayState
from psms.errors import NotFound

_RUNNING = text("""
    SELECT EXISTS (SELECT FROM webhook_replays WHERE organization_id = :organization_id
        AND endpoint_id = :endpoint_id AND state = 'running')
""")
_OUTSTANDING = text("""
    SELECT replay_id, count(*) AS waiting FROM webhook_deliveries
    WHERE organization_id = :organization_id AND replay_id = ANY (:ids) AND state IN ('pending', 'in_flight')
    GROUP BY replay_id
""")
# As the claimer, whose time is read once: an index condition on a volatile function reads the whole index.
_NEXT = text("""
    SELECT organization_id, id, endpoint_id FROM webhook_replays
    WHERE state = 'running' AND look_at <= (SELECT psms_now()) + CAST(:soon AS interval)
    ORDER BY look_at LIMIT 1 FOR UPDATE SKIP LOCKED
""")
# What was removed meanwhile must not be taken for what never was: a replay may have waited long.
_READ = text("""
    SELECT organization_id, id, endpoint_id, mode, until, event_types, dry_run, state, matched, done_through,
        created_at, GREATEST(since, psms_now() - CAST(:kept_for AS interval)) AS since
    FROM webhook_replays WHERE organization_id = :organization_id AND id = :id
""")
_MOVE = text("""
    UPDATE webhook_replays SET state = :state, matched = :matched, released = released + :released,
        done_through = :done_through, look_at = :look_at, error = NULL,
        finished_at = CASE WHEN :state <> 'running' THEN CAST(:now AS timestamptz) END
    WHERE organization_id = :organization_id AND id = :id
""")
_FAILED = text("""
    UPDATE webhook_replays SET failures = failures + 1, error = :error, look_at = :look_at
    WHERE organization_id = :organization_id AND id = :id AND state = 'running'
""")
_LANE = text("""
    SELECT l.removed, l.open, l.open AND l.circuit = 'closed' AND l.not_before <= :now AS takes_requests,
        p.id, p.event_types, p.event_filter,
        LEAST(l.max_in_flight, COALESCE(l.in_flight_window, l.max_in_flight)) AS most_in_flight
    FROM webhook_lanes l JOIN webhook_endpoints p ON p.organization_id = l.organization_id AND p.id = l.endpoint_id
    WHERE l.organization_id = :organization_id AND l.endpoint_id = :endpoint_id
""")
# What waits for its next try is not in anybody's way; what is due, or out, is.
_IN_THE_LANE = text("""
    SELECT count(*) FROM webhook_deliveries
    WHERE organization_id = :organization_id AND replay_id = :id AND state IN ('pending', 'in_flight')
      AND (state = 'in_flight' OR next_attempt_at <= :now)
""")


def is_running(session: Session, organization_id: UUID, endpoint_id: UUID) -> bool:
    """Tell whether a replay of an endpoint runs, whose lane is locked."""
    values = {"organization_id": organization_id, "endpoint_id": endpoint_id}
    return bool(session.execute(_RUNNING, values).scalar_one())


def insert(session: Session, row: ReplayRow) -> Replay:
    """Write a new replay."""
    session.add(row)
    session.flush()
    return _shown(row, 0)


def list_page(session: Session, organization_id: UUID, endpoint_id: UUID, page: PageRequest) -> Page[Replay]:
    """Return one page of an endpoint's replays, oldest first."""
    statement = select(ReplayRow).where(ReplayRow.endpoint_id == endpoint_id)
    if page.after is not None:
        statement = statement.where(ReplayRow.id > page.after)
    rows = session.scalars(statement.order_by(ReplayRow.id).limit(page.limit + 1)).all()
    outstanding = _outstanding(session, organization_id, [row.id for row in rows])
    return page_of([_shown(row, outstanding.get(row.id, 0)) for row in rows], page.limit)


def get(session: Session, organization_id: UUID, endpoint_id: UUID, replay_id: UUID) -> Replay:
    """Return a replay of an endpoint as it is now, or raise NotFound."""
    row = _row(session, select(ReplayRow), endpoint_id, replay_id)
    return _shown(row, _outstanding(session, organization_id, [row.id]).get(row.id, 0))


def lock(session: Session, endpoint_id: UUID, replay_id: UUID) -> ReplayRow:
    """Lock a replay of an endpoint, before its lane; raise NotFound."""
    return _row(session, select(ReplayRow).with_for_update(), endpoint_id, replay_id)


def _row(session: Session, statement: Any, endpoint_id: UUID, replay_id: UUID) -> ReplayRow:  # noqa: ANN401  (a Select)
    ours = statement.where(ReplayRow.endpoint_id == endpoint_id, ReplayRow.id == replay_id)
    row: ReplayRow | None = session.scalars(ours.execution_options(populate_existing=True)).one_or_none()
    if row is None:
        raise NotFound
    return row


def _outstanding(session: Session, organization_id: UUID, replay_ids: list[UUID]) -> dict[UUID, int]:
    rows = session.execute(_OUTSTANDING, {"organization_id": organization_id, "ids": replay_ids})
    return {row.replay_id: row.waiting for row in rows}


def _shown(row: ReplayRow, outstanding: int) -> Replay:
    return view_of(
        Replay, row, mode=ReplayMode(row.mode), state=ReplayState(row.state), done=(row.released or 0) - outstanding
    )


def claim_next(session: Session, soon: timedelta) -> Row[Any] | None:
    """Lock, as the claimer, the running replay that was to be looked at first, now or *soon*, and is nobody else's."""
    return session.execute(_NEXT, {"soon": soon}).one_or_none()


def read(session: Session, claimed: Row[Any], kept_for: timedelta) -> Row[Any]:
    """Return a claimed replay, which looks back no further than *kept_for*, whenever it began."""
    values = {"organization_id": claimed.organization_id, "id": claimed.id, "kept_for": kept_for}
    return session.execute(_READ, values).one()


def lane_of(session: Session, replay: Row[Any], now: datetime) -> Row[Any]:
    """Return whether the lane of a replay takes requests, how many at once, and what the endpoint subscribes to."""
    values = {"organization_id": replay.organization_id, "endpoint_id": replay.endpoint_id, "now": now}
    return session.execute(_LANE, values).one()


def in_the_lane(session: Session, replay: Row[Any], now: datetime) -> int:
    """Return how many deliveries of a replay are due or out."""
    values = {"organization_id": replay.organization_id, "id": replay.id, "now": now}
    return int(session.execute(_IN_THE_LANE, values).scalar_one())


def move(session: Session, replay: Row[Any], values: dict[str, Any]) -> None:
    """Write how far a claimed replay has got: `now`, `look_at`, and what changes of the other columns."""
    as_it_is = {"state": replay.state, "matched": replay.matched, "done_through": replay.done_through, "released": 0}
    place = {"organization_id": replay.organization_id, "id": replay.id}
    session.execute(_MOVE, {**place, **as_it_is, **values})


def note_failure(session: Session, organization_id: UUID, replay_id: UUID, values: dict[str, Any]) -> None:
    """Write what went wrong with a replay, by its kind alone, and when to look at it again: `error`, `look_at`."""
    session.execute(_FAILED, {"organization_id": organization_id, "id": replay_id, **values})
