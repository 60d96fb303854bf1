"""The version of a ticket that a write asks for in If-Match. Reading the header is in `preconditions`."""

from uuid import UUID

from api.auth import actor
from api.context import runtime
from api.preconditions import wanted_version
from workflows import tickets


def wanted_ticket_version(ticket_id: UUID) -> int | None:
    """Return the version of a ticket that may be changed; None is any."""
    return wanted_version(lambda: tickets.get_ticket(runtime(), actor(), ticket_id).version)
