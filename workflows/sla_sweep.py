"""The sweep: finds the timers that are due, whatever the number of open ones, and lets them take effect."""

from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.orm import Session

from psms.crash import CrashPoint, crash_point
from psms.db.queries import sla_timers as queries
from psms.db.queries import tickets as ticket_queries
from psms.db.session import enter
from psms.runtime import Runtime
from workflows.act import act_of_system
from workflows.names import Task
from workflows.sla_cases import cases_of
from workflows.sla_clocks import written
from workflows.sla_effects import take_effect

BATCH = 500


def fire_due_timers(rt: Runtime) -> int:
    """Let every timer that is due take effect, oldest first, and return how many that were.

    Each batch is one transaction: a crash leaves it whole or not at all. Runs by any number of processes at
    once: a ticket that another one holds, or that somebody edits, is left to them and looked at again.
    """
    total = 0
    while not rt.stopping.is_set():
        seen, handled = _fire_batch(rt)
        total += handled
        if handled:
            crash_point(CrashPoint.SWEEP_COMMITTED)
            rt.nudger.nudge(Task.RELAY_OUTBOX)
        if seen < BATCH or not handled:
            break
    return total


def _fire_batch(rt: Runtime) -> tuple[int, int]:
    by_organization = attrgetter("organization_id")
    handled = 0
    with rt.db.begin_claim() as session:
        due = queries.due(session, rt.clock.now(session), BATCH)
        for organization_id, rows in groupby(sorted(due, key=by_organization), key=by_organization):
            enter(session, organization_id)
            handled += _fire_in(rt, session, organization_id, list(rows))
        if handled:
            crash_point(CrashPoint.SWEEP_UNCOMMITTED)
    return len(due), handled


def _fire_in(rt: Runtime, session: Session, organization_id: UUID, due: Sequence[Row[Any]]) -> int:
    locked = queries.lock_timers(session, organization_id, sorted({row.ticket_id for row in due}))
    tickets = ticket_queries.lock_free(session, sorted(locked))
    # The one instant of the batch, read under the locks: nothing that was committed before is later.
    act = act_of_system(rt, session, organization_id, rt.clock.now(session))
    # Of a ticket whose timers somebody else holds, none.
    whole = [case for case in cases_of(act, tickets) if {kept.id for kept in case.clocks} <= locked[case.ticket.id]]
    reached = [case for case in whole if case.reached]
    if reached:
        take_effect(act, reached)
    # Of an edited calendar, or recorded by somebody else: only look at them later.
    written(act, [case for case in whole if not case.reached])
    handled = {case.ticket.id for case in whole}
    return sum(1 for row in due if row.ticket_id in handled)
