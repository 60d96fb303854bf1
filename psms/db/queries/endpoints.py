"""Endpoints, their secrets and the history of their deliveries, inside one organization."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import insert as insert_into
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from psms.db.models.webhooks import AttemptRow, DeliveryRow, EndpointRow, LaneRow, SecretRow
from psms.db.queries.records import view_of
from psms.domain.pages import Page, PageRequest, page_of
from psms.domain.webhooks import (
    MOST_COUNTED,
    Attempt,
    Delivery,
    DeliveryState,
    Endpoint,
    EndpointInFull,
    EndpointKind,
    EndpointState,
)
from psms.errors import NotFound

_RETRY = text("""
    UPDATE webhook_deliveries d
    SET state = 'pending', trigger = 'manual', failures = 0, leases_lost = 0, dead_reason = NULL,
        finished_at = NULL, next_attempt_at = :now,
        expires_at = CAST(:now AS timestamptz) + CAST(:expires_after AS interval)
    FROM webhook_endpoints p
    WHERE d.endpoint_id = :endpoint_id AND d.id = ANY (:ids) AND d.state <> 'in_flight'
      AND p.organization_id = d.organization_id AND p.id = d.endpoint_id AND p.state <> 'deleted'
    RETURNING d.id
""")
_HEALTH = text(f"""
    SELECT l.circuit, CASE WHEN l.circuit <> 'closed' AND isfinite(l.probe_at) THEN l.probe_at END AS next_probe_at,
        CASE WHEN :active THEN 0 ELSE LEAST({MOST_COUNTED}, (
            SELECT count(*) FROM (SELECT FROM webhook_deliveries d WHERE d.endpoint_id = :endpoint_id
                AND d.state = 'pending' AND NOT d.behind LIMIT {MOST_COUNTED}) first
        ) + (
            SELECT count(*) FROM (SELECT FROM webhook_deliveries d WHERE d.endpoint_id = :endpoint_id
                AND d.state = 'pending' AND d.behind AND d.order_key IS NOT NULL LIMIT {MOST_COUNTED}) others
        )) END AS held
    FROM webhook_lanes l WHERE l.endpoint_id = :endpoint_id
""")  # noqa: S608  (a constant)
_COUNT = text("SELECT count(*) FROM webhook_endpoints WHERE state <> 'deleted'")

VISIBLE = EndpointRow.state != "deleted"


def endpoint_of(row: EndpointRow) -> Endpoint:
    """Return the endpoint that a row holds."""
    return view_of(Endpoint, row, kind=EndpointKind(row.kind), state=EndpointState(row.state))


def in_full(session: Session, row: EndpointRow) -> EndpointInFull:
    """Return an endpoint and how its lane fares; what is held is counted up to MOST_COUNTED."""
    active = row.state == EndpointState.ACTIVE
    health = session.execute(_HEALTH, {"endpoint_id": row.id, "active": active}).one()
    endpoint = endpoint_of(row)
    return EndpointInFull(
        **{name: getattr(endpoint, name) for name in Endpoint.__slots__},
        circuit=health.circuit,
        next_probe_at=health.next_probe_at,
        held=health.held,
    )


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


def list_deliveries(
    session: Session, endpoint: EndpointRow, page: PageRequest, state: DeliveryState | None
) -> Page[Delivery]:
    """Return one page of an endpoint's deliveries, newest first, by their gapless sequence."""
    statement = select(DeliveryRow).where(DeliveryRow.endpoint_id == endpoint.id)
    if state is not None:
        stored = _stored(state, endpoint.state)
        if stored is None:
            return Page(items=[], next_after=None)
        statement = statement.where(DeliveryRow.state == stored.value)
    if page.after is not None:
        position = select(DeliveryRow.sequence).where(DeliveryRow.id == page.after).scalar_subquery()
        statement = statement.where(DeliveryRow.sequence < position)
    rows = session.scalars(statement.order_by(DeliveryRow.sequence.desc()).limit(page.limit + 1))
    return page_of([_delivery(row, endpoint.state) for row in rows], page.limit)


def get_delivery(session: Session, endpoint: EndpointRow, delivery_id: UUID) -> Delivery:
    """Return a delivery of an endpoint as it is now, or raise NotFound."""
    statement = (
        select(DeliveryRow)
        .where(DeliveryRow.endpoint_id == endpoint.id, DeliveryRow.id == delivery_id)
        .execution_options(populate_existing=True)
    )
    row = session.scalars(statement).one_or_none()
    if row is None:
        raise NotFound
    return _delivery(row, endpoint.state)


def _stored(shown: DeliveryState, endpoint_state: str) -> DeliveryState | None:
    """Return the state under which rows shown as *shown* are stored; None when there can be none."""
    active = endpoint_state == EndpointState.ACTIVE
    if shown is DeliveryState.HELD:
        return None if active else DeliveryState.PENDING
    if shown is DeliveryState.PENDING and not active:
        return None
    return shown


def attempts_of(session: Session, delivery_id: UUID) -> list[Attempt]:
    """Return every request made for a delivery, oldest first."""
    rows = session.scalars(select(AttemptRow).where(AttemptRow.delivery_id == delivery_id).order_by(AttemptRow.id))
    return [view_of(Attempt, row, response_body=_readable(row.response_body)) for row in rows]


def _delivery(row: DeliveryRow, endpoint_state: str) -> Delivery:
    state = DeliveryState(row.state)
    if state is DeliveryState.PENDING and endpoint_state != EndpointState.ACTIVE:
        state = DeliveryState.HELD
    waits = state is DeliveryState.PENDING
    return view_of(
        Delivery, row, state=state, attempts=row.tries, next_attempt_at=row.next_attempt_at if waits else None
    )


def _readable(body: bytes | None) -> str | None:
    return None if body is None else body.decode("utf-8", errors="replace")
