"""An event as automations are asked about it: read from the bytes that partners were sent, and who acted."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from psms.domain.access import Role
from psms.domain.automations.definitions import Party
from psms.domain.automations.judging import Happening
from psms.domain.events import Change, EventType
from psms.domain.sla.matching import Subject
from psms.domain.sla.subjects import subject_of
from psms.domain.tickets import Priority, Status, TicketType, Visibility
from psms.encoding import json_value


def happening_of(body: bytes, role: str | None, depth: int = 0) -> Happening:
    """Return an event with *body*, done by somebody of *role*, None where PSMS itself acted."""
    told = json_value(body)
    data: dict[str, Any] = told["data"]
    comment = data.get("comment")
    return Happening(
        type=EventType(told["type"]),
        party=_party(data, role),
        changes={
            name: Change(before=one["before"], after=one["after"]) for name, one in data.get("changes", {}).items()
        },
        comment=None if comment is None else Visibility(comment["visibility"]),
        depth=depth,
    )


def subject_then(body: bytes) -> tuple[Subject, Status]:
    """Return what could be asked of the event's ticket when it happened."""
    ticket: dict[str, Any] = json_value(body)["data"]["ticket"]
    subject = subject_of(
        service_id=UUID(ticket["service_id"]),
        type=TicketType(ticket["type"]),
        priority=Priority(ticket["priority"]),
        # The thin form of an event lacks what was too long.
        tags=ticket.get("tags", []),
        custom_fields=ticket.get("custom_fields", {}),
    )
    team_id = ticket["team_id"]
    return replace(subject, team_id=team_id and UUID(team_id)), Status(ticket["status"])


def _party(data: dict[str, Any], role: str | None) -> Party:
    actor_id = data.get("actor_id")
    if actor_id is None:
        return Party.PSMS
    is_theirs = actor_id == data["ticket"]["requester_id"]
    return Party.REQUESTER if is_theirs or role == Role.REQUESTER else Party.DESK
