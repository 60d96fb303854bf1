"""How much of an endpoint's lane may be under way, as the endpoint was told to; what waits in it is in `lanes`."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from psms.domain.endpoint_settings import LaneSettings, Ordering

_SETTINGS = text("""
    SELECT ordering, rate_per_minute, max_in_flight FROM webhook_lanes
    WHERE organization_id = :organization_id AND endpoint_id = :endpoint_id
""")
# Looked at at once: what waited for the former settings may go now.
_SET = text("""
    UPDATE webhook_lanes SET rate_per_minute = :rate_per_minute, max_in_flight = :max_in_flight,
        next_due_at = LEAST(next_due_at, :now)
    WHERE organization_id = :organization_id AND endpoint_id = :endpoint_id
""")


def settings_of(session: Session, organization_id: UUID, endpoint_id: UUID) -> LaneSettings:
    """Return how much may be under way in a lane."""
    row = session.execute(_SETTINGS, {"organization_id": organization_id, "endpoint_id": endpoint_id}).one()
    return LaneSettings(
        order=Ordering(row.ordering), rate_per_minute=row.rate_per_minute, max_in_flight=row.max_in_flight
    )


def set_settings(
    session: Session, organization_id: UUID, endpoint_id: UUID, settings: LaneSettings, now: datetime
) -> None:
    """Let a locked lane be served so from now on; deliveries that are under way end as they began.

    Its order is set in `orders`, since what waits has to line up.
    """
    session.execute(
        _SET,
        {
            "organization_id": organization_id,
            "endpoint_id": endpoint_id,
            "rate_per_minute": settings.rate_per_minute,
            "max_in_flight": settings.max_in_flight,
            "now": now,
        },
    )
