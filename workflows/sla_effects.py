"""What the levels of SLA clocks lead to, written in sets: the number of statements does not grow with the tickets'.

Each level of a clock, and the breach itself, has its effect once, which a unique key makes sure of whoever comes
twice. What a single level does to its ticket is in `sla_actions`.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from psms.db.queries import duties, journal
from psms.db.queries import sla_effects as queries
from psms.db.queries import tickets as ticket_queries
from psms.domain.duties import Present
from psms.domain.events import Change, EventType
from psms.domain.sla.instants import instant_of
from psms.telemetry import SLA_FIRES, SLA_LATENESS
from workflows import pages, trail
from workflows.act import Act
from workflows.sla_actions import Outcome, asks_for_duty, named_by, outcome_of
from workflows.sla_clocks import Case, Reached, promised, written
from workflows.sla_handovers import agreed, endings, handed_over
from workflows.ticket_events import Told, event_of

_SECOND = 1_000_000


class _Writes:
    """What one batch will write, gathered before anything is written."""

    def __init__(self) -> None:
        self.logs: list[journal.LogRecord] = []
        self.events: list[journal.EventRecord] = []
        self.outcomes: list[Outcome] = []
        self.endings: list[pages.Ending] = []


def take_effect(act: Act, cases: Sequence[Case]) -> list[Case]:
    """Write what *cases* reached, with all it leads to, and return them as they are afterwards.

    All is told in the order in which it was due, whichever ticket it is of. Where a level changes what policies ask
    for, the clocks follow at once.
    """
    new = _first_time(act, cases)
    present = _present(act, cases)
    writes = _Writes()
    fresh = [(ticket_id, one) for ticket_id, one in _in_order(cases) if _key(one) in new]
    _count(act, [one for _, one in fresh])
    after = {case.ticket.id: case for case in cases}
    for ticket_id, one in fresh:
        after[ticket_id] = _effect(act, after[ticket_id], one, present, writes)
    done = [_over(act, case, after[case.ticket.id], writes) for case in cases]
    ticket_queries.write_escalated(act.session, act.organization_id, [case.locked for case in done], act.now)
    done = written(act, done)
    _write(act, writes)
    return done


def _in_order(cases: Sequence[Case]) -> list[tuple[UUID, Reached]]:
    # Stable: what a ticket reached at one instant stays in its order.
    reached = [(case.ticket.id, one) for case in cases for one in case.reached]
    return sorted(reached, key=lambda found: found[1].fire.at)


def _key(one: Reached) -> tuple[object, str]:
    return one.kept.id, one.fire.level


def _first_time(act: Act, cases: Sequence[Case]) -> set[tuple[object, str]]:
    fires = [(one.kept.id, one.fire.level, one.fire.at) for case in cases for one in case.reached]
    return set(queries.insert_fires(act.session, act.organization_id, fires, act.now)) if fires else set()


def _present(act: Act, cases: Sequence[Case]) -> Present:
    """Return who can be told: two queries at most, whatever the number of tickets. On duty is who is so now."""
    named = {one for case in cases for reached in case.reached for one in named_by(case, reached)}
    asking = [case for case in cases if any(asks_for_duty(case, reached) for reached in case.reached)]
    # A level may give the ticket to another team before the next one asks who is on duty there.
    teams = {case.ticket.team_id for case in asking} | (named if asking else set())
    return Present(
        standing=frozenset(queries.standing(act.session, named)) if named else frozenset(),
        on_duty=duties.on_duty(act.session, act.organization_id, teams, act.now) if teams else {},
    )


def _effect(act: Act, case: Case, one: Reached, present: Present, writes: _Writes) -> Case:
    """Gather what one level leads to, and return the case with its ticket as it is then."""
    ticket, sequence = case.ticket, case.locked.sequence
    outcome = outcome_of(act, case, ticket, one, present)
    for ticket, told in outcome.told:
        sequence += 1
        writes.events.append(event_of(act, ticket, told, sequence))
        writes.logs.append(trail.entry(act, told.type.value, ("ticket", ticket.id), _shown(told)))
    writes.outcomes.append(outcome)
    if outcome.call is not None:
        facts = {"metric": one.kept.metric, "level": one.level, "severity": outcome.call.severity}
        called = trail.added(facts)
        writes.logs.append(trail.entry(act, EventType.PAGE_TRIGGERED.value, ("ticket", ticket.id), called))
    return replace(case, locked=replace(case.locked, ticket=ticket, sequence=sequence))


def _over(act: Act, before: Case, after: Case, writes: _Writes) -> Case:
    """Return a case with nothing left to record, its clocks under what its ticket's team and priority ask for."""
    moved, ticket = replace(after, reached=()), after.ticket
    if ticket.team_id != before.ticket.team_id:
        moved = handed_over(act, moved, ticket)
        writes.endings += endings(before, moved)
    return agreed(act, promised(act, moved)) if ticket.priority is not before.ticket.priority else moved


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
    # First: who is called because a stay was too long is called although the ticket then goes on to another team.
    pages.resolve_all(act, writes.endings)
    pages.trigger_all(act, [one.call for one in writes.outcomes if one.call is not None])
    watchers = [(one.ticket_id, user_id) for one in writes.outcomes for user_id in one.watchers]
    if watchers:
        queries.insert_watchers(act.session, act.organization_id, sorted(set(watchers)), act.now)
    # Of several levels of a clock that are due at once people hear of the highest only.
    highest = {one.clock_id: one.notifications for one in writes.outcomes if one.notifications}
    notifications = [one for notified in highest.values() for one in notified]
    if notifications:
        queries.insert_notifications(act.session, act.organization_id, notifications, act.now)
