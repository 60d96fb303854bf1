"""Deleted tickets, as they are listed until they are restored or purged."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psms.domain.tickets import Status, TicketType


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletedTicket:
    """A ticket that nobody reads any more. From *purge_at* on it may be gone for good."""

    id: UUID
    number: int
    type: TicketType
    subject: str
    status: Status
    requester_id: UUID
    version: int
    deleted_at: datetime
    purge_at: datetime
