"""Workflow runs as people see them, and as they cancel them or have them tried again. Whose tickets: `visibility`."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from psms.db.direct import Record, direct
from psms.db.queries.visibility import work_condition
from psms.domain.access import Actor, Permission, Reach
from psms.domain.pages import Page, PageRequest, page_of
from psms.domain.runs import MOST_STEPS_SHOWN, RunFilter, RunState, RunView, SignalView, StepState, StepView
from psms.errors import NotFound

# A run without a ticket is seen by whoever sees everything.
_SEEN = """
    SELECT id, kind, version, business_key, ticket_id, state, step, due_at, steps_done, tries, error, input, data,
        result, reason, created_at, updated_at, finished_at
    FROM workflow_runs r
    WHERE r.organization_id = %(organization_id)s AND ((%(sees_all)s AND r.ticket_id IS NULL) OR EXISTS (
        SELECT FROM tickets WHERE tickets.organization_id = r.organization_id AND tickets.id = r.ticket_id {condition}))
"""
_FILTERS = {"kind": "AND r.kind = %(kind)s", "state": "AND r.state = %(state)s"}
_FILTERS |= {"ticket_id": "AND r.ticket_id = %(ticket_id)s"}
_STEPS = """
    SELECT * FROM (SELECT seq, name, state, tries, result, error, started_at, finished_at FROM workflow_steps
        WHERE organization_id = %(organization_id)s AND run_id = %(id)s ORDER BY seq DESC LIMIT %(limit)s) last
    ORDER BY seq
"""
_SIGNALS = """
    SELECT * FROM (SELECT id, name, payload, created_at, consumed_by FROM workflow_signals
        WHERE organization_id = %(organization_id)s AND run_id = %(id)s ORDER BY id DESC LIMIT %(limit)s) last
    ORDER BY created_at, id
"""
_LOCK = """
    SELECT state FROM workflow_runs WHERE organization_id = %(organization_id)s AND id = %(id)s FOR NO KEY UPDATE
"""
_CANCEL = """
    UPDATE workflow_runs SET state = 'cancelled', reason = %(reason)s, due_at = NULL, lease_token = NULL,
        lease_expires_at = NULL, finished_at = %(now)s, updated_at = %(now)s
    WHERE organization_id = %(organization_id)s AND id = %(id)s
"""
_RETRY = """
    UPDATE workflow_runs SET state = 'waiting', tries = 0, due_at = %(now)s, updated_at = %(now)s
    WHERE organization_id = %(organization_id)s AND id = ANY (%(ids)s) AND state = 'failed' RETURNING id
"""


def get(session: Session, actor: Actor, run_id: UUID) -> RunView:
    """Return a run that *actor* may see, or raise NotFound."""
    row = direct(session).record(_seen(actor) + "AND r.id = %(id)s", {**_caller(actor), "id": run_id})
    if row is None:
        raise NotFound
    return _view(row)


def list_page(session: Session, actor: Actor, wanted: RunFilter, page: PageRequest) -> Page[RunView]:
    """Return one page of the runs that *actor* may see, newest first."""
    values = {name: value for name in _FILTERS if (value := getattr(wanted, name)) is not None}
    filters = [_FILTERS[name] for name in values]
    if page.after is not None:
        filters.append("AND r.id < %(after)s")
    statement = f"{_seen(actor)} {' '.join(filters)} ORDER BY r.id DESC LIMIT %(limit)s"
    rows = direct(session).records(
        statement, {**_caller(actor), **values, "after": page.after, "limit": page.limit + 1}
    )
    return page_of([_view(row) for row in rows], page.limit)


def steps_of(session: Session, organization_id: UUID, run_id: UUID) -> list[StepView]:
    """Return the last steps of a run, oldest first."""
    values = {"organization_id": organization_id, "id": run_id, "limit": MOST_STEPS_SHOWN}
    rows = direct(session).records(_STEPS, values)
    return [StepView(**{**row._asdict(), "state": StepState(row.state)}) for row in rows]


def signals_of(session: Session, organization_id: UUID, run_id: UUID) -> list[SignalView]:
    """Return the last signals that a run was sent, oldest first."""
    values = {"organization_id": organization_id, "id": run_id, "limit": MOST_STEPS_SHOWN}
    return [SignalView(**row._asdict()) for row in direct(session).records(_SIGNALS, values)]


def lock(session: Session, organization_id: UUID, run_id: UUID) -> RunState:
    """Lock a run that is there until the commit, and return where it is now."""
    return RunState(direct(session).record(_LOCK, {"organization_id": organization_id, "id": run_id}).state)


def cancel(session: Session, organization_id: UUID, run_id: UUID, *, reason: str, now: datetime) -> None:
    """Write that a locked run is cancelled."""
    values = {"organization_id": organization_id, "id": run_id, "reason": reason, "now": now}
    direct(session).run(_CANCEL, values)


def retry(session: Session, organization_id: UUID, run_ids: list[UUID], now: datetime) -> list[UUID]:
    """Make the step of runs that failed due now, with all its tries before it; return which had failed."""
    values = {"organization_id": organization_id, "ids": run_ids, "now": now}
    return [row.id for row in direct(session).records(_RETRY, values)]


def _seen(actor: Actor) -> str:
    own = work_condition(actor, organization="%(organization_id)s", user="%(user_id)s")
    return _SEEN.format(condition=own)


def _caller(actor: Actor) -> dict[str, object]:
    sees_all = actor.reach(Permission.RUN_READ) in {Reach.ALL, Reach.SCOPE}
    return {"organization_id": actor.organization_id, "user_id": actor.user_id, "sees_all": sees_all}


def _view(row: Record) -> RunView:
    return RunView(**{**row._asdict(), "state": RunState(row.state)})
