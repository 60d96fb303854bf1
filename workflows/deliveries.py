"""Webhook delivery: claim what is due, call the partners with no transaction open, record what came of it."""

from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session

from psms.db.queries import claims, results
from psms.db.session import enter
from psms.domain.attempts import WebhookRequest
from psms.domain.signing import signature_headers
from psms.domain.webhooks import DeliveryState
from psms.runtime import Runtime
from psms.telemetry import DEAD, LEASES_EXPIRED, TO_FIRST_ATTEMPT, bound, logger
from workflows import trail
from workflows.act import Act, act_of_system
from workflows.delivery_results import Finished, Job, record
from workflows.names import Task

# While requests are out, look this often for more that is due: a nudge cannot wake a drain that waits.
_LOOK_AGAIN_S = 0.05
MAX_TIMEOUT_S = 15.0
_REAP_BATCH = 500

log = logger(__name__)


def deliver_due(rt: Runtime) -> int:
    """Send everything that is due and return how many requests that were.

    Runs by any number of processes at once: a claim gives each delivery to one of them. Claims no more
    than there are free slots, so that nothing waits under a lease. A crash leaves leases, which expire.
    """
    flying: set[Future[Finished]] = set()
    total = 0
    while True:
        total += _take_off(rt, flying)
        if not flying:
            return total
        done, flying = wait(flying, timeout=_LOOK_AGAIN_S, return_when=FIRST_COMPLETED)
        finished = [future.result() for future in done if _landed(future)]
        if finished:
            record(rt, finished)


def _landed(future: Future[Finished]) -> bool:
    problem = future.exception()
    if problem is not None:
        # A defect of ours: the lease runs out, and after five of them the row is dead and shown to a person.
        log.error("delivery_not_sent", exc_info=problem)
    return problem is None


def _take_off(rt: Runtime, flying: set[Future[Finished]]) -> int:
    if rt.stopping.is_set() or not rt.slots.free:
        return 0
    jobs = claim_due(rt, alone=not flying)
    for job in jobs:
        TO_FIRST_ATTEMPT.observe(max(0.0, (job.started_at - job.occurred_at).total_seconds()))
        flying.add(rt.slots.submit(_send, rt, job))
    return len(jobs)


def claim_due(rt: Runtime, *, alone: bool) -> list[Job]:
    """Lease what is due, up to the free slots, and write the attempts that are about to be made.

    *alone*: nothing else is under way in this process, so a suspect may be tried.
    """
    with rt.db.begin_claim() as session:
        now = rt.clock.now(session)
        lease = claims.Lease(token=rt.chance.new_id(now), seconds=rt.settings.lease_seconds, now=now)
        if claims.suspect_waits(session):
            # Something may be killing its workers. Let what flies land first, then try it with nothing
            # beside it, so that it takes no innocent delivery along.
            claimed = claims.claim_suspect(session, lease) if alone else []
        else:
            claimed = claims.claim(session, lease, rt.slots.free)
        return _prepared(rt, session, lease, claimed)


def _prepared(rt: Runtime, session: Session, lease: claims.Lease, claimed: Sequence[Row[Any]]) -> list[Job]:
    jobs: list[Job] = []
    rows = sorted((row.organization_id, row.id) for row in claimed)
    for organization_id, own in groupby(rows, key=itemgetter(0)):
        enter(session, organization_id)
        attempts = {delivery_id: rt.chance.new_id(lease.now) for _, delivery_id in own}
        jobs += [_job(row, lease) for row in claims.prepare(session, organization_id, lease, attempts, rt.worker)]
    return jobs


def _job(row: Row[Any], lease: claims.Lease) -> Job:
    return Job(
        organization_id=row.organization_id,
        delivery_id=row.id,
        attempt_id=row.attempt_id,
        endpoint_id=row.endpoint_id,
        event_id=row.event_id,
        token=lease.token,
        failures=row.attempts,
        number=row.tries,
        sequence=row.sequence,
        started_at=lease.now,
        expires_at=row.expires_at,
        occurred_at=row.occurred_at,
        request_id=row.request_id,
        url=row.url,
        body=bytes(row.body),
        secrets=tuple(row.secrets),
        # Half of the lease: the other half is for waiting for a slot and for recording the result.
        timeout_s=max(1.0, min(MAX_TIMEOUT_S, lease.seconds / 2)),
    )


def _send(rt: Runtime, job: Job) -> Finished:
    headers = signature_headers(
        message_id=str(job.event_id), timestamp=job.started_at, body=job.body, secrets=job.secrets
    )
    headers |= {
        "webhook-attempt": str(job.number),
        "webhook-delivery-id": str(job.delivery_id),
        "webhook-sequence": str(job.sequence),
    }
    request = WebhookRequest(url=job.url, body=job.body, headers=headers, timeout_s=job.timeout_s)
    with bound(request_id=job.request_id, delivery_id=str(job.delivery_id)):
        result = rt.sender.send(request)
        log.info("webhook_sent", outcome=result.outcome.value, status=result.status, ms=result.duration_ms)
    return Finished(job=job, result=result)


def reap_leases(rt: Runtime) -> int:
    """Take back the deliveries of workers that went away and return how many those were.

    Whether the partner got the request is unknown, so it is sent again with the same `webhook-id`. Five
    leases lost in a row make a delivery dead: it may be what kills its workers.
    """
    with rt.db.begin_claim() as session:
        now = rt.clock.now(session)
        expired = sorted(claims.take_back_expired(session, now, _REAP_BATCH), key=attrgetter("organization_id"))
        for organization_id, group in groupby(expired, key=attrgetter("organization_id")):
            own = list(group)
            enter(session, organization_id)
            results.mark_unknown(session, organization_id, own, now)
            results.wake_lanes(session, organization_id, {row.endpoint_id: None for row in own})
            _note_dead(act_of_system(rt, session, organization_id, now), own)
    if expired:
        LEASES_EXPIRED.inc(len(expired))
        log.warning("leases_taken_back", count=len(expired))
        rt.nudger.nudge(Task.DELIVER_WEBHOOKS)
    return len(expired)


def _note_dead(act: Act, rows: Sequence[Row[Any]]) -> None:
    for row in rows:
        if row.state == DeliveryState.DEAD:
            DEAD.labels(reason="leases_lost").inc()
            shown = {"reason": "leases_lost", "endpoint_id": row.endpoint_id}
            trail.note(act, "delivery.dead", ("delivery", row.id), trail.added(shown))
