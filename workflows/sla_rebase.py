"""Edits of calendars and policies that hold for open tickets: their clocks follow, page by page, whoever is killed.

A clock whose calendar was edited is never measured by the old version again, however late this comes: whoever looks
at it first lets it follow. What is done here is that somebody looks.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.orm import Session

from psms.crash import CrashPoint, crash_point
from psms.db.queries import sla_rebases as queries
from psms.db.queries import tickets as ticket_queries
from psms.db.session import enter
from psms.domain.sla.book import BookedPromise
from psms.domain.sla.edits import Applies
from psms.domain.sla.timeline import Mode
from psms.runtime import Runtime
from workflows.act import Act, act_of_system
from workflows.names import Task
from workflows.sla_clocks import Case, cases_of, promised, spans_of, written
from workflows.sla_effects import take_effect
from workflows.sla_handovers import agreed

PAGE = 200


def note_edit(act: Act, applies: Applies, *, calendar_id: UUID | None = None, policy_id: UUID | None = None) -> None:
    """Write down, in the edit's transaction, that it holds for open tickets; nothing where it is for new ones only."""
    if applies is not Applies.NEW_TICKETS:
        values = {"organization_id": act.organization_id, "id": act.new_id(), "applies": applies.value, "now": act.now}
        queries.note(act.session, {**values, "calendar_id": calendar_id, "policy_id": policy_id})


def rebase_tickets(rt: Runtime, page: int = PAGE) -> int:
    """Let open tickets follow every edit that waits, the oldest first, and return how many tickets were looked at.

    Each page of an edit is one transaction, and says in it how far the edit has got: a crash leaves a page whole or
    not at all. Run by any number of processes at once, each takes another edit.
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
    with rt.db.begin_claim() as session:
        claimed = queries.claim_next(session)
        if claimed is None:
            return None
        enter(session, claimed.organization_id)
        rebase = queries.read(session, claimed.organization_id, claimed.id)
        page = queries.tickets_after(session, rebase, size)
        now = _follow(rt, session, rebase, page)
        queries.turn_page(session, rebase, page, now, last=len(page) < size)
        crash_point(CrashPoint.REBASE_UNCOMMITTED)
    return len(page)


def _follow(rt: Runtime, session: Session, rebase: Row[Any], page: list[UUID]) -> datetime:
    locked = ticket_queries.lock_all(session, page)
    act = act_of_system(rt, session, rebase.organization_id, rt.clock.now(session))
    cases = cases_of(act, locked)
    reached = [case for case in cases if case.reached]
    settled = [case for case in cases if not case.reached] + (take_effect(act, reached) if reached else [])
    if rebase.policy_id is not None:
        before = {case.ticket.id: case.locked.policy for case in settled}
        settled = [under_policy(act, case, rebase.policy_id, Applies(rebase.applies)) for case in settled]
        moved = [case.locked for case in settled if case.locked.policy != before[case.ticket.id]]
        ticket_queries.write_escalated(session, rebase.organization_id, moved, act.now)
    written(act, settled)
    return act.now


def under_policy(act: Act, case: Case, policy_id: UUID, applies: Applies) -> Case:
    """Let a ticket follow a policy's edit: one that it is under, or comes under; not what other policies say anew."""
    under = {case.locked.policy[0]} if case.locked.policy is not None else set()
    is_promised = policy_id in under | _ids(case.measures.promise_for(case.ticket))
    is_agreed = policy_id in _ids(case.agreement) | _ids(case.measures.agreement_for(case.ticket))
    if not (is_promised or is_agreed):
        return case
    mode, ran_of = Mode.CARRY, None
    if applies is Applies.RECOMPUTE:
        mode, ran_of = Mode.RETROACTIVE, spans_of(act, case.clocks)
    return promised(act, case, mode, ran_of) if is_promised else agreed(act, case, mode, ran_of)


def _ids(promise: BookedPromise | None) -> set[UUID]:
    return set() if promise is None else {promise.policy_id}
