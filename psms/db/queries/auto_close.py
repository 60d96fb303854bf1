"""After which time the organization at hand has its resolved tickets closed. Setting it is in `records`."""

from sqlalchemy.orm import Session

from psms.db.direct import direct

_CLOSE_AFTER = "SELECT auto_close_after_seconds FROM organizations"


def close_after(session: Session) -> int | None:
    """Return the seconds for which a resolved ticket stays open to a reply; None: it is closed by people alone."""
    found: int | None = direct(session).record(_CLOSE_AFTER, {}).auto_close_after_seconds
    return found
