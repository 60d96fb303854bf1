"""Webhook delivery: what is due is claimed, sent with no transaction open, and recorded; lost leases are taken back."""

import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

from psms.crash import CrashPoint, crash_point
from psms.db.direct import Record
from psms.db.queries import lanes, leases, orders, results
from psms.db.session import enter
from psms.domain.attempts import Outcome
from psms.domain.lanes import SLOW_MS
from psms.domain.shares import Pool
from psms.domain.webhooks import DeliveryState
from psms.errors import PsmsError
from psms.runtime import Runtime
from psms.telemetry import DEAD, LEASES_EXPIRED, TO_FIRST_ATTEMPT, bound, logger
from workflows import trail
from workflows.act import Act, act_of_system
from workflows.delivery_claims import claim_due
from workflows.delivery_jobs import Finished, Job, UnderWay
from workflows.delivery_requests import request_for, result_of, shown_headers
from workflows.delivery_results import record
from workflows.delivery_returns import give_back
from workflows.delivery_secrets import credentials_of, unsigned
from workflows.names import Task

# While requests are out, look this often for more that is due: a nudge cannot wake a drain that waits.
_LOOK_AGAIN_S = 0.05
# Once one has landed, others that land within this time are recorded with it, in one transaction.
_LAND_TOGETHER_S = 0.01
# A process that is to end within 20 seconds waits so long for what is out, and gives the rest back in what is left.
_STOPS_WITHIN_S = 16.0
# Between two attempts to record results, while the database is away or busy.
_RECORD_AGAIN_S = 0.2
# A second for suspects, then five for everybody else: a crowd of them must not stop a process.
_SUSPECTS_FOR_S = 1.0
_OTHERS_FOR_S = 5.0
_REAP_BATCH = 500
# A request that takes longer counts against the share of slow lanes, whatever its lane was known for.
_HANGS_AFTER_S = SLOW_MS / 1000

log = logger(__name__)


def deliver_due(rt: Runtime, *, stops_within_s: float = _STOPS_WITHIN_S) -> int:
    """Send everything that is due and return how many requests that were.

    Runs by any number of processes at once: a claim gives each delivery to one of them. Claims no more
    than there are free slots, so that nothing waits under a lease. A crash leaves leases, which expire.
    Once the process is to end, gives back what is still out *stops_within_s* seconds later.
    """
    pump = _Pump(rt, stops_within_s)
    pump.run()
    return pump.sent


@dataclass(frozen=True, slots=True, kw_only=True)
class _Flight:
    """A request under way, *since* when by the monotonic clock of this process."""

    job: Job
    since: float


class _Pump:
    """One run of a process's deliveries: what flies, and what has landed and is not recorded yet."""

    def __init__(self, rt: Runtime, stops_within_s: float) -> None:
        self._rt = rt
        self._stops_within_s = stops_within_s
        self._stops_at: float | None = None
        self._flying: dict[Future[Finished], _Flight] = {}
        self._unrecorded: list[Finished] = []
        self._turns = _Turns()
        self._suspect_flies = False
        self.sent = 0

    def run(self) -> None:
        """Send until nothing is due, nothing flies and everything is recorded, or this process has to end."""
        while True:
            try:
                took = self._take_off()
            except Exception:
                # What flies must land and be recorded, whatever became of the next claim.
                self._land_all()
                raise
            if self._overstays():
                give_back(self._rt, [flight.job for flight in self._flying.values()])
                return
            if self._flying or self._unrecorded:
                self._land()
            elif not took:
                return

    def _land_all(self) -> None:
        while (self._flying or self._unrecorded) and not self._overstays():
            self._land()

    def _overstays(self) -> bool:
        if self._stops_at is None and self._rt.stopping.is_set():
            self._stops_at = time.monotonic() + self._stops_within_s
        return self._stops_at is not None and time.monotonic() >= self._stops_at

    def _take_off(self) -> bool:
        crowded = len(self._unrecorded) >= self._rt.slots.size
        if self._rt.stopping.is_set() or self._suspect_flies or crowded or not self._rt.slots.free:
            return False
        try:
            claimed = claim_due(
                self._rt, suspects=self._turns.of_suspects, alone=not self._flying, under_way=self._under_way()
            )
        except PsmsError as problem:
            if not self._flying and not self._unrecorded:
                raise
            log.warning("nothing_claimed", reason=problem.detail)
            return False
        self._suspect_flies = claimed.suspect
        for number, job in enumerate(claimed.jobs):
            try:
                self._begin(job)
            except Exception:
                # Such as a limit on threads.
                give_back(self._rt, claimed.jobs[number:])
                raise
        return claimed.rows > 0

    def _begin(self, job: Job) -> None:
        flight = _Flight(job=job, since=time.monotonic())
        self._flying[self._rt.slots.submit(_send, self._rt, job)] = flight
        _measure_start(job)
        self.sent += 1

    def _under_way(self) -> UnderWay:
        late = time.monotonic() - _HANGS_AFTER_S
        return UnderWay(
            new=sum(1 for flight in self._flying.values() if flight.job.pool is Pool.NEW and flight.since >= late),
            slow=sum(1 for flight in self._flying.values() if flight.job.pool is Pool.SLOW or flight.since < late),
            hanging=frozenset(flight.job.endpoint_id for flight in self._flying.values() if flight.since < late),
        )

    def _land(self) -> None:
        done, waiting = wait(self._flying, timeout=_LOOK_AGAIN_S, return_when=FIRST_COMPLETED)
        if done and waiting:
            done, _ = wait(self._flying, timeout=_LAND_TOGETHER_S)
        for future in done:
            del self._flying[future]
        if self._suspect_flies and not self._flying:
            self._suspect_flies = False
            self._turns.suspect_landed()
        self._unrecorded += [future.result() for future in done if _landed(future)]
        if self._unrecorded:
            again = record(self._rt, self._unrecorded)
            # What cannot be recorded before its lease ends is somebody else's by then, save that a success still counts
            # where nobody has begun anew: else the partner would get it twice.
            self._unrecorded = [one for one in again if _succeeded(one) or time.monotonic() < one.job.lease_ends]
        if self._unrecorded and not self._flying:
            # Not for the wish to end, which may have come: that would ask without a pause.
            time.sleep(_RECORD_AGAIN_S)


def _succeeded(finished: Finished) -> bool:
    return finished.result.outcome is Outcome.SUCCESS


class _LeaseEnded(Exception):
    """The lease of a delivery, which it names, ended before its request was begun."""


class _Turns:
    """Whose turn it is in this process: suspects', which are tried one by one, or everybody else's."""

    def __init__(self) -> None:
        self._suspects_since: float | None = None
        self._others_until = 0.0

    @property
    def of_suspects(self) -> bool:
        """Tell whether suspects, if there are any, go first now."""
        return time.monotonic() >= self._others_until

    def suspect_landed(self) -> None:
        """Note that a suspect has come back and this process still lives."""
        now = time.monotonic()
        if self._suspects_since is None:
            self._suspects_since = now
        if now - self._suspects_since >= _SUSPECTS_FOR_S:
            self._suspects_since, self._others_until = None, now + _OTHERS_FOR_S


def _measure_start(job: Job) -> None:
    if job.number == 1 and job.timed:
        waited = max(0.0, (job.started_at - job.occurred_at).total_seconds())
        TO_FIRST_ATTEMPT.labels(endpoint=job.standing.value).observe(waited)


def _landed(future: Future[Finished]) -> bool:
    problem = future.exception()
    if isinstance(problem, _LeaseEnded):
        log.warning("delivery_not_begun", delivery_id=str(problem))
    elif problem is not None:
        # A defect of ours: the lease runs out, and after five of them the row is dead and shown to a person.
        log.error("delivery_not_sent", exc_info=problem)
    return problem is None


def _send(rt: Runtime, job: Job) -> Finished:
    try:
        credentials = credentials_of(rt, job)
    except PsmsError as problem:
        log.warning("delivery_not_signed", delivery_id=str(job.delivery_id), reason=problem.detail)
        return Finished(job=job, result=unsigned(problem))
    request = request_for(rt, job, credentials)
    if time.monotonic() >= job.lease_ends:
        # This process stood still, or keys were long in coming. Others may be sending it, or what comes after it.
        raise _LeaseEnded(job.delivery_id)
    with bound(request_id=job.request_id, delivery_id=str(job.delivery_id)):
        crash_point(CrashPoint.DELIVERY_CLAIMED, about=job.url)
        result = result_of(job, credentials, rt.sender.send(request))
        crash_point(CrashPoint.DELIVERY_SENT)
        log.info("webhook_sent", outcome=result.outcome.value, status=result.status, ms=result.duration_ms)
    return Finished(job=job, result=result, request_headers=shown_headers(job, request))


def reap_leases(rt: Runtime) -> int:
    """Take back the deliveries of workers that went away and return how many those were.

    Whether the partner got the request is unknown, so it is sent again with the same `webhook-id`. Five
    leases lost in a row make a delivery dead: it may be what kills its workers.
    """
    with rt.db.begin_claim() as session:
        now = rt.clock.now(session)
        expired = sorted(leases.take_back_expired(session, now, _REAP_BATCH), key=attrgetter("organization_id"))
        for organization_id, group in groupby(expired, key=attrgetter("organization_id")):
            own = list(group)
            enter(session, organization_id)
            results.mark_unknown(session, organization_id, own, now)
            left = [row for row in own if row.order_key and (row.behind or row.state == DeliveryState.DEAD)]
            orders.let_next_go(session, organization_id, {(row.endpoint_id, row.order_key) for row in left}, now)
            lanes.wake(session, organization_id, lanes.ids_of(own))
            _note_dead(act_of_system(rt, session, organization_id, now), own)
    if expired:
        crash_point(CrashPoint.REAP_COMMITTED)
        LEASES_EXPIRED.inc(len(expired))
        log.warning("leases_taken_back", count=len(expired))
        rt.nudger.nudge(Task.DELIVER_WEBHOOKS)
    return len(expired)


def _note_dead(act: Act, rows: Sequence[Record]) -> None:
    for row in rows:
        if row.state == DeliveryState.DEAD:
            DEAD.labels(reason="leases_lost").inc()
            shown = {"reason": "leases_lost", "endpoint_id": row.endpoint_id}
            trail.note(act, "delivery.dead", ("delivery", row.id), trail.added(shown))
