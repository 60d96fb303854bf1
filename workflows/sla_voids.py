"""Breaches that are declared void: they count in no report any more, and nothing of them is deleted or moved.

The clock, its ledger, its levels and what they led to stay as they are; so does what partners and people were told.
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from psms.db.queries import sla_voids as queries
from psms.db.queries import tickets as ticket_queries
from psms.domain.access import Actor, Permission, require
from psms.domain.events import Change, EventType
from psms.domain.sla.instants import SECOND, microseconds_of
from psms.domain.sla.terms import BREACH, Metric
from psms.domain.sla_standing import SlaNotice, TicketSla
from psms.errors import NotBreached, NotFound
from psms.runtime import Runtime
from workflows import sla, trail
from workflows.act import Act, act_of
from workflows.names import Task
from workflows.sla_clocks import Case
from workflows.sla_standing import sla_of_ticket
from workflows.ticket_events import Told, tell

Changing = Callable[[Act, Case, Row[Any]], None]


def void_breach(rt: Runtime, actor: Actor, ticket_id: UUID, clock_id: UUID, reason: str) -> TicketSla:
    """Take a clock's breach out of the reports, and return how the ticket stands.

    One that is void already stays so, with its first reason. Raise NotFound, and NotBreached where there is no breach.
    """

    def void(act: Act, case: Case, clock: Row[Any]) -> None:
        if clock.breached_at is None:
            raise NotBreached
        if clock.voided_at is None:
            values = {"organization_id": act.organization_id, "clock_id": clock_id, "reason": reason}
            queries.void(act.session, {**values, "by": act.user_id, "now": act.now})
            _told(act, case, clock, EventType.SLA_VOIDED, Change(before=None, after=reason))

    return _changed(rt, actor, ticket_id, clock_id, void)


def restore_breach(rt: Runtime, actor: Actor, ticket_id: UUID, clock_id: UUID) -> TicketSla:
    """Let a clock's breach count again, and return how the ticket stands; one that counts stays so. Raise NotFound."""

    def restore(act: Act, case: Case, clock: Row[Any]) -> None:
        if clock.voided_at is not None:
            queries.unvoid(act.session, act.organization_id, clock_id)
            _told(act, case, clock, EventType.SLA_RESTORED, Change(before=clock.void_reason, after=None))

    return _changed(rt, actor, ticket_id, clock_id, restore)


def _changed(rt: Runtime, actor: Actor, ticket_id: UUID, clock_id: UUID, change: Changing) -> TicketSla:
    require(actor, Permission.SLA_VOID)
    with rt.db.begin(actor.organization_id) as session:
        locked = ticket_queries.lock(session, actor, ticket_id)
        act = act_of(rt, session, actor)
        # A breach that nobody has recorded yet is one.
        case = sla.caught_up(act, locked)
        clock = queries.find(session, act.organization_id, ticket_id, clock_id)
        if clock is None:
            raise NotFound
        change(act, case, clock)
    rt.nudger.nudge(Task.RELAY_OUTBOX)
    return sla_of_ticket(rt, actor, ticket_id)


def _told(act: Act, case: Case, clock: Row[Any], type_: EventType, reason: Change) -> None:
    """Write the event, which does not tell partners why, and the entry, which does."""
    notice = SlaNotice(
        clock_id=clock.id,
        metric=Metric(clock.metric),
        level=BREACH.id,
        at=clock.breached_at,
        due_at=clock.due_at,
        target_seconds=microseconds_of(clock.target) // SECOND,
        late=False,
    )
    ticket, sequence = case.ticket, case.locked.sequence
    tell(act, ticket, [Told(type=type_, changes={}, sla=notice)], sequence)
    ticket_queries.count_event(act.session, ticket.id, sequence + 1)
    facts = trail.added({"clock_id": clock.id, "metric": clock.metric, "breached_at": clock.breached_at})
    trail.note(act, type_.value, ("ticket", ticket.id), {**facts, "reason": reason})
