"""Endpoints, their secrets and the history of their deliveries, inside one organization."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import insert as insert_into
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from psms.db.models.webhooks import AttemptRow, DeliveryRow, EndpointRow, LaneRow, SecretRow
from psms.db.queries.records import view_of
from psms.domain.pages import Page, PageRequest, page_of
from psms.domain.webhooks import (
    Attempt,
    Delivery,
    DeliveryState,
    Endpoint,
    EndpointState,
)
from psms.errors import NotFound

_RESUME = text("""
    UPDATE webhook_deliveries SET state = 'pending', next_attempt_at = :now
    WHERE endpoint_id = :endpoint_id AND state = 'held'
""")
_CANCEL = text("""
    UPDATE webhook_deliveries SET state = 'cancelled', finished_at = :now
    WHERE endpoint_id = :endpoint_id AND state IN ('pending', 'held')
""")
_RETRY = text("""
    UPDATE webhook_deliveries d
    SET state = CASE WHEN p.state = 'active' THEN 'pending' ELSE 'held' END, trigger = 'manual', attempts = 0,
        leases_lost = 0, dead_reason = NULL, finished_at = NULL, next_attempt_at = :now,
        expires_at = CAST(:now AS timestamptz) + CAST(:expires_after AS interval)
    FROM webhook_endpoints p
    WHERE d.endpoint_id = :endpoint_id AND d.id = :delivery_id AND d.state <> 'in_flight'
      AND p.organization_id = d.organization_id AND p.id = d.endpoint_id AND p.state <> 'deleted'
    RETURNING d.id
""")

VISIBLE = EndpointRow.state != "deleted"


def endpoint_of(row: EndpointRow) -> Endpoint:
    """Return the endpoint that a row holds."""
    return view_of(Endpoint, row, state=EndpointState(row.state))


def get(session: Session, endpoint_id: UUID) -> EndpointRow:
    """Return an endpoint that is not deleted, or raise NotFound."""
    row = session.scalars(select(EndpointRow).where(EndpointRow.id == endpoint_id, VISIBLE)).one_or_none()
    if row is None:
        raise NotFound
    return row


def insert(session: Session, row: EndpointRow, secret: SecretRow) -> None:
    """Write an endpoint with its first secret and its lane."""
    session.add(row)
    session.flush()
    session.add(secret)
    # Not as an object: that would read the defaults back, and a driver's datetime has no infinity.
    session.execute(insert_into(LaneRow).values(organization_id=row.organization_id, endpoint_id=row.id))
    session.flush()


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


def release_held(session: Session, endpoint_id: UUID, now: datetime) -> None:
    """Let everything that was held for an endpoint be delivered, oldest first."""
    session.execute(_RESUME, {"endpoint_id": endpoint_id, "now": now})


def cancel_waiting(session: Session, endpoint_id: UUID, now: datetime) -> None:
    """Cancel what waits for an endpoint that is being deleted."""
    session.execute(_CANCEL, {"endpoint_id": endpoint_id, "now": now})


def retry(session: Session, endpoint_id: UUID, delivery_id: UUID, *, now: datetime, expires_after: timedelta) -> bool:
    """Make a delivery due now, with its whole schedule before it; False while it is in flight."""
    values = {
        "endpoint_id": endpoint_id,
        "delivery_id": delivery_id,
        "now": now,
        "expires_after": expires_after,
    }
    return session.execute(_RETRY, values).one_or_none() is not None


def list_deliveries(
    session: Session, endpoint_id: UUID, page: PageRequest, state: DeliveryState | None
) -> Page[Delivery]:
    """Return one page of an endpoint's deliveries, newest first."""
    statement = select(DeliveryRow).where(DeliveryRow.endpoint_id == endpoint_id)
    if state is not None:
        statement = statement.where(DeliveryRow.state == state.value)
    if page.after is not None:
        statement = statement.where(DeliveryRow.id < page.after)
    rows = session.scalars(statement.order_by(DeliveryRow.id.desc()).limit(page.limit + 1))
    return page_of([_delivery(row) for row in rows], page.limit)


def get_delivery(session: Session, endpoint_id: UUID, delivery_id: UUID) -> Delivery:
    """Return a delivery of an endpoint as it is now, or raise NotFound."""
    statement = (
        select(DeliveryRow)
        .where(DeliveryRow.endpoint_id == endpoint_id, DeliveryRow.id == delivery_id)
        .execution_options(populate_existing=True)
    )
    row = session.scalars(statement).one_or_none()
    if row is None:
        raise NotFound
    return _delivery(row)


def attempts_of(session: Session, delivery_id: UUID) -> list[Attempt]:
    """Return every request made for a delivery, oldest first."""
    rows = session.scalars(select(AttemptRow).where(AttemptRow.delivery_id == delivery_id).order_by(AttemptRow.id))
    return [view_of(Attempt, row, response_body=_readable(row.response_body)) for row in rows]


def _delivery(row: DeliveryRow) -> Delivery:
    waits = row.state == DeliveryState.PENDING
    return view_of(
        Delivery,
        row,
        state=DeliveryState(row.state),
        next_attempt_at=row.next_attempt_at if waits else None,
    )


def _readable(body: bytes | None) -> str | None:
    return None if body is None else body.decode("utf-8", errors="replace")
