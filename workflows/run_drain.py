"""The drain of workflow runs: what is due is claimed, and each step is done in a transaction of its own."""

import time
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from psms.crash import CrashPoint, crash_point
from psms.db.queries import runs as queries
from psms.db.queries.runs import LockedRun
from psms.domain.runs import MOST_TRIES, Finish, Go, Next, RunState, StepState, Wait, pause_after, told_of
from psms.encoding import json_text
from psms.errors import PsmsError
from psms.runtime import Runtime
from psms.telemetry import RUN_LATENESS, RUN_STEPS, RUNS_FAILED, bound, logger
from workflows import trail
from workflows.act import Act, act_of_system
from workflows.names import Task
from workflows.run_kinds import KNOWN
from workflows.runs import Definition, Known

BATCH = 20
WORKER_LOST = "worker_lost"

log = logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunJob:
    """One leased run. *tries* counts the one that is to be made; *lease_ends* is by this process's monotonic clock."""

    organization_id: UUID
    run_id: UUID
    ticket_id: UUID | None
    definition: Definition
    step: str
    tries: int
    due_at: datetime
    token: UUID
    lease_ends: float


def advance_runs(rt: Runtime, definitions: Known = KNOWN) -> int:
    """Do every step that is due, of runs whose kind and version are among *definitions*; return how many were done.

    Run by any number of processes at once: a claim gives each run to one of them, and counts the try before the
    work. A crash leaves a lease, which expires; the step is then tried again. A step that fails is taken back, tried
    again later, and after MOST_TRIES its run has failed and waits for a person. The others go on.
    """
    total = 0
    while not rt.stopping.is_set():
        jobs = claim_due(rt, definitions)
        done = sum(advance(rt, job) for job in jobs)
        total += done
        if done:
            rt.nudger.nudge(Task.RELAY_OUTBOX)
        if not jobs:
            break
    return total


def claim_due(rt: Runtime, definitions: Known) -> list[RunJob]:
    """Lease what is due, and count the tries."""
    lease_ends = time.monotonic() + rt.settings.lease_seconds
    kinds = sorted(definitions)
    with rt.db.begin_claim() as session:
        now = rt.clock.now(session)
        token = rt.chance.new_id(now)
        values = {"kinds": [kind for kind, _ in kinds], "versions": [version for _, version in kinds]}
        values |= {"token": token, "lease_s": rt.settings.lease_seconds, "now": now, "limit": BATCH}
        claimed = queries.claim(session, values)
    return [
        RunJob(
            organization_id=row.organization_id,
            run_id=row.id,
            ticket_id=row.ticket_id,
            definition=definitions[row.kind, row.version],
            step=row.step,
            tries=row.tries,
            due_at=row.due_at,
            token=token,
            lease_ends=lease_ends,
        )
        for row in claimed
    ]


def advance(rt: Runtime, job: RunJob) -> bool:
    """Do the step of a leased run and tell whether it was done; whatever it raises is recorded, and tried again."""
    if time.monotonic() >= job.lease_ends:
        # Those before it took too long: it is somebody else's by now.
        return False
    about = f"{job.definition.kind}/{job.step}"
    crash_point(CrashPoint.RUN_CLAIMED, about)
    with bound(run_id=str(job.run_id), run_kind=job.definition.kind, step=job.step):
        try:
            outcome = _step_done(rt, job)
        except Exception as problem:  # noqa: BLE001  # what one run raises must not keep the others waiting
            _note_failure(rt, job, problem)
            outcome = "failed"
    if outcome == "done":
        crash_point(CrashPoint.STEP_COMMITTED, about)
    RUN_STEPS.labels(kind=job.definition.kind, step=job.step, outcome=outcome).inc()
    return outcome == "done"


def _step_done(rt: Runtime, job: RunJob) -> str:
    with rt.db.begin(job.organization_id) as session:
        locked = _locked(session, job)
        if locked is None:
            return "fenced"
        act = replace(act_of_system(rt, session, job.organization_id, rt.clock.now(session)), run_id=job.run_id)
        if job.tries > MOST_TRIES:
            _fail(act, job, locked, WORKER_LOST, None)
            return "failed"
        after = job.definition.steps[locked.run.step](act, locked.run)
        _follow(act, locked, after)
        crash_point(CrashPoint.STEP_UNCOMMITTED, f"{job.definition.kind}/{job.step}")
    RUN_LATENESS.observe(max(0.0, (act.now - job.due_at).total_seconds()))
    return "done"


def _locked(session: Session, job: RunJob) -> LockedRun | None:
    # The ticket first, as everywhere.
    if job.ticket_id is not None:
        queries.lock_ticket(session, job.organization_id, job.ticket_id)
    return queries.lock(session, job.organization_id, job.run_id, job.token)


def _follow(act: Act, locked: LockedRun, after: Next) -> None:
    """Write what a step came to: the signals that it took, its record, and what comes next."""
    # What a step has changed through the ORM is written before it is recorded as done.
    act.session.flush()
    queries.consume(act.session, act.organization_id, locked)
    done = {"state": StepState.DONE.value, "result": told_of(after), "error": None, "now": act.now}
    queries.record(act.session, act.organization_id, locked, done)
    match after:
        case Finish(result=result):
            queries.finish(act.session, act.organization_id, locked, result=json_text(result), now=act.now)
        case Go(step=step, data=data):
            _go_on(act, locked, Wait(step, act.now, data), listens=False)
        case Wait():
            _go_on(act, locked, after, listens=True)


def _go_on(act: Act, locked: LockedRun, after: Wait, *, listens: bool) -> None:
    values = {"step": after.step, "data": after.data, "listens": listens, "due_at": after.until, "now": act.now}
    queries.go_on(act.session, act.organization_id, locked, values)


def _note_failure(rt: Runtime, job: RunJob, problem: Exception) -> None:
    """Write, in a transaction of its own, that a step failed; where the database is away, the lease ends by itself."""
    # In full once: each try fails in the same way, as a rule.
    log.warning("step_failed", tries=job.tries, exc_info=problem if job.tries == 1 else None)
    with suppress(PsmsError), rt.db.begin(job.organization_id) as session:
        locked = _locked(session, job)
        if locked is not None:
            act = act_of_system(rt, session, job.organization_id, rt.clock.now(session))
            is_last = job.tries >= MOST_TRIES
            retry_at = None if is_last else act.now + pause_after(job.tries, rt.chance.fraction())
            _fail(act, job, locked, _named(problem), retry_at)


def _named(problem: Exception) -> str:
    # The kind alone: what is raised may quote a ticket.
    return problem.code if isinstance(problem, PsmsError) else type(problem).__name__


def _fail(act: Act, job: RunJob, locked: LockedRun, error: str, retry_at: datetime | None) -> None:
    failed = {"state": StepState.FAILED.value, "result": None, "error": error, "now": act.now}
    queries.record(act.session, act.organization_id, locked, failed)
    state = RunState.FAILED if retry_at is None else RunState.WAITING
    values = {"state": state.value, "error": error, "due_at": retry_at, "now": act.now}
    queries.fail(act.session, act.organization_id, job.run_id, values)
    if state is RunState.FAILED:
        trail.note(act, "run.failed", ("run", job.run_id), trail.added({"kind": locked.run.kind, "reason": error}))
        RUNS_FAILED.labels(kind=locked.run.kind).inc()
        log.error("run_failed", run_id=str(job.run_id), kind=locked.run.kind, reason=error)
