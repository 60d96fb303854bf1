"""What an attempt leads to: its delivery, its endpoint's health and its lane, recorded in one transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from uuid import UUID

from psms.crash import CrashPoint, crash_point
from psms.db.queries import lanes, orders, results
from psms.db.refusals import DATABASE_ERRORS
from psms.domain.attempts import Outcome
from psms.domain.lanes import Circuit, Hearing, LaneState, Standing, after, heard_of
from psms.domain.paging import REFUSED
from psms.domain.retry import (
    Decision,
    Delivered,
    DisableEndpoint,
    GiveUp,
    RetryAt,
    decide,
)
from psms.domain.webhooks import DeliveryState, EndpointKind
from psms.encoding import json_text
from psms.errors import DependencyUnavailable, PsmsError
from psms.runtime import Runtime
from psms.telemetry import (
    ATTEMPT_SECONDS,
    ATTEMPTS,
    CIRCUITS_OPENED,
    DEAD,
    ENDPOINTS_DISABLED,
    LATE_RESULTS,
    TO_DELIVERED,
    logger,
)
from workflows import endpoint_health, endpoint_trials
from workflows.act import Act, act_of_system
from workflows.delivery_jobs import Finished, Judged

log = logger(__name__)


def record(rt: Runtime, finished: Sequence[Finished]) -> list[Finished]:
    """Record results, one short transaction for each organization, and return those to be recorded again.

    A result whose lease has ended is late: its attempt is kept, and its delivery is left to whoever holds
    it now, save that a late 2xx still counts where nobody does. Where the database is away or busy, the
    results come back; one that cannot be recorded at all is left to its lease, and takes no other along.
    """
    again: list[Finished] = []
    for _, own in groupby(sorted(finished, key=_organization_of), key=_organization_of):
        again += _recorded(rt, list(own))
    return again


def _organization_of(finished: Finished) -> UUID:
    return finished.job.organization_id


def _recorded(rt: Runtime, finished: list[Finished]) -> list[Finished]:
    try:
        _record_of(rt, finished[0].job.organization_id, finished)
    except DependencyUnavailable as problem:
        log.warning("results_not_recorded", count=len(finished), reason=problem.detail)
        return finished
    except (PsmsError, *DATABASE_ERRORS):
        if len(finished) == 1:
            log.exception("result_not_recordable", delivery_id=str(finished[0].job.delivery_id))
            return []
        # One of them is at fault: each by itself.
        return [again for one in finished for again in _recorded(rt, [one])]
    return []


def _record_of(rt: Runtime, organization_id: UUID, finished: list[Finished]) -> None:
    # Nobody holds a lane for long; if somebody does, come back.
    with rt.db.begin_impatient(organization_id, seconds=1) as session:
        # Lanes before anything else, as everywhere.
        now, locked = lanes.lock_states(session, organization_id, [one.job.endpoint_id for one in finished])
        act = act_of_system(rt, session, organization_id, now)
        judged = [_judged(rt, one, act.now) for one in finished]
        own, late = _settled(act, judged)
        endpoint_health.note_given_up(act, own)
        there = _of_where_they_are(own, locked)
        disabled = endpoint_health.note(act, there)
        endpoint_trials.note_verified(act, there)
        states = {endpoint_id: _learned(rt, lane, there, endpoint_id, now) for endpoint_id, lane in locked.items()}
        lanes.follow(session, organization_id, states, _asked_to_wait(_of_where_they_are(judged, locked)))
        crash_point(CrashPoint.RESULT_UNCOMMITTED)
    crash_point(CrashPoint.RESULT_COMMITTED)
    LATE_RESULTS.inc(late)
    CIRCUITS_OPENED.inc(sum(1 for state in states.values() if state.probe_at is not None))
    for why in disabled:
        ENDPOINTS_DISABLED.labels(reason=why).inc()
    for one in judged:
        _measure_attempt(one)
    for one in own:
        _measure_outcome(one, act.now)


def _settled(act: Act, judged: Sequence[Judged]) -> tuple[list[Judged], int]:
    """Write what was decided; return those whose leases still held, and how many came too late."""
    settlements = [one.settlement for one in judged]
    in_time = results.settle(act.session, act.organization_id, settlements, act.now)
    ids = {row.id for row in in_time}
    late = [s for s in settlements if s.delivery_id not in ids]
    accepted_late = [s for s in late if s.outcome == Outcome.SUCCESS]
    left = [row for row in in_time if row.state != DeliveryState.PENDING or row.behind]
    if accepted_late:
        left += results.settle_late_successes(act.session, act.organization_id, accepted_late, act.now)
    turns = {(row.endpoint_id, row.order_key) for row in left if row.order_key is not None}
    orders.let_next_go(act.session, act.organization_id, turns, act.now)
    return [one for one in judged if one.settlement.delivery_id in ids], len(late)


def _of_where_they_are(judged: Sequence[Judged], locked: Mapping[UUID, lanes.LockedLane]) -> list[Judged]:
    """Return those of the addresses that endpoints have now: a former one says nothing about the one after it."""
    urls = {endpoint_id: lane.url for endpoint_id, lane in locked.items()}
    return [one for one in judged if one.finished.job.url == urls.get(one.settlement.endpoint_id)]


def _learned(
    rt: Runtime, lane: lanes.LockedLane, judged: Sequence[Judged], endpoint_id: UUID, now: datetime
) -> LaneState:
    own = [one.finished for one in judged if one.settlement.endpoint_id == endpoint_id]
    heard = [heard_of(one.result) for one in own if _decides(lane, one)]
    failing_for = timedelta(0) if lane.failing_since is None else now - lane.failing_since
    return after(lane.state, heard, Hearing(now=now, jitter=rt.chance.fraction(), failing_for=failing_for))


def _decides(lane: lanes.LockedLane, finished: Finished) -> bool:
    """Tell whether a result says how its endpoint fares now: what failed before a probe was let through does not."""
    was_probe = finished.job.standing is Standing.FAILING
    return lane.state.circuit is not Circuit.HALF_OPEN or was_probe or finished.result.outcome is Outcome.SUCCESS


def _judged(rt: Runtime, finished: Finished, now: datetime) -> Judged:
    job, result = finished.job, finished.result
    decision: Decision = GiveUp(reason="refused")
    if not (job.kind is EndpointKind.PAGERDUTY and result.status == REFUSED):
        decision = decide(
            failures=job.failures,
            result=result,
            now=now,
            expires_at=job.expires_at,
            jitter=rt.chance.fraction(),
        )
    state, next_at, not_before, reason = _outcome(decision)
    settlement = results.Settlement(
        delivery_id=job.delivery_id,
        attempt_id=job.attempt_id,
        endpoint_id=job.endpoint_id,
        token=job.token,
        state=state,
        next_at=next_at,
        lane_not_before=not_before,
        counted=0 if isinstance(decision, Delivered) else 1,
        reason=reason,
        outcome=result.outcome.value,
        status=result.status,
        error=result.error,
        duration_ms=result.duration_ms,
        retry_after=result.retry_after,
        headers=json_text(dict(result.response_headers)),
        body=result.response_body,
        truncated=result.response_truncated,
        request_headers=json_text(dict(finished.request_headers)),
    )
    return Judged(finished=finished, decision=decision, settlement=settlement)


def _outcome(decision: Decision) -> tuple[DeliveryState, datetime | None, datetime | None, str | None]:
    match decision:
        case Delivered():
            return DeliveryState.DELIVERED, None, None, None
        case RetryAt(at=at, lane_not_before=not_before):
            return DeliveryState.PENDING, at, not_before, None
        case GiveUp(reason=reason):
            return DeliveryState.DEAD, None, None, reason
        case DisableEndpoint():
            # Pending in a lane that closes: it is held, and goes out when somebody opens it.
            return DeliveryState.PENDING, None, None, None


def _asked_to_wait(judged: Sequence[Judged]) -> dict[UUID, datetime]:
    """Return until when partners asked to be left alone, the latest where one asked several times."""
    until: dict[UUID, datetime] = {}
    for one in judged:
        asked, endpoint_id = one.settlement.lane_not_before, one.settlement.endpoint_id
        if asked is not None:
            until[endpoint_id] = max(asked, until.get(endpoint_id, asked))
    return until


def _measure_attempt(judged: Judged) -> None:
    result = judged.finished.result
    status_class = f"{result.status // 100}xx" if result.status else "none"
    ATTEMPTS.labels(outcome=result.outcome.value, status_class=status_class).inc()
    ATTEMPT_SECONDS.labels(outcome=result.outcome.value).observe(result.duration_ms / 1000)


def _measure_outcome(judged: Judged, now: datetime) -> None:
    job = judged.finished.job
    match judged.decision:
        case Delivered() if job.timed:
            TO_DELIVERED.labels(endpoint=job.standing.value).observe(max(0.0, (now - job.occurred_at).total_seconds()))
        case GiveUp(reason=reason):
            DEAD.labels(reason=reason).inc()
            log.warning("delivery_dead", delivery_id=str(job.delivery_id), reason=reason)
        case _:
            pass
