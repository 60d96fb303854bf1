"""Edits of calendars and policies that hold for open tickets: their clocks follow, page by page, whoever is killed.

However late this comes, it holds from the edit on: whoever looks at a ticket first lets it follow, see `sla_cases`.
What is done here is that somebody looks.
"""

from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.orm import Session

from psms.crash import CrashPoint, crash_point
from psms.db.queries import sla_rebases as queries
from psms.db.queries import tickets as ticket_queries
from psms.db.session import enter
from psms.domain.sla.edits import Applies
from psms.domain.sla_rebases import pause_after
from psms.errors import PsmsError
from psms.runtime import Runtime
from psms.telemetry import SLA_REBASED
from workflows.act import Act, act_of_system
from workflows.names import Task
from workflows.sla_cases import cases_of
from workflows.sla_clocks import written
from workflows.sla_effects import take_effect

PAGE = 200


def note_edit(act: Act, applies: Applies, *, calendar_id: UUID | None = None, policy_id: UUID | None = None) -> None:
    """Write down, in the edit's transaction, that it holds for open tickets; nothing where it is for new ones only.

    Call it last, under the lock that every save takes, once the organization's revision is counted: it keeps the book
    as it is now, by that number.
    """
    if applies is not Applies.NEW_TICKETS:
        act.session.flush()
        values = {"organization_id": act.organization_id, "id": act.new_id(), "applies": applies.value, "now": act.now}
        queries.note(act.session, {**values, "calendar_id": calendar_id, "policy_id": policy_id})


def rebase_tickets(rt: Runtime, page: int = PAGE) -> int:
    """Let open tickets follow every edit that waits, the oldest first, and return how many tickets were looked at.

    Each page of an edit is one transaction, and says in it how far the edit has got: a crash leaves a page whole or
    not at all. Run by any number of processes at once, each takes another edit. One that fails says so and waits a
    while; the others go on.
    """
    total = 0
    while not rt.stopping.is_set():
        done = _turn_page(rt, page)
        if done is None:
            break
        total += done
        crash_point(CrashPoint.REBASE_COMMITTED)
        rt.nudger.nudge(Task.RELAY_OUTBOX)
    return total


def _turn_page(rt: Runtime, size: int) -> int | None:
    claimed: Row[Any] | None = None
    try:
        with rt.db.begin_claim() as session:
            claimed = queries.claim_next(session)
            if claimed is None:
                return None
            enter(session, claimed.organization_id)
            return _page_turned(rt, session, queries.read(session, claimed.organization_id, claimed.id), size)
    except Exception as problem:
        # What fails lets the others go first, and says so.
        if claimed is not None:
            _note_failure(rt, claimed, problem)
        raise


def _page_turned(rt: Runtime, session: Session, rebase: Row[Any], size: int) -> int:
    if rebase.expected is None:
        # What is being filed right now may be promised what held before the edit, and would be seen by no page.
        queries.await_filings(session)
    expected = queries.count_after(session, rebase) if rebase.expected is None else rebase.expected
    page = queries.tickets_after(session, rebase, size)
    now = _follow(rt, session, rebase, page)
    state = "done" if len(page) < size else "waiting"
    queries.turn_page(session, rebase, page, {"state": state, "expected": expected, "now": now})
    crash_point(CrashPoint.REBASE_UNCOMMITTED)
    SLA_REBASED.inc(len(page))
    return len(page)


def _note_failure(rt: Runtime, claimed: Row[Any], problem: Exception) -> None:
    """Write it in a transaction of its own; where that fails too, the database is away, and nothing is to be said."""
    with suppress(PsmsError), rt.db.begin(claimed.organization_id) as session:
        rebase, now = queries.read(session, claimed.organization_id, claimed.id), rt.clock.now(session)
        retry_at = now + pause_after(rebase.failures + 1)
        # The kind alone: what a database says may quote a ticket.
        queries.note_failure(session, rebase, {"error": type(problem).__name__, "retry_at": retry_at, "now": now})


def _follow(rt: Runtime, session: Session, rebase: Row[Any], page: list[UUID]) -> datetime:
    locked = ticket_queries.lock_all(session, page)
    act = act_of_system(rt, session, rebase.organization_id, rt.clock.now(session))
    cases = cases_of(act, locked)
    reached = [case for case in cases if case.reached]
    if reached:
        take_effect(act, reached)
    written(act, [case for case in cases if not case.reached])
    return act.now
