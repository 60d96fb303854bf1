"""The `webhooks` of the OpenAPI document (3.1): each event as the request that a partner's endpoint gets.

The catalogue itself is in `psms.domain.event_catalogue`; routes of our own are not described here.
"""

from typing import Any

from psms.domain.event_catalogue.definitions import CATALOGUE, EventDefinition
from psms.domain.event_catalogue.examples import example_of
from psms.domain.event_catalogue.schemas import event_schema
from psms.encoding import json_bytes, json_value

Doc = dict[str, Any]

_TICKET = "EventTicket"
_HEADERS = {
    "webhook-id": "The id of the event; the same at every try.",
    "webhook-timestamp": "The instant of this try, in seconds since 1970.",
    "webhook-signature": "One signature for each secret that is valid, with spaces between them (Standard Webhooks).",
}


def with_webhooks(document: Doc) -> Doc:
    """Return an OpenAPI document with all events in it."""
    components = {**document["components"], "schemas": {**document["components"]["schemas"]}}
    webhooks = {one.type.value: {"post": _operation(one, components["schemas"])} for one in CATALOGUE.values()}
    return {**document, "components": components, "webhooks": webhooks}


def _operation(one: EventDefinition, schemas: Doc) -> Doc:
    body = {"schema": _shared(event_schema(one.type), schemas), "example": json_value(json_bytes(example_of(one.type)))}
    return {
        "operationId": f"receive {one.type.value}",
        "summary": one.description,
        "parameters": [
            {"in": "header", "name": name, "description": words, "required": True, "schema": {"type": "string"}}
            for name, words in _HEADERS.items()
        ],
        "requestBody": {"required": True, "content": {"application/json": body}},
        "responses": {"2XX": {"description": "Delivered."}, "default": {"description": "Tried again later."}},
    }


def _shared(schema: Doc, schemas: Doc) -> Doc:
    """Return *schema* with its ticket as a reference: it is the same in all of them, and long."""
    data = schema["properties"]["data"]
    if "ticket" not in data["properties"]:
        return schema
    schemas[_TICKET] = data["properties"]["ticket"]
    ticket = {"$ref": f"#/components/schemas/{_TICKET}"}
    data = {**data, "properties": {**data["properties"], "ticket": ticket}}
    return {**schema, "properties": {**schema["properties"], "data": data}}
