"""Telling of a ticket: the events of one change, numbered and written in the change's transaction."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from psms.db.queries import journal
from psms.domain.access import Actor
from psms.domain.events import (
    SCHEMA_VERSION,
    Change,
    CommentExcerpt,
    Envelope,
    EventType,
    TicketData,
)
from psms.domain.tickets import Ticket
from psms.encoding import json_bytes
from psms.runtime import Runtime


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One event to tell: its type, and what changed or was said."""

    type: EventType
    changes: dict[str, Change]
    comment: CommentExcerpt | None = None


def body_of(
    ticket: Ticket, told: Told, *, event_id: UUID, sequence: int, now: datetime, actor_id: UUID
) -> bytes:
    """Return the exact bytes that partners will receive and whose signature they will check."""
    data = TicketData(
        ticket=ticket, sequence=sequence, actor_id=actor_id, changes=told.changes, comment=told.comment
    )
    return json_bytes(
        Envelope(id=event_id, type=told.type, timestamp=now, schema_version=SCHEMA_VERSION, data=data)
    )


def tell(
    rt: Runtime,
    session: Session,
    actor: Actor,
    ticket: Ticket,
    events: list[Told],
    *,
    now: datetime,
    last_sequence: int,
) -> None:
    """Write *events* of a locked ticket, numbered after *last_sequence*, each with its outbox row."""
    for sequence, told in enumerate(events, start=last_sequence + 1):
        event_id = rt.chance.new_id(now)
        body = body_of(
            ticket, told, event_id=event_id, sequence=sequence, now=now, actor_id=actor.user_id
        )
        journal.insert_event(
            session,
            journal.EventRecord(
                organization_id=actor.organization_id,
                id=event_id,
                type=told.type.value,
                schema_version=SCHEMA_VERSION,
                ticket_id=ticket.id,
                sequence=sequence,
                occurred_at=now,
                body=body,
                request_id=actor.request_id,
            ),
        )
