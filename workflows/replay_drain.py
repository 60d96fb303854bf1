"""Sending replays: a few deliveries at a time become due, by the walk of their events; asking for them is `replays`.

Each look at a replay is one transaction: how far it has got moves together with what it releases, so that whoever is
killed, each event is released once. It never has more due, or out, than its share of the lane: what is filed
meanwhile finds the rest of the lane as it would be without.
"""

import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session

from psms.crash import CrashPoint, crash_point
from psms.db.queries import lanes, replay_walks
from psms.db.queries import replays as queries
from psms.db.session import enter
from psms.domain.event_selection import selected_types
from psms.domain.replays import ReplayState, share_of
from psms.errors import PsmsError
from psms.runtime import Runtime
from workflows.names import Task
from workflows.relay_matching import passing

# A drain that has a replay under way looks this often, until it found nothing to release for so long: what it
# released lands meanwhile.
_PATIENCE_S = 0.25
_LOOK_AGAIN_S = 0.05
_SOON = timedelta(seconds=_LOOK_AGAIN_S)
# A lane that is closed, or waits: nobody sends anything there now.
_LATER = timedelta(seconds=5)
_AFTER_A_FAILURE = timedelta(seconds=60)
# Upkeep may remove deliveries while a replay is looked at, which takes less than this.
_BEFORE_REMOVAL = timedelta(minutes=5)
# Where a filter asks for more than the index tells, so many are looked at for the few that may be sent.
_CANDIDATES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """What one look at a replay released, and whether it waits for what it released before to land."""

    released: int = 0
    waits: bool = False


def replay_webhooks(rt: Runtime, patience_s: float = _PATIENCE_S) -> int:
    """Release what replays are for, as far as their lanes have room, and return how many deliveries that were.

    Run by any number of processes at once, each takes another replay. While one goes on, the drain looks again,
    until it has released nothing for *patience_s*. A replay that fails says so and waits a minute; the others go on.
    """
    total, until = 0, time.monotonic() + patience_s
    while not rt.stopping.is_set():
        look = _look_at_next(rt)
        if look is None:
            break
        total += look.released
        _tell(rt, look)
        if look.released:
            until = time.monotonic() + patience_s
        elif look.waits and time.monotonic() >= until:
            break
        elif look.waits:
            rt.stopping.wait(_LOOK_AGAIN_S)
    return total


def _tell(rt: Runtime, look: _Look) -> None:
    crash_point(CrashPoint.REPLAY_COMMITTED)
    if look.released:
        rt.nudger.nudge(Task.DELIVER_WEBHOOKS)


def _look_at_next(rt: Runtime) -> _Look | None:
    claimed: Row[Any] | None = None
    try:
        with rt.db.begin_claim() as session:
            claimed = queries.claim_next(session, _SOON)
            if claimed is None:
                return None
            enter(session, claimed.organization_id)
            kept_for = timedelta(days=rt.settings.delivery_retention_days) - _BEFORE_REMOVAL
            return _looked(rt, session, queries.read(session, claimed, kept_for))
    except Exception as problem:
        if claimed is not None:
            _note_failure(rt, claimed, problem)
        raise


def _looked(rt: Runtime, session: Session, replay: Row[Any]) -> _Look:
    if replay.matched is None:
        return _count(rt, session, replay)
    # After the replay, and before anything else of the endpoint.
    now = lanes.lock(session, replay.organization_id, [replay.endpoint_id])
    lane = queries.lane_of(session, replay, now)
    if lane.removed:
        queries.move(session, replay, {"state": ReplayState.CANCELLED, "now": now, "look_at": now})
        return _Look()
    if not lane.takes_requests:
        queries.move(session, replay, {"now": now, "look_at": now + _LATER})
        return _Look()
    return _release(rt, session, replay, lane, now)


def _count(rt: Runtime, session: Session, replay: Row[Any]) -> _Look:
    # It may take a while, so with no lane locked.
    now = rt.clock.now(session)
    lane = queries.lane_of(session, replay, now)
    found = replay_walks.count(session, replay, _types_of(lane), now=now, lane_is_open=lane.open)
    matched = found - _refused(session, replay, lane)
    state = ReplayState.DONE if replay.dry_run else ReplayState.RUNNING
    queries.move(session, replay, {"matched": matched, "state": state, "now": now, "look_at": now})
    return _Look()


def _refused(session: Session, replay: Row[Any], lane: Row[Any]) -> int:
    """Return how many of the events that there is no delivery of are missing for the endpoint's filter alone."""
    if lane.event_filter is None:
        return 0
    absent = replay_walks.absent(session, replay, _types_of(lane))
    return len(absent) - len(passing(session, replay.organization_id, lane, absent))


def _release(rt: Runtime, session: Session, replay: Row[Any], lane: Row[Any], now: datetime) -> _Look:
    room = share_of(lane.most_in_flight) - queries.in_the_lane(session, replay, now)
    if room <= 0:
        queries.move(session, replay, {"now": now, "look_at": now + _SOON})
        return _Look(waits=True)
    # Of what a filter may refuse, more is looked at than there is room for.
    limit = room if lane.event_filter is None else max(room, _CANDIDATES)
    found, last = replay_walks.next_page(session, replay, _types_of(lane), now=now, limit=limit)
    if last is None:
        queries.move(session, replay, {"state": ReplayState.DONE, "now": now, "look_at": now})
        return _Look()
    wanted = _wanted(session, replay, lane, found)[:room]
    if wanted:
        _make_due(rt, session, replay, wanted, now)
    # Where there is nothing among those that were looked at, the next ones are looked at without a pause.
    values = {"released": len(wanted), "look_at": now + _SOON if wanted else now, "now": now}
    queries.move(session, replay, {**values, "done_through": wanted[-1].event_id if len(wanted) == room else last})
    crash_point(CrashPoint.REPLAY_UNCOMMITTED)
    return _Look(released=len(wanted))


def _wanted(session: Session, replay: Row[Any], lane: Row[Any], rows: list[Row[Any]]) -> list[Row[Any]]:
    """Return those that are sent: what is there already was wanted when it was made, what is not must be wanted now."""
    missing = [row.event_id for row in rows if row.absent]
    passed = passing(session, replay.organization_id, lane, missing) if missing else frozenset()
    return [row for row in rows if not row.absent or row.event_id in passed]


def _make_due(rt: Runtime, session: Session, replay: Row[Any], rows: list[Row[Any]], now: datetime) -> None:
    there = [row.id for row in rows if not row.absent]
    if there:
        replay_walks.release(session, replay, there, now)
    absent = [row for row in rows if row.absent]
    if absent:
        _add(rt, session, replay, absent, now)
    lanes.wake(session, replay.organization_id, [replay.endpoint_id])


def _types_of(lane: Row[Any]) -> list[str] | None:
    return None if lane.event_types is None else sorted(selected_types(lane.event_types))


def _add(rt: Runtime, session: Session, replay: Row[Any], rows: list[Row[Any]], now: datetime) -> None:
    last = lanes.reserve(session, replay.organization_id, {replay.endpoint_id: len(rows)}, now)[replay.endpoint_id]
    numbers = {rt.chance.new_id(now): last + place for place in range(1, len(rows) + 1)}
    replay_walks.add(session, replay, rows, numbers, now)


def _note_failure(rt: Runtime, claimed: Row[Any], problem: Exception) -> None:
    """Write it in a transaction of its own; where that fails too, the database is away, and nothing is to be said."""
    with suppress(PsmsError), rt.db.begin(claimed.organization_id) as session:
        look_at = rt.clock.now(session) + _AFTER_A_FAILURE
        # The kind alone: what a database says may quote an event.
        values = {"error": type(problem).__name__, "look_at": look_at}
        queries.note_failure(session, claimed.organization_id, claimed.id, values)
