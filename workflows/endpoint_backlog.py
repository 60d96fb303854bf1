"""What is held for an endpoint: what is chosen to become of it, and doing that. Delivering is in `deliveries`."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from psms.crash import CrashPoint, crash_point
from psms.db.direct import Record
from psms.db.models.webhooks import EndpointRow
from psms.db.queries import backlogs, lanes
from psms.db.refusals import DATABASE_ERRORS
from psms.db.session import enter
from psms.domain.endpoint_health import HELD_AT_MOST
from psms.domain.webhooks import Backlog, EndpointState
from psms.errors import FieldError
from psms.runtime import Runtime
from psms.telemetry import DEAD, logger
from workflows import trail
from workflows.act import Act, act_of_system
from workflows.names import Task

# Deliveries looked at in one transaction, which holds the lane for some tens of milliseconds.
BATCH = 2000
_KIND = "webhook_endpoint"

log = logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class BacklogChoice:
    """What becomes of what was held when an endpoint is made active; *since* is when what is kept begins."""

    backlog: Backlog = Backlog.DELIVER
    since: datetime | None = None


def take_choice(fields: dict[str, Any]) -> BacklogChoice:
    """Take `backlog` and `backlog_since` out of the fields of an edit.

    Raises FieldError where they are said without making the endpoint active, or without one another.
    """
    said, since = fields.pop("backlog", None), fields.pop("backlog_since", None)
    if said is not None and fields.get("state") != EndpointState.ACTIVE:
        raise FieldError("backlog", 'is said together with "state": "active"')
    choice = BacklogChoice(backlog=Backlog(said or Backlog.DELIVER), since=since)
    if (choice.backlog is Backlog.SINCE) != (since is not None):
        raise FieldError("backlog_since", 'is said with "backlog": "since", and only then')
    return choice


def require_held(choice: BacklogChoice) -> None:
    """Raise FieldError where something of an endpoint that was active all the time should be thrown away."""
    if choice.backlog is not Backlog.DELIVER:
        raise FieldError("backlog", "the endpoint is active: nothing is held for it")


def follow_state(act: Act, row: EndpointRow, choice: BacklogChoice) -> None:
    """Let the locked lane of an endpoint follow its new state, and forget how it fared: a person has looked at it.

    However much is held, this is one statement: what is to be thrown away is so by `discard_backlogs`, and the lane
    opens afterwards. The last word counts: a later choice ends the throwing away.
    """
    _begin_anew(row)
    if row.state != EndpointState.ACTIVE:
        lanes.close(act.session, act.organization_id, row.id, act.now)
    elif choice.backlog is Backlog.DELIVER:
        backlogs.deliver(act.session, act.organization_id, row.id, act.now)
    else:
        before = choice.since or act.now
        if before > act.now:
            raise FieldError("backlog_since", "is in the future")
        backlogs.begin_discard(act.session, act.organization_id, row.id, before=before, now=act.now)
        trail.note(act, f"{_KIND}.backlog_discarded", (_KIND, row.id), trail.added({"before": before}))


def _begin_anew(row: EndpointRow) -> None:
    row.disabled_reason = row.failing_since = row.blocked_since = None
    row.first_failed_event_id = row.notice_due_at = None
    row.failed_attempts = row.failing_notices = 0
    row.several_events_failed = False


class _LeftError(Exception):
    """The backlog of one endpoint could not be worked on."""

    def __init__(self, endpoint_id: UUID) -> None:
        super().__init__(endpoint_id)
        self.endpoint_id = endpoint_id


def discard_backlogs(rt: Runtime) -> int:
    """Throw away what was chosen to be, piece by piece, open each lane when all of it is gone, and return how many.

    Each piece is a transaction, so what is cut short goes on where it stopped. Safe to run by any number of
    processes at once.
    """
    return _each(rt, _discard_piece)


def expire_held(rt: Runtime) -> int:
    """Give up what has been held for longer than HELD_AT_MOST, and return how many those were."""
    return _each(rt, _expire_piece)


def _each(rt: Runtime, do: Callable[[Runtime, set[UUID]], int | None]) -> int:
    total = 0
    passed_over: set[UUID] = set()
    while not rt.stopping.is_set():
        try:
            done = do(rt, passed_over)
        except _LeftError as problem:
            # Its transaction was rolled back; it holds nobody else up.
            passed_over.add(problem.endpoint_id)
            continue
        if done is None:
            break
        total += done
    return total


def _discard_piece(rt: Runtime, passed_over: set[UUID]) -> int | None:
    opened = False
    with rt.db.begin_claim() as session:
        lane = backlogs.lock_discarding(session, passed_over)
        if lane is None:
            return None
        try:
            done, opened = _discard(rt, session, lane)
        except DATABASE_ERRORS as problem:
            log.exception("backlog_not_discarded", endpoint_id=str(lane.endpoint_id))
            raise _LeftError(lane.endpoint_id) from problem
        crash_point(CrashPoint.DISCARD_UNCOMMITTED)
    crash_point(CrashPoint.DISCARD_COMMITTED)
    if opened:
        rt.nudger.nudge(Task.DELIVER_WEBHOOKS)
    return done


def _discard(rt: Runtime, session: Session, lane: Record) -> tuple[int, bool]:
    enter(session, lane.organization_id)
    now = rt.clock.now(session)
    done, last = backlogs.discard(session, lane, now, BATCH)
    if last is not None:
        backlogs.go_on_after(session, lane, last)
        return done, False
    opened = backlogs.end_discard(session, lane) == EndpointState.ACTIVE
    if opened:
        backlogs.deliver(session, lane.organization_id, lane.endpoint_id, now)
    return done, opened


def _expire_piece(rt: Runtime, passed_over: set[UUID]) -> int | None:
    with rt.db.begin_claim() as session:
        now = rt.clock.now(session)
        lane = backlogs.lock_holding_old(session, now - HELD_AT_MOST, passed_over)
        if lane is None:
            return None
        try:
            enter(session, lane.organization_id)
            done = backlogs.expire(session, lane, now - HELD_AT_MOST, now, BATCH)
            act = act_of_system(rt, session, lane.organization_id, now)
            trail.note(act, f"{_KIND}.backlog_expired", (_KIND, lane.endpoint_id), trail.added({"count": done}))
        except DATABASE_ERRORS as problem:
            log.exception("backlog_not_expired", endpoint_id=str(lane.endpoint_id))
            raise _LeftError(lane.endpoint_id) from problem
    DEAD.labels(reason="expired_while_held").inc(done)
    if not done:
        passed_over.add(lane.endpoint_id)
    return done
