"""What the levels of SLA clocks lead to, written in sets: the number of statements does not grow with the tickets'.

Each level of a clock, and the breach itself, has its effect once, which a unique key makes sure of whoever comes
twice. What a single level does to its ticket is in `sla_actions`.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from psms.db.queries import journal
from psms.db.queries import sla_effects as queries
from psms.db.queries import tickets as ticket_queries
from psms.domain.events import Change, EventType
from psms.domain.sla.instants import instant_of
from psms.telemetry import SLA_FIRES, SLA_LATENESS
from workflows import pages, trail
from workflows.act import Act
from workflows.sla_actions import Outcome, named_by, outcome_of
from workflows.sla_clocks import Case, Reached, promised, written
from workflows.ticket_events import Told, event_of

_SECOND = 1_000_000


class _Writes:
    """What one batch will write, gathered before anything is written."""

    def __init__(self) -> None:
        self.logs: list[journal.LogRecord] = []
        self.events: list[journal.EventRecord] = []
        self.outcomes: list[Outcome] = []


def take_effect(act: Act, cases: Sequence[Case]) -> list[Case]:
    """Write what *cases* reached, with all it leads to, and return them as they are afterwards.

    Where a level changes what policies ask for, the clocks follow at once.
    """
    new = _first_time(act, cases)
    named = {one for case in cases for reached in case.reached for one in named_by(case, reached)}
    standing = frozenset(queries.standing(act.session, named)) if named else frozenset()
    writes = _Writes()
    fresh = [(case, [one for one in case.reached if _key(one) in new]) for case in cases]
    _count(act, [one for _, reached in fresh for one in reached])
    done = [_effect(act, case, reached, standing, writes) for case, reached in fresh]
    ticket_queries.write_escalated(act.session, act.organization_id, [case.locked for case in done], act.now)
    done = written(act, done)
    _write(act, writes)
    return done


def _key(one: Reached) -> tuple[object, str]:
    return one.kept.id, one.fire.level


def _first_time(act: Act, cases: Sequence[Case]) -> set[tuple[object, str]]:
    fires = [(one.kept.id, one.fire.level, one.fire.at) for case in cases for one in case.reached]
    return set(queries.insert_fires(act.session, act.organization_id, fires, act.now)) if fires else set()


def _effect(act: Act, case: Case, reached: Sequence[Reached], standing: frozenset[object], writes: _Writes) -> Case:
    before = case.ticket
    ticket, sequence = before, case.locked.sequence
    for one in reached:
        outcome = outcome_of(act, case, ticket, one, standing)
        for ticket, told in outcome.told:
            sequence += 1
            writes.events.append(event_of(act, ticket, told, sequence))
            writes.logs.append(trail.entry(act, told.type.value, ("ticket", ticket.id), _shown(told)))
        writes.outcomes.append(outcome)
        if outcome.call is not None:
            facts = {"metric": one.kept.metric, "level": one.level, "severity": outcome.call.severity}
            called = trail.added(facts)
            writes.logs.append(trail.entry(act, EventType.PAGE_TRIGGERED.value, ("ticket", ticket.id), called))
    locked = replace(case.locked, ticket=ticket, sequence=sequence)
    case = replace(case, locked=locked, reached=())
    return promised(act, case) if ticket.priority is not before.priority else case


def _count(act: Act, reached: Sequence[Reached]) -> None:
    fired = Counter((one.kept.metric.value, one.level) for one in reached if not one.is_breach)
    for (metric, level), count in fired.items():
        SLA_FIRES.labels(metric=metric, level=level).inc(count)
    now = instant_of(act.now)
    for one in reached:
        SLA_LATENESS.observe(max(0.0, (now - one.fire.at) / _SECOND))


def _shown(told: Told) -> dict[str, Change]:
    shown = dict(told.changes)
    if told.sla is not None:
        facts = {"metric": told.sla.metric, "level": told.sla.level, "at": told.sla.at, "late": told.sla.late}
        shown |= trail.added(facts)
    return shown


def _write(act: Act, writes: _Writes) -> None:
    if writes.logs:
        journal.insert_logs(act.session, writes.logs)
    if writes.events:
        journal.insert_events(act.session, writes.events)
    pages.trigger_all(act, [one.call for one in writes.outcomes if one.call is not None])
    # Of several levels of a clock that are due at once people hear of the highest only.
    highest = {one.clock_id: one.notifications for one in writes.outcomes if one.notifications}
    notifications = [one for notified in highest.values() for one in notified]
    if notifications:
        queries.insert_notifications(act.session, act.organization_id, notifications, act.now)
    watchers = [(one.ticket_id, user_id) for one in writes.outcomes for user_id in one.watchers]
    if watchers:
        queries.insert_watchers(act.session, act.organization_id, sorted(set(watchers)), act.now)
