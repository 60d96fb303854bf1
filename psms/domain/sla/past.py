"""What a ticket went through, told from its present fields and its log. Trying policies on it is in `simulation`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psms.domain.sla.facts import CustomerWrote, Filed, Replied, StatusChanged
from psms.domain.sla.instants import instant_of
from psms.domain.sla.matching import Subject
from psms.domain.sla.simulation import FieldsChanged, PastFact, PastTicket
from psms.domain.sla.subjects import subject_of
from psms.domain.tickets import Priority, Status, TicketType, Visibility

ASKED = ("service_id", "type", "priority", "tags", "custom_fields")
"""The fields of a ticket that policies ask for."""

CREATED = "ticket.created"
COMMENTED = "ticket.commented"


@dataclass(frozen=True, slots=True, kw_only=True)
class FiledTicket:
    """A ticket with the fields that policies ask for, as they are now."""

    id: UUID
    number: int
    requester_id: UUID
    created_at: datetime
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class PastEntry:
    """An entry of a ticket's log: what *before* it was, *after* it is, and by whom; *staff* answer requesters."""

    at: datetime
    action: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    actor_id: UUID | None
    by_staff: bool


def past_ticket(filed: FiledTicket, entries: Sequence[PastEntry]) -> PastTicket | None:
    """Return what a ticket went through, None where its log no longer goes back to its filing.

    *entries* are all that say something, oldest first. As it was filed is what it is now, with every change undone.
    """
    if not any(entry.action == CREATED for entry in entries):
        return None
    fields = dict(filed.fields)
    for entry in reversed(entries):
        fields |= _asked(entry.before)
    facts: list[PastFact] = [Filed(at=instant_of(filed.created_at))]
    subject, changing = _subject(fields), fields
    for entry in entries:
        changing = changing | (_asked(entry.after) if entry.before else {})
        facts += _facts(filed, entry, changing)
    return PastTicket(id=filed.id, number=filed.number, subject=subject, facts=facts)


def _facts(filed: FiledTicket, entry: PastEntry, fields: Mapping[str, Any]) -> Iterator[PastFact]:
    at = instant_of(entry.at)
    if entry.action == COMMENTED and entry.after.get("visibility") == Visibility.PUBLIC.value:
        is_desk = entry.by_staff and entry.actor_id != filed.requester_id
        yield Replied(at=at) if is_desk else CustomerWrote(at=at)
    if _asked(entry.before):
        yield FieldsChanged(at=at, subject=_subject(fields))
    if "status" in entry.before:
        yield StatusChanged(at=at, to=Status(entry.after["status"]))


def _asked(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: values[name] for name in ASKED if name in values}


def _subject(fields: Mapping[str, Any]) -> Subject:
    return subject_of(
        service_id=UUID(str(fields["service_id"])),
        type=TicketType(fields["type"]),
        priority=Priority(fields["priority"]),
        tags=fields["tags"],
        custom_fields=fields["custom_fields"],
    )
