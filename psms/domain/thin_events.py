"""The thin form of an event whose body would be too long: what is long is left out, and the event is sent all the same.

When a body is too long is the decision of `workflows.event_bodies`.
"""

import json
from typing import Any, Final

MOST_BODY_BYTES: Final = 256 * 1024
"""A longer body is never sent."""
LONGEST_VALUE_BYTES: Final = 2048
"""A value that is longer, as JSON, is left out of the thin form."""


def thin_form(event: dict[str, Any], data_url: str) -> dict[str, Any]:
    """Return the thin form of an event's body, both as JSON values; *data_url* is where the ticket can be read.

    Of the ticket and of a comment long values are left out; a change with a long value keeps its name. Everything
    else is as it was, in the same order: of each object only so much that code which reads the whole form can go on.
    """
    return {**event, "data": _thin_data(event["data"]), "truncated": True, "data_url": data_url}


def _thin_data(data: dict[str, Any]) -> dict[str, Any]:
    thin = dict(data)
    thin["ticket"] = _without_long(data["ticket"])
    if data.get("comment") is not None:
        thin["comment"] = _without_long(data["comment"])
    if "changes" in data:
        thin["changes"] = {name: _thin_change(change) for name, change in data["changes"].items()}
    return thin


def _thin_change(change: dict[str, Any]) -> dict[str, Any]:
    return {"before": None, "after": None, "truncated": True} if _is_long(change) else change


def _without_long(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if not _is_long(value)}


def _is_long(value: Any) -> bool:  # noqa: ANN401  # JSON is any value
    return len(json.dumps(value, ensure_ascii=False).encode()) > LONGEST_VALUE_BYTES
