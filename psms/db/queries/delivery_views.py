"""Deliveries and attempts as people and partners look back at them, inside one organization. Nothing is written here.

Whatever is asked for, a page looks at 5,000 deliveries at the most. It goes by their sequence, and where times are
asked for by the ids of their events, which begin with the instant at which they happened; for both there is an index.
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from psms.db.models.events import EventRow
from psms.db.models.webhooks import AttemptRow, DeliveryRow, EndpointRow
from psms.db.queries.records import view_of
from psms.domain.deliveries import Attempt, AttemptRequest, AttemptResponse, Delivery, DeliveryFilter
from psms.domain.pages import Page, PageRequest, page_of
from psms.domain.webhooks import DeliveryState, EndpointState
from psms.errors import CursorInvalid, NotFound
from psms.ids import first_id_of

LOOKED_AT = 5000
_MILLISECOND = timedelta(milliseconds=1)


def list_page(session: Session, endpoint: EndpointRow, page: PageRequest, wanted: DeliveryFilter) -> Page[Delivery]:
    """Return one page of an endpoint's deliveries, newest first.

    A page may be short, or empty, and have another one after it: what few of them meet is looked for in pieces.
    Raises CursorInvalid where the delivery after which it begins was removed meanwhile.
    """
    stored = None if wanted.state is None else _stored(wanted.state, endpoint.state)
    if wanted.state is not None and stored is None:
        return Page(items=[], next_after=None)
    window = window_of(endpoint.id, page.after, wanted, stored)
    looked_at = aliased(DeliveryRow, window.limit(LOOKED_AT).subquery())
    rows = session.scalars(
        select(looked_at)
        .where(*_conditions(looked_at, wanted, stored))
        .order_by(_place(wanted, looked_at).desc())
        .limit(page.limit + 1)
    )
    found = page_of([_shown(row, endpoint.state) for row in rows], page.limit)
    if found.next_after is not None:
        return found
    last_looked_at = session.scalars(window.offset(LOOKED_AT - 1).limit(1)).one_or_none()
    if page.after is not None and last_looked_at is None and not found.items:
        _require_there(session, page.after)
    return Page(items=found.items, next_after=None if last_looked_at is None else last_looked_at.id)


def _require_there(session: Session, delivery_id: UUID) -> None:
    # After what is gone nothing comes, which would pass for the end of the list.
    if session.scalars(select(DeliveryRow.id).where(DeliveryRow.id == delivery_id)).one_or_none() is None:
        raise CursorInvalid


def window_of(
    endpoint_id: UUID, after: UUID | None, wanted: DeliveryFilter, stored: DeliveryState | None
) -> Select[DeliveryRow]:
    """Return the statement for an endpoint's deliveries after *after*, newest first, of which a page is a piece."""
    place = _place(wanted, DeliveryRow)
    statement = select(DeliveryRow).where(DeliveryRow.endpoint_id == endpoint_id).order_by(place.desc())
    if stored is DeliveryState.DEAD:
        # They have an index of their own.
        statement = statement.where(DeliveryRow.state == stored.value)
    if wanted.since is not None:
        statement = statement.where(DeliveryRow.event_id >= first_id_of(wanted.since))
    if wanted.until is not None:
        statement = statement.where(DeliveryRow.event_id < first_id_of(wanted.until + _MILLISECOND))
    if after is not None:
        statement = statement.where(place < select(place).where(DeliveryRow.id == after).scalar_subquery())
    return statement


def _place(wanted: DeliveryFilter, rows: type[DeliveryRow]) -> InstrumentedAttribute[Any]:
    return rows.sequence if wanted.since is None and wanted.until is None else rows.event_id


def _conditions(
    rows: type[DeliveryRow], wanted: DeliveryFilter, stored: DeliveryState | None
) -> list[ColumnElement[bool]]:
    conditions = []
    if stored is not None:
        conditions.append(rows.state == stored.value)
    if wanted.event_type is not None:
        conditions.append(rows.event_type == wanted.event_type)
    if wanted.since is not None:
        conditions.append(rows.occurred_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(rows.occurred_at < wanted.until)
    if wanted.status_class is not None:
        first = wanted.status_class * 100
        conditions.append(rows.last_status.between(first, first + 99))
    return conditions


def _stored(shown: DeliveryState, endpoint_state: str) -> DeliveryState | None:
    """Return the state under which rows shown as *shown* are stored; None when there can be none."""
    active = endpoint_state == EndpointState.ACTIVE
    if shown is DeliveryState.HELD:
        return None if active else DeliveryState.PENDING
    if shown is DeliveryState.PENDING and not active:
        return None
    return shown


def get(session: Session, endpoint: EndpointRow, delivery_id: UUID) -> Delivery:
    """Return a delivery of an endpoint as it is now, or raise NotFound."""
    statement = (
        select(DeliveryRow)
        .where(DeliveryRow.endpoint_id == endpoint.id, DeliveryRow.id == delivery_id)
        .execution_options(populate_existing=True)
    )
    row = session.scalars(statement).one_or_none()
    if row is None:
        raise NotFound
    return _shown(row, endpoint.state)


def state_shown(stored: str, endpoint_state: str) -> DeliveryState:
    """Return the state of a delivery as it is shown: what is pending for an endpoint that is not active is held."""
    if stored == DeliveryState.PENDING and endpoint_state != EndpointState.ACTIVE:
        return DeliveryState.HELD
    return DeliveryState(stored)


def _shown(row: DeliveryRow, endpoint_state: str) -> Delivery:
    state = state_shown(row.state, endpoint_state)
    waits = state is DeliveryState.PENDING
    return view_of(
        Delivery, row, state=state, attempts=row.tries, next_attempt_at=row.next_attempt_at if waits else None
    )


def body_of(session: Session, event_id: UUID) -> str | None:
    """Return the bytes of an event as the text that they are; None where the event is gone."""
    body = session.scalars(select(EventRow.body).where(EventRow.id == event_id)).one_or_none()
    return None if body is None else body.decode()


def attempts_of(session: Session, delivery_id: UUID) -> list[Attempt]:
    """Return every request made for a delivery, oldest first."""
    rows = session.scalars(select(AttemptRow).where(AttemptRow.delivery_id == delivery_id).order_by(AttemptRow.id))
    return [view_of(Attempt, row, request=_request(row), response=_response(row)) for row in rows]


def _request(row: AttemptRow) -> AttemptRequest | None:
    if row.url is None:
        return None
    return AttemptRequest(method="POST", url=row.url, headers=row.request_headers or {})


def _response(row: AttemptRow) -> AttemptResponse | None:
    if row.status is None:
        return None
    return AttemptResponse(
        status=row.status,
        headers=row.response_headers or {},
        # Partners may answer in whatever bytes they like.
        body=(row.response_body or b"").decode("utf-8", errors="replace"),
        truncated=row.response_truncated,
    )
