"""The catalogue as the API and the page of events show it."""

from dataclasses import dataclass
from typing import Any

from psms.domain.event_catalogue.definitions import CATALOGUE, OFFERED_VERSIONS, SUBSCRIBABLE, EventDefinition
from psms.domain.event_catalogue.examples import example_of
from psms.domain.event_catalogue.schemas import event_schema
from psms.domain.events import Envelope, EventType
from psms.domain.json_schemas import Schema


@dataclass(frozen=True, slots=True, kw_only=True)
class EventTypeView:
    """One type of event: *subscribable* unless it is sent only when asked for."""

    type: EventType
    group: str
    description: str
    schema_version: int
    subscribable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EventTypeInFull:
    """One type of event with the JSON Schema of its whole body and an example of one."""

    type: EventType
    group: str
    description: str
    schema_version: int
    subscribable: bool
    schema: Schema
    example: Envelope


@dataclass(frozen=True, slots=True, kw_only=True)
class EventTypes:
    """All types of events, always on one page, and the versions of schemas that an endpoint may ask for."""

    items: list[EventTypeView]
    next_cursor: None
    schema_versions: list[int]


def event_types() -> EventTypes:
    """Return the whole catalogue, without schemas and examples."""
    items = [EventTypeView(**_shown(one)) for one in CATALOGUE.values()]
    return EventTypes(items=items, next_cursor=None, schema_versions=list(OFFERED_VERSIONS))


def event_type_in_full(event_type: EventType) -> EventTypeInFull:
    """Return one type of event with its schema and an example."""
    shown = _shown(CATALOGUE[event_type])
    return EventTypeInFull(**shown, schema=event_schema(event_type), example=example_of(event_type))


def _shown(one: EventDefinition) -> dict[str, Any]:
    return {
        "type": one.type,
        "group": one.group,
        "description": one.description,
        "schema_version": OFFERED_VERSIONS[-1],
        "subscribable": one.type.value in SUBSCRIBABLE,
    }
