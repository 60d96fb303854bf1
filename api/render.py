"""Answers: what a workflow returned, in the form that is for the caller, as JSON with its headers.

Errors are in `api.errors`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from flask import Response

from api.context import actor_if_any, runtime
from api.idempotency import REPLAYED_HEADER
from api.pagination import encode_cursor, sealing_key
from api.preconditions import etag_of, is_not_modified
from psms.domain.access import Actor
from psms.domain.answers import Created
from psms.domain.disclosure import OwnKeys, disclosed, disclosed_items
from psms.domain.pages import Page
from psms.encoding import json_bytes
from workflows.ticket_forms import own_keys

_JSON = "application/json"


class Versioned(Protocol):
    """A resource that counts its changes."""

    @property
    def version(self) -> int:
        """The number of the last change."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listed:
    items: Sequence[object]
    next_cursor: str | None


def shown(value: object) -> Response:
    """Return 200 with *value*, which has no version."""
    return Response(json_bytes(_for_caller(value)), content_type=_JSON)


def current(resource: Versioned) -> Response:
    """Return 200 with *resource* and its ETag."""
    body = json_bytes(_for_caller(resource))
    return Response(body, content_type=_JSON, headers={"ETag": etag_of(resource.version)})


def current_unless_known(resource: Versioned) -> Response:
    """Return as `current`, or 304 to a reader who names this version in If-None-Match."""
    if is_not_modified(resource.version):
        return Response(status=304, headers={"ETag": etag_of(resource.version)})
    return current(resource)


def created(answer: Created) -> Response:
    """Return 201 with what was created, now or by an earlier request with the same Idempotency-Key."""
    headers = {"Location": answer.location}
    if answer.version is not None:
        headers["ETag"] = etag_of(answer.version)
    if answer.replayed:
        headers[REPLAYED_HEADER] = "true"
    return Response(answer.body, status=201, content_type=_JSON, headers=headers)


def done(answer: Created) -> Response:
    """Return 200 with what was done, now or by an earlier request with the same Idempotency-Key."""
    headers = {REPLAYED_HEADER: "true"} if answer.replayed else {}
    return Response(answer.body, content_type=_JSON, headers=headers)


def listed(page: Page[Any]) -> Response:
    """Return 200 with one page and the cursor of the next."""
    following = None if page.next_after is None else encode_cursor(page.next_after, sealing_key())
    caller = actor_if_any()
    items = page.items if caller is None else disclosed_items(caller, page.items, _own_keys(caller, page.items))
    return Response(json_bytes(_Listed(items=items, next_cursor=following)), content_type=_JSON)


def removed() -> Response:
    """Return 204: it is gone."""
    return Response(status=204)


def _for_caller(resource: object) -> object:
    # Here, for every answer: a view cannot forget it.
    caller = actor_if_any()
    return resource if caller is None else disclosed(caller, resource, _own_keys(caller, [resource]))


def _own_keys(caller: Actor, resources: Sequence[object]) -> OwnKeys:
    return own_keys(runtime(), caller, resources) if caller.is_requester else {}
