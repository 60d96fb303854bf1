"""How a ticket stands with its targets, as its clocks would say if the sweep came now. Changes nothing."""

from collections import defaultdict
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from psms.db.queries import sla_ledger as queries
from psms.db.queries import tickets as ticket_queries
from psms.domain.access import Actor, Permission, require
from psms.domain.sla.advance import advance
from psms.domain.sla.calendar_keys import key_text, parse_key
from psms.domain.sla.clock import elapsed
from psms.domain.sla.instants import SECOND, instant_of, moment_of
from psms.domain.sla.kept import KeptClock
from psms.domain.sla.terms import Metric
from psms.domain.sla.timeline import Cause, Look, State
from psms.domain.sla.why import why
from psms.domain.sla_standing import ClockView, SegmentView, TicketSla
from psms.runtime import Runtime
from workflows.act import act_of
from workflows.sla_cases import cases_of
from workflows.sla_clocks import kept_of
from workflows.sla_measures import Measures, measures_of

# Of the cycles of a long conversation so many are shown.
MOST_CYCLES = 100

_ORDER = tuple(Metric)
_VERDICTS = (State.MET, State.MISSED)


def sla_of_ticket(rt: Runtime, actor: Actor, ticket_id: UUID) -> TicketSla:
    """Return how a ticket stands with its targets now, each cycle of each clock with its ledger."""
    require(actor, Permission.TICKET_READ)
    with rt.db.begin(actor.organization_id) as session:
        ticket = ticket_queries.get(session, actor, ticket_id)
        act = act_of(rt, session, actor)
        rows = queries.cycles_of(session, act.organization_id, [ticket.id], MOST_CYCLES)
        segments = queries.segments_of(session, act.organization_id, [row.id for row in rows])
        measures = measures_of(act, [*rows, *segments])
        (case,) = cases_of(act, ticket_queries.read_all(session, [ticket.id]))
    # The last cycle of each clock as it would be if the sweep came now; what has ended before stays.
    standing = {kept.id: kept for kept in case.clocks}
    shown, now = defaultdict[UUID, list[SegmentView]](list), instant_of(act.now)
    for one in segments:
        shown[one.clock_id].append(_segment(one, measures, now))
    views = [
        _view(now, row, standing[row.id], case.measures, shown[row.id])
        if row.id in standing
        else _view(now, row, kept_of(row, measures), measures, shown[row.id])
        for row in rows
    ]
    views.sort(key=lambda view: (_ORDER.index(view.metric), view.cycle))
    return TicketSla(ticket_id=ticket.id, at=act.now, clocks=views)


def _view(now: int, row: Row[Any], kept: KeptClock, measures: Measures, segments: list[SegmentView]) -> ClockView:
    clock = advance(kept.clock, Look(at=now), measures.hours_of).clock
    consumed = elapsed(clock, measures.hours_of(clock.terms.calendar), now)
    key = parse_key(clock.terms.calendar)
    return ClockView(
        id=kept.id,
        metric=kept.metric,
        operational=kept.metric.is_operational,
        team_id=kept.team_id,
        cycle=clock.cycle,
        policy_id=kept.policy_id,
        policy_version=kept.policy_version,
        calendar_id=None if key is None else key.calendar_id,
        calendar_version=None if key is None else key.version,
        state=clock.state,
        target_seconds=clock.target // SECOND,
        consumed_seconds=consumed // SECOND,
        remaining_seconds=(clock.target - consumed) // SECOND,
        due_at=_moment(clock.due_at),
        breached_at=_moment(clock.breached_at),
        completed_at=_moment(clock.completed_at) if clock.state in _VERDICTS else None,
        started_at=moment_of(clock.started_at),
        levels=[level.id for level in clock.terms.levels if level.id in clock.fired],
        voided_at=row.voided_at,
        voided_by=row.voided_by,
        void_reason=row.void_reason,
        why=why(clock),
        segments=segments,
    )


def _segment(row: Row[Any], measures: Measures, now: int) -> SegmentView:
    counted = row.counted.total_seconds()
    if row.ended_at is None and row.state == State.RUNNING.value:
        key = key_text(row.calendar_id, row.calendar_version, row.zone_data)
        counted = measures.hours_of(key).elapsed(instant_of(row.began_at), now) // SECOND
    return SegmentView(
        cause=Cause(row.cause),
        state=State(row.state),
        began_at=row.began_at,
        ended_at=row.ended_at,
        counted_seconds=int(counted),
        target_seconds=int(row.target.total_seconds()),
        policy_id=row.policy_id,
        policy_version=row.policy_version,
        calendar_id=row.calendar_id,
        calendar_version=row.calendar_version,
        zone_data=row.zone_data,
    )


def _moment(instant: int | None) -> datetime | None:
    return None if instant is None else moment_of(instant)
