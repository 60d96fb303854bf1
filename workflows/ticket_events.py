"""Telling of a ticket: the events of one change, numbered and written in the change's transaction."""

from dataclasses import dataclass
from uuid import UUID

from psms.db.queries import journal
from psms.domain.event_versions import SCHEMA_VERSION
from psms.domain.events import (
    Change,
    CommentExcerpt,
    Envelope,
    EventType,
    TicketData,
)
from psms.domain.sla_standing import SlaNotice
from psms.domain.tickets import Ticket
from workflows.act import Act, Moment
from workflows.event_bodies import event_body


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One event to tell: its type, and what changed, was said, or was reached."""

    type: EventType
    changes: dict[str, Change]
    comment: CommentExcerpt | None = None
    sla: SlaNotice | None = None


def body_of(act: Moment, ticket: Ticket, told: Told, *, event_id: UUID, sequence: int) -> bytes:
    """Return the exact bytes that partners will receive and whose signature they will check."""
    data = TicketData(
        ticket=ticket,
        sequence=sequence,
        actor_id=act.actor.user_id if act.actor else None,
        changes=told.changes,
        comment=told.comment,
        sla=told.sla,
    )
    return event_body(
        act.rt, Envelope(id=event_id, type=told.type, timestamp=act.now, schema_version=SCHEMA_VERSION, data=data)
    )


def event_of(act: Act, ticket: Ticket, told: Told, sequence: int) -> journal.EventRecord:
    """Return the event that *told* is, as the *sequence*th of its ticket, to be written with others."""
    event_id = act.new_id()
    return journal.EventRecord(
        organization_id=act.organization_id,
        id=event_id,
        type=told.type.value,
        schema_version=SCHEMA_VERSION,
        ticket_id=ticket.id,
        sequence=sequence,
        occurred_at=act.now,
        body=body_of(act, ticket, told, event_id=event_id, sequence=sequence),
        request_id=act.actor.request_id if act.actor else None,
        depth=act.depth,
    )


def tell(act: Act, ticket: Ticket, events: list[Told], last_sequence: int) -> None:
    """Write *events* of a locked ticket, numbered after *last_sequence*, each with its outbox row."""
    records = [event_of(act, ticket, told, number) for number, told in enumerate(events, start=last_sequence + 1)]
    journal.insert_events(act.session, records)
