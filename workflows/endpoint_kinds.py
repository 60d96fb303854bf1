"""What the kind of an endpoint asks for and forbids; registering and editing endpoints is in `endpoints`."""

from typing import Any

from psms.db.models.webhooks import EndpointRow
from psms.domain.event_selection import selected_types
from psms.domain.events import PAGE_EVENTS
from psms.domain.paging import ENQUEUE_URL, ROUTING_KEY
from psms.domain.webhooks import EndpointKind, NewEndpoint
from psms.errors import FieldError

_FOR_PAGERDUTY = sorted(event.value for event in PAGE_EVENTS)
_NOT_A_KEY = "Give the integration key of PagerDuty: 32 letters and digits."


def url_of(command: NewEndpoint) -> str:
    """Return the address of a new endpoint; raises FieldError where none is given or the key does not fit the kind."""
    if command.kind is EndpointKind.PAGERDUTY:
        _require_key(command.routing_key or "")
        return command.url or ENQUEUE_URL
    if command.routing_key is not None:
        raise FieldError("routing_key", "Only an endpoint of the kind pagerduty has one.")
    if command.url is None:
        raise FieldError("url", "Missing data for required field.")
    return command.url


def event_types_of(kind: str, wanted: tuple[str, ...] | list[str] | None) -> list[str] | None:
    """Return which events an endpoint receives, as they are stored; PagerDuty is told of pages only.

    Raises FieldError.
    """
    if kind != EndpointKind.PAGERDUTY:
        return None if wanted is None else sorted(set(wanted))
    named = selected_types(wanted or ())
    if not named <= set(_FOR_PAGERDUTY):
        raise FieldError("event_types", f"PagerDuty is told of these only: {', '.join(_FOR_PAGERDUTY)}.")
    return sorted(named) if wanted else _FOR_PAGERDUTY


def take_key(row: EndpointRow, fields: dict[str, Any]) -> str | None:
    """Take a new routing key out of the *fields* of an edit, None where there is none; raises FieldError.

    Who moves an endpoint of PagerDuty gives its key again: otherwise anybody who may edit it could have the key,
    which nobody is shown, sent to an address of their own.
    """
    if "routing_key" not in fields:
        if row.kind == EndpointKind.PAGERDUTY and fields.get("url", row.url) != row.url:
            raise FieldError("routing_key", "Give the key too: it will be sent to the new url.")
        return None
    if row.kind != EndpointKind.PAGERDUTY:
        raise FieldError("routing_key", "Only an endpoint of the kind pagerduty has one.")
    key: str = fields.pop("routing_key")
    _require_key(key)
    return key


def _require_key(key: str) -> None:
    if not ROUTING_KEY.fullmatch(key):
        raise FieldError("routing_key", _NOT_A_KEY)
