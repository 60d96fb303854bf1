"""JSON Schemas (2020-12) of the dataclasses that are told and shown. What events look like is in `event_catalogue`."""

from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints
from uuid import UUID

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_PLAIN: Mapping[Any, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    bool: {"type": "boolean"},
    UUID: {"type": "string", "format": "uuid"},
    datetime: {"type": "string", "format": "date-time"},
    Any: {},
}


def object_schema(properties: Mapping[str, Schema], required: Iterable[str] | None = None) -> Schema:
    """Return the schema of an object with *properties*, all of them required where *required* is left out.

    It says nothing of others: what is added later is no breach of it.
    """
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties if required is None else required),
    }


def schema_of(hint: Any) -> Schema:  # noqa: ANN401  # a type hint is any value
    """Return the schema of the JSON that `psms.encoding` makes of a value with this type hint.

    Raises TypeError for a hint that it does not know.
    """
    if hint in _PLAIN:
        return dict(_PLAIN[hint])
    if get_origin(hint) in {Union, UnionType}:
        return nullable(schema_of(_only_option(hint)))
    if get_origin(hint) is list:
        return {"type": "array", "items": schema_of(get_args(hint)[0])}
    if get_origin(hint) is dict:
        return {"type": "object"}
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return {"type": "string", "enum": [one.value for one in hint]}
    if is_dataclass(hint):
        return object_schema(properties_of(hint))
    message = f"there is no JSON Schema for {hint!r}"
    raise TypeError(message)


def properties_of(dataclass: Any) -> dict[str, Schema]:  # noqa: ANN401  # a dataclass is any type
    """Return the schema of each field of a dataclass, in their order."""
    hints = get_type_hints(dataclass)
    return {field.name: schema_of(hints[field.name]) for field in fields(dataclass)}


def nullable(schema: Schema) -> Schema:
    """Return *schema*, with null allowed."""
    if "type" not in schema:
        return schema
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    allowed = {**schema, "type": [*kinds, *({"null"} - set(kinds))]}
    if "enum" in schema:
        allowed["enum"] = [*(value for value in schema["enum"] if value is not None), None]
    return allowed


def _only_option(hint: Any) -> Any:  # noqa: ANN401  # as above
    options = [one for one in get_args(hint) if one is not NoneType]
    if len(options) != 1:
        message = f"there is no JSON Schema for a choice of several: {hint!r}"
        raise TypeError(message)
    return options[0]
