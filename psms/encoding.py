"""JSON text as PSMS writes it: one encoder for answers, events and stored bodies. Clients' JSON is not parsed here."""

from typing import Any

import orjson

# OPT_UTC_Z: the contract says RFC 3339 in UTC with `Z`.
_OPTIONS = orjson.OPT_UTC_Z


def json_bytes(value: object) -> bytes:
    """Return minified UTF-8 JSON of plain values, dataclasses, UUIDs, enums and aware datetimes.

    Field order is kept: a body that is signed must be byte-identical each time it is sent.
    """
    return orjson.dumps(value, option=_OPTIONS)


def json_text(value: object) -> str:
    """Return the same JSON as text, for a `jsonb` parameter."""
    return orjson.dumps(value, option=_OPTIONS).decode()


def json_value(text: bytes) -> Any:  # noqa: ANN401  # JSON is any value
    """Return the value of JSON text that PSMS itself has kept."""
    return orjson.loads(text)
