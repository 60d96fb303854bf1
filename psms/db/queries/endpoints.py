"""Endpoints, inside one organization. What was sent to them is in `delivery_views`.

Their secrets are in `endpoint_secrets`, how they are shown in `endpoint_views`.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import insert as insert_into
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from psms.db.models.webhooks import EndpointRow, LaneRow, SecretRow
from psms.db.queries import lanes, records
from psms.domain.endpoint_settings import LaneSettings
from psms.errors import NotFound

# Whoever is asked for by hand goes out of order. Only who is first in its order keeps its place: others wait for it.
_RETRY = text("""
    UPDATE webhook_deliveries d
    SET state = 'pending', trigger = 'manual', failures = 0, leases_lost = 0, dead_reason = NULL,
        order_key = CASE WHEN d.state = 'pending' AND NOT d.behind THEN d.order_key END, behind = false,
        replay_id = NULL, finished_at = NULL, next_attempt_at = :now,
        expires_at = CAST(:now AS timestamptz) + CAST(:expires_after AS interval)
    FROM webhook_endpoints p
    WHERE d.endpoint_id = :endpoint_id AND d.id = ANY (:ids) AND d.state <> 'in_flight'
      AND p.organization_id = d.organization_id AND p.id = d.endpoint_id AND p.state <> 'deleted'
    RETURNING d.id
""")
_COUNT = text("SELECT count(*) FROM webhook_endpoints WHERE state <> 'deleted'")
_TAKE_TURNS = text("""
    SELECT pg_advisory_xact_lock(hashtext('psms.webhook_endpoints'), hashtext(CAST(:organization_id AS text)))
""")

# Not where it was moved since: another address answered.
_VERIFIED = text("""
    UPDATE webhook_endpoints SET verified_at = :now
    WHERE organization_id = :organization_id AND id = :endpoint_id AND url = :url
""")

VISIBLE = EndpointRow.state != "deleted"


def get(session: Session, endpoint_id: UUID) -> EndpointRow:
    """Return an endpoint that is not deleted, or raise NotFound."""
    row = session.scalars(select(EndpointRow).where(EndpointRow.id == endpoint_id, VISIBLE)).one_or_none()
    if row is None:
        raise NotFound
    return row


def visible(session: Session) -> Sequence[EndpointRow]:
    """Return all endpoints that are not deleted."""
    return session.scalars(select(EndpointRow).where(VISIBLE).order_by(EndpointRow.id)).all()


def lock(session: Session, organization_id: UUID, endpoint_id: UUID, if_version: int | None) -> EndpointRow:
    """Lock the lane of an endpoint and the endpoint; raises NotFound, and VersionStale."""
    # The lane first, as everywhere.
    lanes.lock(session, organization_id, [endpoint_id])
    row = records.lock(session, EndpointRow, endpoint_id, if_version)
    if row.state == "deleted":
        raise NotFound
    return row


def insert(session: Session, row: EndpointRow, secrets: Sequence[SecretRow], settings: LaneSettings) -> None:
    """Write an endpoint with its first secrets and its lane."""
    session.add(row)
    session.flush()
    session.add_all(secrets)
    # Not as an object: that would read the defaults back, and a driver's datetime has no infinity.
    session.execute(
        insert_into(LaneRow).values(
            organization_id=row.organization_id,
            endpoint_id=row.id,
            opened_at=row.created_at,
            ordering=settings.order.value,
            rate_per_minute=settings.rate_per_minute,
            max_in_flight=settings.max_in_flight,
        )
    )
    session.flush()


def count(session: Session, organization_id: UUID) -> int:
    """Return how many endpoints the organization has; who counts next waits for the end of this transaction."""
    session.execute(_TAKE_TURNS, {"organization_id": organization_id})
    return int(session.execute(_COUNT).scalar_one())


def mark_verified(session: Session, organization_id: UUID, endpoint_id: UUID, url: str, now: datetime) -> None:
    """Remember that the address *url* of an endpoint, whose lane is locked, answered a ping."""
    session.execute(_VERIFIED, {"organization_id": organization_id, "endpoint_id": endpoint_id, "url": url, "now": now})


def retry(
    session: Session, endpoint_id: UUID, delivery_ids: Sequence[UUID], *, now: datetime, expires_after: timedelta
) -> list[UUID]:
    """Make deliveries of a locked lane due now, with their whole schedule before them; return which.

    What is in flight, or belongs to a deleted endpoint, stays as it is.
    """
    values = {"endpoint_id": endpoint_id, "ids": list(delivery_ids), "now": now, "expires_after": expires_after}
    return list(session.execute(_RETRY, values).scalars())
