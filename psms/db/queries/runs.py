"""Workflow runs as their engine needs them: begun, signalled, claimed, recorded. What people see is in `run_views`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from psms.db.direct import Record, direct
from psms.domain.runs import Run, Signal
from psms.encoding import json_text

_START = """
    INSERT INTO workflow_runs (organization_id, id, kind, version, business_key, ticket_id, input, step, due_at,
        listens, created_at, updated_at)
    VALUES (%(organization_id)s, %(id)s, %(kind)s, %(version)s, %(business_key)s, %(ticket_id)s, %(input)s, %(step)s,
        %(due_at)s, %(listens)s, %(now)s, %(now)s)
    ON CONFLICT (organization_id, kind, business_key) DO NOTHING RETURNING id
"""
_THERE = """
    SELECT id FROM workflow_runs
    WHERE organization_id = %(organization_id)s AND kind = %(kind)s AND business_key = %(business_key)s
"""
# Under the run's row lock, so that a step either sees the signal or is woken by it. One that is being tried, or that
# failed and pauses, keeps its time: whoever does it sees what has come until then.
_WAKE = """
    UPDATE workflow_runs SET updated_at = %(now)s,
        due_at = CASE WHEN listens AND tries = 0 THEN LEAST(due_at, %(now)s) ELSE due_at END
    WHERE organization_id = %(organization_id)s AND id = %(run_id)s AND state = 'waiting' RETURNING id
"""
_SIGNAL = """
    INSERT INTO workflow_signals (organization_id, id, run_id, name, payload, dedupe_key, created_at)
    VALUES (%(organization_id)s, %(id)s, %(run_id)s, %(name)s, %(payload)s, %(dedupe_key)s, %(now)s)
    ON CONFLICT (organization_id, run_id, dedupe_key) DO NOTHING
"""
_CANCEL = """
    UPDATE workflow_runs SET state = 'cancelled', reason = %(reason)s, due_at = NULL, lease_token = NULL,
        lease_expires_at = NULL, finished_at = %(now)s, updated_at = %(now)s
    WHERE organization_id = %(organization_id)s AND ticket_id = %(ticket_id)s AND kind = %(kind)s
      AND state IN ('waiting', 'failed') AND id IS DISTINCT FROM %(own_run_id)s
    RETURNING id
"""
_DUE = """
    SELECT organization_id, id FROM workflow_runs
    WHERE state = 'waiting' AND due_at <= %(now)s AND {condition}
      AND (kind, version) IN (SELECT * FROM unnest(CAST(%(kinds)s AS text[]), CAST(%(versions)s AS int[])))
    ORDER BY due_at, id LIMIT {limit} FOR UPDATE SKIP LOCKED
"""
_FRESH = _DUE.format(condition="tries = 0", limit="%(limit)s")
# Whose last try failed or never came back: it may be what kills its worker.
_SUSPECT = _DUE.format(condition="tries > 0 AND (lease_expires_at IS NULL OR lease_expires_at <= %(now)s)", limit="1")
_CLAIM = f"""
    WITH fresh AS ({_FRESH}), suspect AS ({_SUSPECT}),
    due AS (SELECT * FROM fresh UNION ALL SELECT * FROM suspect)
    UPDATE workflow_runs r
    SET lease_token = %(token)s, tries = r.tries + 1,
        lease_expires_at = CAST(%(now)s AS timestamptz) + make_interval(secs => %(lease_s)s),
        step_started_at = CASE WHEN r.tries = 0 THEN CAST(%(now)s AS timestamptz) ELSE r.step_started_at END
    FROM due WHERE r.organization_id = due.organization_id AND r.id = due.id
    RETURNING r.organization_id, r.id, r.kind, r.version, r.ticket_id, r.step, r.tries, r.due_at
"""  # noqa: S608  (constants)
_LOCK_TICKET = """
    SELECT id FROM tickets WHERE organization_id = %(organization_id)s AND id = %(ticket_id)s FOR NO KEY UPDATE
"""
_LOCK = """
    SELECT id, kind, version, business_key, ticket_id, input, data, step, steps_done, tries, created_at, listens,
        step_started_at
    FROM workflow_runs
    WHERE organization_id = %(organization_id)s AND id = %(id)s AND state = 'waiting' AND lease_token = %(token)s
    FOR NO KEY UPDATE
"""
_SIGNALS = """
    SELECT id, name, payload, created_at FROM workflow_signals
    WHERE organization_id = %(organization_id)s AND run_id = %(run_id)s AND consumed_by IS NULL
    ORDER BY created_at, id
"""
_CONSUME = """
    UPDATE workflow_signals SET consumed_by = %(seq)s
    WHERE organization_id = %(organization_id)s AND id = ANY (%(ids)s)
"""
_RECORD = """
    INSERT INTO workflow_steps (organization_id, run_id, seq, name, state, tries, result, error, started_at,
        finished_at)
    VALUES (%(organization_id)s, %(run_id)s, %(seq)s, %(name)s, %(state)s, %(tries)s, %(result)s, %(error)s,
        %(started_at)s, %(now)s)
    ON CONFLICT (organization_id, run_id, seq) DO UPDATE SET name = EXCLUDED.name, state = EXCLUDED.state,
        tries = EXCLUDED.tries, result = EXCLUDED.result, error = EXCLUDED.error,
        started_at = EXCLUDED.started_at, finished_at = EXCLUDED.finished_at
"""
# What waits is due at once where there is a signal already that nobody has taken.
_GO_ON = """
    UPDATE workflow_runs r SET step = %(step)s, data = COALESCE(CAST(%(data)s AS jsonb), r.data),
        listens = %(listens)s, due_at = CASE WHEN %(listens)s AND EXISTS (SELECT FROM workflow_signals s
            WHERE s.organization_id = r.organization_id AND s.run_id = r.id AND s.consumed_by IS NULL)
            THEN %(now)s ELSE CAST(%(due_at)s AS timestamptz) END,
        steps_done = %(seq)s, tries = 0, error = NULL, lease_token = NULL, lease_expires_at = NULL, updated_at = %(now)s
    WHERE organization_id = %(organization_id)s AND id = %(run_id)s
"""
_FINISH = """
    UPDATE workflow_runs SET state = 'finished', result = %(result)s, due_at = NULL, steps_done = %(seq)s, error = NULL,
        lease_token = NULL, lease_expires_at = NULL, finished_at = %(now)s, updated_at = %(now)s
    WHERE organization_id = %(organization_id)s AND id = %(run_id)s
"""
_FAIL = """
    UPDATE workflow_runs SET state = %(state)s, error = %(error)s, due_at = %(due_at)s, lease_token = NULL,
        lease_expires_at = NULL, updated_at = %(now)s
    WHERE organization_id = %(organization_id)s AND id = %(run_id)s
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRun:
    """A run to begin."""

    id: UUID
    kind: str
    version: int
    business_key: str
    ticket_id: UUID | None
    input: str
    step: str
    due_at: datetime
    listens: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedRun:
    """A run whose row is locked until the commit, and when its step was tried first."""

    run: Run
    step_started_at: datetime

    @property
    def seq(self) -> int:
        """The number of the step that is being done."""
        return self.run.steps_done + 1


def start(session: Session, organization_id: UUID, new: NewRun, now: datetime) -> UUID:
    """Write a run, unless there is one of its kind for its key; return the id of the one that is there."""
    values = {name: getattr(new, name) for name in NewRun.__slots__}
    values |= {"organization_id": organization_id, "now": now}
    way = direct(session)
    row = way.record(_START, values) or way.record(_THERE, values)
    found: UUID = row.id
    return found


def signal(session: Session, organization_id: UUID, run_id: UUID, values: dict[str, Any]) -> bool:
    """Tell a run something; False where it is over, or was not there. *values*: id, name, payload, dedupe_key, now."""
    values = {**values, "organization_id": organization_id, "run_id": run_id}
    way = direct(session)
    if way.row(_WAKE, values) is None:
        return False
    way.run(_SIGNAL, values)
    return True


def cancel(session: Session, organization_id: UUID, values: dict[str, Any]) -> list[UUID]:
    """Cancel a ticket's runs of a kind but the one in which this is done; return which."""
    return [row.id for row in direct(session).records(_CANCEL, {**values, "organization_id": organization_id})]


def claim(session: Session, values: dict[str, Any]) -> Sequence[Record]:
    """Lease, as the claimer, what is due, that due longest first, and last at most one that is suspect.

    *values*: the `kinds` with their `versions` that this process knows, `token`, `lease_s`, `now` and `limit`.
    """
    rows = direct(session).records(_CLAIM, values)
    return sorted(rows, key=lambda row: (row.tries > 1, row.due_at, row.id))


def lock_ticket(session: Session, organization_id: UUID, ticket_id: UUID) -> None:
    """Lock a run's ticket until the commit."""
    direct(session).row(_LOCK_TICKET, {"organization_id": organization_id, "ticket_id": ticket_id})


def lock(session: Session, organization_id: UUID, run_id: UUID, token: UUID) -> LockedRun | None:
    """Lock a run whose lease is *token*'s, and return it with the signals for its step; None: it is somebody else's."""
    way = direct(session)
    row = way.record(_LOCK, {"organization_id": organization_id, "id": run_id, "token": token})
    if row is None:
        return None
    values = {"organization_id": organization_id, "run_id": run_id}
    found = way.records(_SIGNALS, values) if row.listens else []
    signals = tuple(Signal(id=one.id, name=one.name, payload=one.payload, created_at=one.created_at) for one in found)
    fields = {name: getattr(row, name) for name in Run.__slots__ if name != "signals"}
    return LockedRun(run=Run(**fields, signals=signals), step_started_at=row.step_started_at)


def consume(session: Session, organization_id: UUID, locked: LockedRun) -> None:
    """Write that a step has taken the signals that it saw."""
    ids = [one.id for one in locked.run.signals]
    if ids:
        direct(session).run(_CONSUME, {"organization_id": organization_id, "ids": ids, "seq": locked.seq})


def record(session: Session, organization_id: UUID, locked: LockedRun, values: dict[str, Any]) -> None:
    """Write what became of a step: `state`, `result`, `error` and `now`. Tried again, the record is written over."""
    run = locked.run
    of_step = {"run_id": run.id, "seq": locked.seq, "name": run.step, "tries": run.tries}
    of_step |= {"organization_id": organization_id, "started_at": locked.step_started_at}
    result = values["result"]
    text = None if result is None else json_text(result)
    direct(session).run(_RECORD, {**of_step, **values, "result": text})


def go_on(session: Session, organization_id: UUID, locked: LockedRun, values: dict[str, Any]) -> None:
    """Write which step comes next: `step`, `data`, `listens`, `due_at` and `now`."""
    data = None if values["data"] is None else json_text(values["data"])
    own = {"organization_id": organization_id, "run_id": locked.run.id, "seq": locked.seq}
    direct(session).run(_GO_ON, {**own, **values, "data": data})


def finish(session: Session, organization_id: UUID, locked: LockedRun, *, result: str, now: datetime) -> None:
    """Write that a run is over."""
    own = {"organization_id": organization_id, "run_id": locked.run.id, "seq": locked.seq}
    direct(session).run(_FINISH, {**own, "result": result, "now": now})


def fail(session: Session, organization_id: UUID, run_id: UUID, values: dict[str, Any]) -> None:
    """Write what went wrong with a locked run's step, and what becomes of it: `state`, `error`, `due_at`, `now`."""
    direct(session).run(_FAIL, {**values, "organization_id": organization_id, "run_id": run_id})
