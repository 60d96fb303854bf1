"""The JSON Schema (2020-12) of the whole body of each event, envelope and data, derived from what events are made of.

The schemas are open: a partner must pass over members that they do not know, and a member that is added is no new
version. How a schema may change is in `evolution`.
"""

from functools import cache
from typing import Any

from psms.domain.event_catalogue.definitions import CATALOGUE, About, EventDefinition
from psms.domain.event_versions import SCHEMA_VERSION
from psms.domain.events import CommentExcerpt, EndpointHealthData, EndpointPingData, EndpointTestData, EventType
from psms.domain.json_schemas import DIALECT, Schema, nullable, object_schema, properties_of, schema_of
from psms.domain.paging import Page
from psms.domain.sla_standing import SlaNotice
from psms.domain.tickets import Ticket

# Of an endpoint and not of a ticket: these are never long, so they have one form.
_OF_ENDPOINTS = {About.ENDPOINT: EndpointTestData, About.PING: EndpointPingData, About.HEALTH: EndpointHealthData}
# What the thin form always has of them.
_TICKET_AT_LEAST = ("id", "number", "version")
_COMMENT_AT_LEAST = ("id", "author_id", "visibility")

TRUNCATED: Schema = {
    "const": True,
    "description": "There where the whole event would have been too long: values that are long are left out.",
}
DATA_URL: Schema = {"type": "string", "format": "uri", "description": "Where the ticket can be read whole."}


@cache
def _whole(event_type: EventType, version: int) -> Schema:
    definition = CATALOGUE[event_type]
    envelope: dict[str, Schema] = {
        "id": {"type": "string", "format": "uuid", "description": "The webhook-id of every request made for it."},
        "type": {"const": event_type.value},
        "timestamp": {"type": "string", "format": "date-time"},
        "schema_version": {"const": version},
        "data": _data(definition),
    }
    told = {
        "$schema": DIALECT,
        "title": event_type.value,
        "description": definition.description,
        **object_schema(envelope),
    }
    return told if definition.about in _OF_ENDPOINTS else _maybe_thin(told, definition)


def event_schema(event_type: EventType, version: int = SCHEMA_VERSION) -> Schema:
    """Return the schema of an event's body at a version that is offered. It is shared: do not change it."""
    return _whole(event_type, version)


def _data(definition: EventDefinition) -> Schema:
    if definition.about in _OF_ENDPOINTS:
        return schema_of(_OF_ENDPOINTS[definition.about])
    ticket = object_schema(properties_of(Ticket), _TICKET_AT_LEAST)
    actor: dict[str, Any] = {**nullable(schema_of(str)), "format": "uuid", "description": "null: PSMS itself."}
    if definition.about is About.PAGE:
        return object_schema({"ticket": ticket, "actor_id": actor, "page": schema_of(Page)})
    return object_schema(
        {
            "ticket": ticket,
            "sequence": {"type": "integer", "description": "Numbers the ticket's events without a gap."},
            "actor_id": actor,
            "changes": _changes(definition),
            "comment": _comment() if definition.about is About.COMMENT else {"type": "null"},
            "sla": schema_of(SlaNotice) if definition.about is About.SLA else {"type": "null"},
        }
    )


def _changes(definition: EventDefinition) -> Schema:
    changed = {
        name: object_schema(
            {"before": nullable(value), "after": nullable(value), "truncated": TRUNCATED}, ("before", "after")
        )
        for name, value in definition.changes.items()
    }
    return object_schema(changed, ())


def _comment() -> Schema:
    return object_schema(properties_of(CommentExcerpt), _COMMENT_AT_LEAST)


def _maybe_thin(told: Schema, definition: EventDefinition) -> Schema:
    """Return a schema of both forms: what only the thin one may leave out is required of the whole one."""
    whole = {"ticket": {"required": list(properties_of(Ticket))}}
    if definition.about is About.COMMENT:
        whole["comment"] = {"required": list(properties_of(CommentExcerpt))}
    return {
        **told,
        "properties": {**told["properties"], "truncated": TRUNCATED, "data_url": DATA_URL},
        "if": {"required": ["truncated"]},
        "then": {"required": ["data_url"]},
        "else": {"properties": {"data": {"properties": whole}}},
    }
