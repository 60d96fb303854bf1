"""After which time the organization at hand has its resolved tickets closed. Setting it is in `records`."""

from uuid import UUID

from sqlalchemy.orm import Session

from psms.db.direct import direct

_CLOSE_AFTER = "SELECT auto_close_after_seconds FROM organizations"
_IS_DELETED = "SELECT deleted_at IS NOT NULL AS deleted FROM tickets WHERE id = %(ticket_id)s"


def close_after(session: Session) -> int | None:
    """Return the seconds for which a resolved ticket stays open to a reply; None: it is closed by people alone."""
    found: int | None = direct(session).record(_CLOSE_AFTER, {}).auto_close_after_seconds
    return found


def is_deleted(session: Session, ticket_id: UUID) -> bool:
    """Tell whether a ticket is hidden from everybody until it is restored or purged."""
    return bool(direct(session).record(_IS_DELETED, {"ticket_id": ticket_id}).deleted)
