"""The automations' drain: applies the rules for each event that waits, once, one ticket's events after the other.

What a rule does to its ticket is in `automation_effects`.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from sqlalchemy.orm import Session

from psms.crash import CrashPoint, crash_point
from psms.db.direct import Record
from psms.db.queries import automation_runs as queries
from psms.db.queries import automations
from psms.db.queries import tickets as ticket_queries
from psms.db.queries.automation_runs import Run
from psms.db.queries.automations import WrittenRule
from psms.db.queries.tickets import LockedTicket
from psms.domain.automations.documents import rule_of
from psms.domain.automations.judging import Happening, is_too_deep, refusals
from psms.domain.automations.views import Firing, Outcome
from psms.domain.events import EventType
from psms.domain.sla.matching import Refusal
from psms.errors import DependencyUnavailable, PsmsError
from psms.runtime import Runtime
from psms.telemetry import AUTOMATION_RUNS_FAILED, AUTOMATIONS, logger
from workflows import sla
from workflows.act import Act, act_of_system
from workflows.automation_effects import apply_rule
from workflows.automation_events import happening_of
from workflows.names import Task
from workflows.sla_measures import subject_of_ticket

BATCH = 200
TRIES = 5

log = logger(__name__)


def run_automations(rt: Runtime) -> int:
    """Apply the rules for every event that waits, the oldest first, and return how many events that were.

    All rules for one event are one transaction: a crash leaves them done or not begun. Run by any number of processes
    at once: a ticket that somebody holds is looked at again later. What fails again and again is given up, and listed
    by `psms work`.
    """
    total, done = 0, 1
    while done and not rt.stopping.is_set():
        done = sum(1 for one in _due(rt) if _run(rt, one))
        total += done
    return total


def _due(rt: Runtime) -> Sequence[Record]:
    with rt.db.begin_claim() as session:
        return queries.due(session, rt.clock.now(session), BATCH)


def _run(rt: Runtime, due: Record) -> bool:
    try:
        with rt.db.begin(due.organization_id) as session:
            firings = _applied(rt, session, due)
    except Exception as problem:
        _note_failure(rt, due, problem)
        if isinstance(problem, DependencyUnavailable):
            raise
        log.exception("automations_not_applied", event_id=str(due.event_id))
        return False
    if firings is None:
        return False
    crash_point(CrashPoint.AUTOMATION_COMMITTED)
    rt.nudger.nudge(Task.RELAY_OUTBOX)
    for firing in firings:
        AUTOMATIONS.labels(outcome=firing.outcome.value).inc()
    return True


def _applied(rt: Runtime, session: Session, due: Record) -> list[Firing] | None:
    """Apply the rules for an event; None where somebody else does, or holds the ticket."""
    # The ticket first, as everywhere; without waiting for whoever works on it.
    locked = ticket_queries.lock_free(session, [due.ticket_id])
    run = queries.lock(session, due.organization_id, due.event_id)
    if run is None or (run.is_there and not locked):
        return None
    firings: list[Firing] = []
    if run.is_there:
        act = act_of_system(rt, session, due.organization_id, rt.clock.now(session))
        firings = _fire(replace(act, depth=run.depth + 1), locked[0], run)
    if firings:
        automations.insert_firings(session, due.organization_id, run.ticket_id, firings)
    queries.finish(session, due.organization_id, run.event_id)
    crash_point(CrashPoint.AUTOMATION_UNCOMMITTED)
    return firings


def _note_failure(rt: Runtime, due: Record, problem: Exception) -> None:
    """Write it in a transaction of its own; where that fails too, the database is away, and nothing is to be said."""
    AUTOMATION_RUNS_FAILED.inc()
    with suppress(PsmsError), rt.db.begin(due.organization_id) as session:
        # The kind alone: what a database says may quote a ticket.
        place = (due.organization_id, due.event_id)
        queries.fail(session, place, error=type(problem).__name__, tries=TRIES, now=rt.clock.now(session))


def _fire(act: Act, locked: LockedTicket, run: Run) -> list[Firing]:
    written = automations.rules_for(act.session, run.event_type, run.occurred_at)
    if not written:
        return []
    event = automations.event_of(act.session, act.organization_id, run.event_id)
    happening = happening_of(event.body, event.role, run.depth)
    # What was due by itself was caused by no rule.
    case = sla.caught_up(replace(act, depth=0), locked)
    firings: list[Firing] = []
    stopped = False
    for one in written:
        firing = _passed_over(act, run, one)
        if not stopped:
            rule = rule_of(one.definition)
            refused = refusals(rule, happening, subject_of_ticket(case.ticket), case.ticket.status)
            firing = replace(firing, outcome=_outcome(refused, happening), refusals=refused)
            stopped = rule.stop and not refused
            if firing.outcome is Outcome.DONE:
                case, done = apply_rule(act, case, rule, one.name)
                firing = replace(firing, actions=done)
        firings.append(firing)
    return firings


def _outcome(refused: Sequence[Refusal], happening: Happening) -> Outcome:
    if refused:
        return Outcome.NOT_MATCHED
    return Outcome.STOPPED_LOOP if is_too_deep(happening) else Outcome.DONE


def _passed_over(act: Act, run: Run, written: WrittenRule) -> Firing:
    return Firing(
        id=act.new_id(),
        automation_id=written.id,
        automation_name=written.name,
        automation_version=written.version,
        event_id=run.event_id,
        event_type=EventType(run.event_type),
        outcome=Outcome.PASSED_OVER,
        depth=run.depth,
        refusals=(),
        actions=(),
        at=act.now,
    )
