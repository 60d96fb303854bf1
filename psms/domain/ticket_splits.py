"""Splitting a ticket: some of its comments become another one. What a new ticket is: `tickets`."""

from dataclasses import dataclass
from uuid import UUID

from psms.domain.tickets import Level, OpenTicket, Ticket, TicketType

MOST_COMMENTS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitTicket:
    """Make a ticket of these comments of another one. What is None is as there."""

    comment_ids: tuple[UUID, ...]
    subject: str
    description: str = ""
    type: TicketType | None = None
    impact: Level | None = None
    urgency: Level | None = None
    service_id: UUID | None = None
    requester_id: UUID | None = None


def opening_of(source: Ticket, command: SplitTicket) -> OpenTicket:
    """Return what is filed when *source* is split. With another service, team and custom fields are left open."""
    same_service = command.service_id in {None, source.service_id}
    return OpenTicket(
        subject=command.subject,
        description=command.description,
        type=command.type or source.type,
        impact=command.impact or source.impact,
        urgency=command.urgency or source.urgency,
        service_id=command.service_id or source.service_id,
        requester_id=command.requester_id or source.requester_id,
        team_id=source.team_id if same_service else None,
        custom_fields=dict(source.custom_fields) if same_service else None,
    )
