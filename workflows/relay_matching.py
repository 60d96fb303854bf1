"""Which endpoints want which events: by the types that they chose, and by what their filters ask of the body.

A step of the relay. Bodies are read only for events of a type that an endpoint with a filter chose.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from psms.db.direct import Record
from psms.db.queries import outbox
from psms.domain.event_filters import Filter, filter_of, wants
from psms.domain.event_selection import is_selected
from psms.encoding import json_value
from psms.errors import FieldError
from psms.telemetry import logger

# Bodies that are in memory at once; each has at most 256 KiB.
_BODIES = 50

log = logger(__name__)

Wanting = dict[int, frozenset[UUID]]
"""The ids of the endpoints that want an event, by the event's position in the outbox."""


def wanting(session: Session, organization_id: UUID, rows: Sequence[Record], endpoints: Sequence[Record]) -> Wanting:
    """Return who of an organization's *endpoints* wants which of the outbox's *rows*.

    A filter that cannot be read, or fails on a body, keeps nothing from its endpoint: too much can be thrown away by
    the partner, too little cannot be asked for.
    """
    of_type = {name: _selecting(name, endpoints) for name in {row.event_type for row in rows}}
    named = frozenset(one.id for one in endpoints if one.event_types is not None)
    found = {row.position: _of_its_type(row, of_type[row.event_type], named) for row in rows}
    filters = {one.id: asked for one in endpoints if (asked := _filter_of(one)) is not None}
    asking = [row for row in rows if row.endpoint_id is None and not filters.keys().isdisjoint(found[row.position])]
    for start in range(0, len(asking), _BODIES):
        part = asking[start : start + _BODIES]
        bodies = outbox.bodies(session, organization_id, [row.event_id for row in part])
        for row in part:
            its = {one: filters[one] for one in found[row.position] & filters.keys()}
            found[row.position] -= _refused(row.event_id, bodies.get(row.event_id), its)
    return found


def _selecting(event_type: str, endpoints: Sequence[Record]) -> frozenset[UUID]:
    return frozenset(one.id for one in endpoints if is_selected(event_type, one.event_types))


def passing(session: Session, organization_id: UUID, endpoint: Record, event_ids: Sequence[UUID]) -> frozenset[UUID]:
    """Return those of some events that the filter of one endpoint lets pass, as `wanting` would."""
    asked = _filter_of(endpoint)
    if asked is None:
        return frozenset(event_ids)
    found: set[UUID] = set()
    for start in range(0, len(event_ids), _BODIES):
        part = list(event_ids[start : start + _BODIES])
        bodies = outbox.bodies(session, organization_id, part)
        found |= {one for one in part if not _refused(one, bodies.get(one), {endpoint.id: asked})}
    return frozenset(found)


def _of_its_type(row: Record, selecting: frozenset[UUID], named: frozenset[UUID]) -> frozenset[UUID]:
    if row.endpoint_id is not None:
        return frozenset({row.endpoint_id})
    if row.except_endpoint_id is not None:
        # How one fares is told to others alone, and of these to none that did not ask for it by name.
        return selecting & named - {row.except_endpoint_id}
    return selecting


def _filter_of(endpoint: Record) -> Filter | None:
    if endpoint.event_filter is None:
        return None
    try:
        return filter_of(endpoint.event_filter)
    except FieldError as problem:
        log.warning("event_filter_not_read", endpoint_id=str(endpoint.id), problem=problem.detail)
        return None


def _refused(event_id: UUID, body: bytes | None, filters: Mapping[UUID, Filter]) -> frozenset[UUID]:
    """Return the endpoints whose filters refuse the event."""
    try:
        event: dict[str, Any] = json_value(body or b"")
        return frozenset(one for one, asked in filters.items() if not wants(asked, event))
    except Exception:
        log.exception("event_not_filtered", event_id=str(event_id))
        return frozenset()
