"""Endpoints and their secrets, inside one organization. What was sent to them is in `delivery_views`."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import insert as insert_into
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from psms.db.models.webhooks import EndpointRow, LaneRow, SecretRow
from psms.db.queries.records import view_of
from psms.domain.webhooks import Endpoint, EndpointKind, EndpointState
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

VISIBLE = EndpointRow.state != "deleted"


def endpoint_of(row: EndpointRow) -> Endpoint:
    """Return the endpoint that a row holds."""
    return view_of(Endpoint, row, kind=EndpointKind(row.kind), state=EndpointState(row.state))


def get(session: Session, endpoint_id: UUID) -> EndpointRow:
    """Return an endpoint that is not deleted, or raise NotFound."""
    row = session.scalars(select(EndpointRow).where(EndpointRow.id == endpoint_id, VISIBLE)).one_or_none()
    if row is None:
        raise NotFound
    return row


def visible(session: Session) -> Sequence[EndpointRow]:
    """Return all endpoints that are not deleted."""
    return session.scalars(select(EndpointRow).where(VISIBLE).order_by(EndpointRow.id)).all()


def insert(session: Session, row: EndpointRow, secret: SecretRow) -> None:
    """Write an endpoint with its first secret and its lane."""
    values = {"organization_id": row.organization_id, "endpoint_id": row.id, "opened_at": row.created_at}
    if row.kind == EndpointKind.PAGERDUTY:
        # One after the other: a page must not be called after it was taken back.
        values["max_in_flight"] = 1
    session.add(row)
    session.flush()
    session.add(secret)
    # Not as an object: that would read the defaults back, and a driver's datetime has no infinity.
    session.execute(insert_into(LaneRow).values(**values))
    session.flush()


def current_secret(session: Session, endpoint_id: UUID) -> SecretRow:
    """Return the one secret of an endpoint that has no expiry."""
    return session.scalars(
        select(SecretRow).where(SecretRow.endpoint_id == endpoint_id, SecretRow.expires_at.is_(None))
    ).one()


def add_secret(session: Session, secret: SecretRow, overlap: timedelta) -> datetime:
    """Make *secret* the current one; the former stay valid for *overlap* more, and until when is returned."""
    until = secret.created_at + overlap
    session.execute(
        update(SecretRow)
        .where(SecretRow.endpoint_id == secret.endpoint_id, SecretRow.expires_at.is_(None))
        .values(expires_at=until),
        execution_options={"synchronize_session": False},
    )
    session.add(secret)
    session.flush()
    return until


def live_secrets(session: Session, endpoint_id: UUID, now: datetime) -> int:
    """Return how many secrets sign now."""
    rows = session.scalars(select(SecretRow).where(SecretRow.endpoint_id == endpoint_id))
    return sum(1 for row in rows if row.expires_at is None or row.expires_at > now)


def count(session: Session) -> int:
    """Return how many endpoints the organization has."""
    return int(session.execute(_COUNT).scalar_one())


def retry(
    session: Session, endpoint_id: UUID, delivery_ids: Sequence[UUID], *, now: datetime, expires_after: timedelta
) -> list[UUID]:
    """Make deliveries of a locked lane due now, with their whole schedule before them; return which.

    What is in flight, or belongs to a deleted endpoint, stays as it is.
    """
    values = {"endpoint_id": endpoint_id, "ids": list(delivery_ids), "now": now, "expires_after": expires_after}
    return list(session.execute(_RETRY, values).scalars())
