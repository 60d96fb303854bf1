"""Workflow runs as people see them: listed, read, cancelled, tried again. Doing their steps is `run_drain`."""

from uuid import UUID

from sqlalchemy.orm import Session

from psms.db.queries import run_views as queries
from psms.db.queries.approvals import pending_of
from psms.db.queries.runs import lock_ticket
from psms.domain.access import Actor, Permission, require
from psms.domain.pages import Page, PageRequest
from psms.domain.run_errors import ApprovalPending, RunIsOver, RunNotFailed
from psms.domain.runs import RunFilter, RunState, RunStory, RunView
from psms.runtime import Runtime
from workflows import trail
from workflows.act import Act, act_of
from workflows.names import Task
from workflows.run_names import APPROVAL


def list_runs(rt: Runtime, actor: Actor, wanted: RunFilter, page: PageRequest) -> Page[RunView]:
    """Return one page of the runs of tickets that the caller sees, newest first."""
    require(actor, Permission.RUN_READ)
    with rt.db.begin(actor.organization_id) as session:
        return queries.list_page(session, actor, wanted, page)


def get_run(rt: Runtime, actor: Actor, run_id: UUID) -> RunStory:
    """Return a run with its steps and signals, or raise NotFound."""
    require(actor, Permission.RUN_READ)
    with rt.db.begin(actor.organization_id) as session:
        return RunStory(
            run=queries.get(session, actor, run_id),
            steps=queries.steps_of(session, actor.organization_id, run_id),
            signals=queries.signals_of(session, actor.organization_id, run_id),
        )


def cancel_run(rt: Runtime, actor: Actor, run_id: UUID, reason: str) -> RunView:
    """Let a run do nothing more; what its steps have done stays done.

    Raises RunIsOver where it is, and ApprovalPending while a ticket waits for the approval that the run is of.
    """
    require(actor, Permission.RUN_MANAGE)
    with rt.db.begin(actor.organization_id) as session:
        act, state = _locked(rt, session, actor, run_id)
        if state not in {RunState.WAITING, RunState.FAILED}:
            raise RunIsOver(f"This run is {state}: there is nothing left to cancel.", state=state.value)
        _require_not_waited_for(session, queries.get(session, actor, run_id))
        queries.cancel(session, act.organization_id, run_id, reason=reason, now=act.now)
        trail.note(act, "run.cancelled", ("run", run_id), trail.added({"reason": reason}))
        return queries.get(session, actor, run_id)


def _require_not_waited_for(session: Session, run: RunView) -> None:
    pending = None if run.kind != APPROVAL or run.ticket_id is None else pending_of(session, run.ticket_id)
    if pending is not None and pending.chain_id == run.id:
        raise ApprovalPending("A ticket waits for this approval: withdraw it, or cancel the ticket.")


def retry_run(rt: Runtime, actor: Actor, run_id: UUID) -> RunView:
    """Have the step at which a run failed tried again, now. Raises RunNotFailed where it did not fail."""
    require(actor, Permission.RUN_MANAGE)
    with rt.db.begin(actor.organization_id) as session:
        act, state = _locked(rt, session, actor, run_id)
        if state is not RunState.FAILED:
            raise RunNotFailed(f"This run is {state}: only one that failed can be tried again.", state=state.value)
        queries.retry(session, act.organization_id, [run_id], act.now)
        trail.note(act, "run.retried", ("run", run_id))
        run = queries.get(session, actor, run_id)
    rt.nudger.nudge(Task.ADVANCE_RUNS)
    return run


def _locked(rt: Runtime, session: Session, actor: Actor, run_id: UUID) -> tuple[Act, RunState]:
    seen = queries.get(session, actor, run_id)
    # The ticket first, as everywhere.
    if seen.ticket_id is not None:
        lock_ticket(session, actor.organization_id, seen.ticket_id)
    state = queries.lock(session, actor.organization_id, run_id)
    return act_of(rt, session, actor), state
