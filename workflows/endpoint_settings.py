"""Setting how an endpoint wants to be called: its own headers, and its lane's order, rate and width."""

from collections.abc import Mapping
from typing import Any

from psms.adapters.keyring import Keyring
from psms.db.models.webhooks import EndpointRow
from psms.db.queries import lane_settings as lane_rows
from psms.db.queries import orders
from psms.domain.encrypted_columns import ENDPOINT_HEADERS, MASK
from psms.domain.endpoint_settings import ONLY_V1, LaneSettings, Ordering, lane_settings
from psms.domain.partner_headers import checked_headers
from psms.domain.webhooks import EndpointKind
from psms.encoding import json_bytes
from psms.errors import FieldError
from workflows.act import Act

LANE_FIELDS = frozenset({"order", "rate_per_minute", "max_in_flight"})
_ONLY_FOR_PARTNERS = "PagerDuty is called in its own way: leave it out."

Changed = dict[str, tuple[Any, Any]]
"""The fields that changed, each before and after."""


def refuse_for_pagerduty(kind: str, fields: Mapping[str, Any]) -> None:
    """Raise FieldError for what an endpoint of PagerDuty cannot have."""
    if kind != EndpointKind.PAGERDUTY:
        return
    usual = {"headers": {}, "order": Ordering.NONE, "signatures": list(ONLY_V1)}
    for name, value in usual.items():
        if fields.get(name, value) != value:
            raise FieldError(name, _ONLY_FOR_PARTNERS)


def first_lane_settings(kind: str, wanted: Mapping[str, Any]) -> LaneSettings:
    """Return the settings of a new endpoint's lane; raises FieldError."""
    # One after the other: a page must not be called after it was taken back.
    return lane_settings(LaneSettings(), wanted, one_by_one=kind == EndpointKind.PAGERDUTY)


def take_lane_settings(act: Act, row: EndpointRow, fields: dict[str, Any]) -> Changed:
    """Take those of the lane out of the *fields* of an edit, set them, and return what changed; raises FieldError."""
    wanted = {name: fields.pop(name) for name in LANE_FIELDS & fields.keys()}
    if not wanted:
        return {}
    before = lane_rows.settings_of(act.session, act.organization_id, row.id)
    after = lane_settings(before, wanted, one_by_one=row.kind == EndpointKind.PAGERDUTY)
    changed = {
        name: (getattr(before, name), getattr(after, name))
        for name in sorted(LANE_FIELDS)
        if getattr(before, name) != getattr(after, name)
    }
    if changed:
        lane_rows.set_settings(act.session, act.organization_id, row.id, after, act.now)
    if "order" in changed:
        orders.set_ordering(act.session, act.organization_id, row.id, after.order, act.now)
    return changed


def set_headers(row: EndpointRow, keys: Keyring, headers: Mapping[str, str]) -> Changed:
    """Set the partner's own headers, all of them, and return what changed, without any value; raises FieldError."""
    before, checked = row.header_names, checked_headers(headers)
    if not before and not checked:
        return {}
    row.header_names = list(checked)
    row.headers_encrypted = keys.encrypt(ENDPOINT_HEADERS, row.id, json_bytes(checked)) if checked else None
    # Whether a value is another one is nobody's business.
    return {"headers": (dict.fromkeys(before, MASK), dict.fromkeys(checked, MASK))}


def require_headers_again(row: EndpointRow, fields: Mapping[str, Any]) -> None:
    """Raise FieldError where an endpoint is moved and its headers were not given again.

    Otherwise anybody who may edit it could have credentials, which nobody is shown, sent to an address of their own.
    """
    if row.header_names and "headers" not in fields and fields.get("url", row.url) != row.url:
        raise FieldError("headers", "Give the headers too, {} for none: they will be sent to the new url.")
