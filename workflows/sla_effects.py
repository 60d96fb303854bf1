"""What the levels of SLA clocks lead to: events, log entries, notifications, and the escalation of a breach.

Written in sets: the number of statements does not grow with the number of tickets. Each level of a clock has
its effect once, which a unique key makes sure of whoever comes twice.
"""

from collections.abc import Sequence
from dataclasses import replace

from psms.db.queries import journal
from psms.db.queries import sla as queries
from psms.db.queries import tickets as ticket_queries
from psms.db.queries.sla import NewNotification
from psms.domain import sla
from psms.domain.events import Change, EventType
from psms.domain.sla_policies import Promise, SlaNotice
from psms.domain.tickets import Ticket
from psms.telemetry import SLA_FIRES, SLA_LATENESS
from workflows import trail
from workflows.act import Act
from workflows.sla_clocks import Case, Reached, retargeted, write_clocks
from workflows.ticket_events import Told, event_of

# A level that is recorded more than this many seconds after it was reached is marked late.
LATE_S = 5


class _Writes:
    """What one batch will write, gathered before anything is written."""

    def __init__(self) -> None:
        self.logs: list[journal.LogRecord] = []
        self.events: list[journal.EventRecord] = []
        self.notifications: list[NewNotification] = []


def take_effect(act: Act, cases: Sequence[Case]) -> list[Case]:
    """Write what *cases* reached, with all it leads to, and return them as they are afterwards.

    A breach raises the ticket's priority by one step, and the clocks follow the new priority at once.
    """
    new = _first_time(act, cases)
    promises = queries.promises(act.session, [sla.raised(case.ticket.priority).value for case in cases])
    writes = _Writes()
    done = [_effect(act, case, new, promises, writes) for case in cases]
    ticket_queries.write_escalated(
        act.session, act.organization_id, [(case.ticket, case.sequence) for case in done], act.now
    )
    write_clocks(act, [kept for case in done for kept in case.clocks])
    if writes.logs:
        journal.insert_logs(act.session, writes.logs)
        journal.insert_events(act.session, writes.events)
    if writes.notifications:
        queries.insert_notifications(act.session, act.organization_id, writes.notifications, act.now)
    return done


def _first_time(act: Act, cases: Sequence[Case]) -> set[tuple[object, str]]:
    fires = [(one.kept.id, one.fire.level, one.fire.at) for case in cases for one in case.reached]
    return set(queries.insert_fires(act.session, act.organization_id, fires, act.now)) if fires else set()


def _effect(act: Act, case: Case, new: set[tuple[object, str]], promises: dict[str, Promise], writes: _Writes) -> Case:
    ticket, sequence = case.ticket, case.sequence
    for one in case.reached:
        if (one.kept.id, one.fire.level) not in new:
            continue
        late_s = (act.now - one.fire.at).total_seconds()
        SLA_FIRES.labels(metric=one.kept.metric.value, level=one.fire.level).inc()
        SLA_LATENESS.observe(max(0.0, late_s))
        for ticket, told in _told(act, ticket, one, late=late_s > LATE_S):  # noqa: B020  (it goes on)
            sequence += 1
            writes.events.append(event_of(act, ticket, told, sequence))
            writes.logs.append(trail.entry(act, told.type.value, ("ticket", ticket.id), _shown(told)))
        if one.fire.level == sla.BREACH.id:
            writes.notifications.append(_notification(act, ticket, one))
    clocks = case.clocks
    if ticket.priority is not case.ticket.priority:
        promise = promises.get(ticket.priority.value)
        clocks = tuple(retargeted(act, kept, promise) for kept in clocks)
    return Case(ticket=ticket, sequence=sequence, clocks=clocks)


def _told(act: Act, ticket: Ticket, one: Reached, *, late: bool) -> list[tuple[Ticket, Told]]:
    notice = SlaNotice(
        clock_id=one.kept.id,
        metric=one.kept.metric,
        level=one.fire.level,
        at=one.fire.at,
        due_at=one.kept.clock.due_at,
        target_seconds=int(one.kept.clock.target.total_seconds()),
        late=late,
    )
    if one.fire.level != sla.BREACH.id:
        return [(ticket, Told(type=EventType.SLA_AT_RISK, changes={}, sla=notice))]
    raised = sla.raised(ticket.priority)
    changes = {}
    after = ticket
    if raised is not ticket.priority:
        changes = {"priority": Change(before=ticket.priority, after=raised)}
        after = replace(ticket, priority=raised, version=ticket.version + 1, updated_at=act.now)
    return [
        (ticket, Told(type=EventType.SLA_BREACHED, changes={}, sla=notice)),
        (after, Told(type=EventType.SLA_ESCALATED, changes=changes, sla=notice)),
    ]


def _shown(told: Told) -> dict[str, Change]:
    shown = dict(told.changes)
    if told.sla is not None:
        facts = {"metric": told.sla.metric, "level": told.sla.level, "at": told.sla.at, "late": told.sla.late}
        shown |= trail.added(facts)
    return shown


def _notification(act: Act, ticket: Ticket, one: Reached) -> NewNotification:
    return NewNotification(
        id=act.new_id(),
        ticket_id=ticket.id,
        clock_id=one.kept.id,
        kind=EventType.SLA_BREACHED.value,
        user_id=ticket.assignee_id,
        # Where nobody is assigned, the team is told; where there is no team either, whoever leads the desk.
        team_id=None if ticket.assignee_id else ticket.team_id,
    )
