"""Pages: somebody is called when a level says so, until somebody takes the ticket or its clock ends. Steps of an act.

Each writes rows and events in the caller's transaction, in sets; who commits nudges the relay. Endpoints of
PagerDuty receive these events, and so may any other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from psms.db.queries import journal
from psms.db.queries import pages as queries
from psms.domain.event_versions import SCHEMA_VERSION
from psms.domain.events import Envelope, EventType, PageData
from psms.domain.paging import Page, PageState, Severity, dedup_key_of
from psms.domain.sla_standing import SlaNotice
from psms.domain.tickets import Ticket
from workflows.act import Act
from workflows.event_bodies import event_body


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Call somebody, or just *user_id*, chosen by *rule*: this ticket's clock has reached the level of *notice*."""

    ticket: Ticket
    notice: SlaNotice
    severity: Severity
    user_id: UUID | None = None
    rule: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """Nobody need come any more for this clock of the ticket, or (None) for any of its clocks."""

    ticket: Ticket
    clock_id: UUID | None = None


def trigger(act: Act, ticket: Ticket, notice: SlaNotice, severity: Severity) -> None:
    """Open a page for a level of a clock and tell of it, once however often this is called."""
    trigger_all(act, [Call(ticket=ticket, notice=notice, severity=severity)])


def trigger_all(act: Act, calls: Sequence[Call]) -> None:
    """Do as `trigger` for many, in two statements."""
    opened = [(call.ticket, _page(act, call)) for call in calls]
    if not opened:
        return
    new = queries.insert(act.session, act.organization_id, [(t.id, page) for t, page in opened], act.now)
    _tell(act, EventType.PAGE_TRIGGERED, [(ticket, page) for ticket, page in opened if page.id in new])


def acknowledge(act: Act, ticket: Ticket) -> None:
    """Tell that somebody has taken the ticket, where somebody is called for it; else change nothing."""
    acknowledge_all(act, [ticket])


def acknowledge_all(act: Act, tickets: Sequence[Ticket]) -> None:
    """Do as `acknowledge` for many, in two statements at most."""
    by_id = {ticket.id: ticket for ticket in tickets}
    if by_id:
        taken = queries.acknowledge(act.session, act.organization_id, list(by_id), act.now)
        _tell(act, EventType.PAGE_ACKNOWLEDGED, [(by_id[ticket_id], page) for ticket_id, page in taken])


def resolve(act: Act, ticket: Ticket, clock_id: UUID | None = None) -> None:
    """Tell that nobody need come any more, where somebody is called for this clock (None: any) of the ticket."""
    resolve_all(act, [Ending(ticket=ticket, clock_id=clock_id)])


def resolve_all(act: Act, endings: Sequence[Ending]) -> None:
    """Do as `resolve` for many, in two statements at most."""
    by_id = {ending.ticket.id: ending.ticket for ending in endings}
    if by_id:
        ended = [(ending.ticket.id, ending.clock_id) for ending in endings]
        over = queries.resolve(act.session, act.organization_id, ended, act.now)
        _tell(act, EventType.PAGE_RESOLVED, [(by_id[ticket_id], page) for ticket_id, page in over])


def _page(act: Act, call: Call) -> Page:
    notice = call.notice
    return Page(
        id=act.new_id(),
        clock_id=notice.clock_id,
        metric=notice.metric.value,
        level=notice.level,
        severity=call.severity,
        state=PageState.TRIGGERED,
        dedup_key=dedup_key_of(act.organization_id, call.ticket.id, notice.clock_id),
        reached_at=notice.at,
        due_at=notice.due_at,
        user_id=call.user_id,
        rule=call.rule,
    )


def _tell(act: Act, kind: EventType, pages: Sequence[tuple[Ticket, Page]]) -> None:
    if pages:
        journal.insert_events(act.session, [_event(act, kind, ticket, page) for ticket, page in pages])


def _event(act: Act, kind: EventType, ticket: Ticket, page: Page) -> journal.EventRecord:
    event_id, actor = act.new_id(), act.actor
    data = PageData(ticket=ticket, actor_id=actor.user_id if actor else None, page=page)
    told = Envelope(id=event_id, type=kind, timestamp=act.now, schema_version=SCHEMA_VERSION, data=data)
    return journal.EventRecord(
        organization_id=act.organization_id,
        id=event_id,
        type=kind.value,
        schema_version=SCHEMA_VERSION,
        ticket_id=ticket.id,
        # Not one of the ticket's numbered changes: a page changes no field of it.
        sequence=None,
        occurred_at=act.now,
        body=event_body(act.rt, told),
        request_id=actor.request_id if actor else None,
    )
