"""States that an organization names within the seven statuses. What counts everywhere is the status; this is its name.

How a status moves is in `lifecycle`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from psms.domain.tickets import Status, TicketType
from psms.errors import FieldError

MOST_STATES: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketState:
    """A state that tickets of *types*, or of all where these are none, may be in while they have *status*."""

    id: UUID
    name: str
    status: Status
    types: Sequence[str]
    position: int
    active: bool
    version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTicketState:
    """Name a state."""

    name: str
    status: Status
    types: tuple[TicketType, ...]
    position: int


def require_fit(state: TicketState | None, kind: TicketType, status: Status) -> None:
    """Raise FieldError unless a ticket of this type may be in *state* while it has *status*; None: there is none."""
    if state is None or not state.active:
        raise FieldError("state_id", "there is no active state with this id in your organization")
    if state.status is not status:
        raise FieldError("state_id", f"{state.name} is a state of {state.status}, and the ticket is {status} then")
    if state.types and kind not in state.types:
        raise FieldError("state_id", f"{state.name} is for {', '.join(state.types)}, and not for a {kind}")
