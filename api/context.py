"""What a view may ask about the request at hand: the Runtime, its id and its caller. `api.auth` finds out who."""

from typing import cast

from flask import current_app, g, request

from psms.domain.access import Actor
from psms.domain.logs import Origin
from psms.runtime import Runtime

EXTENSION = "psms"


def runtime() -> Runtime:
    """Return the Runtime that the application was created with."""
    return cast("Runtime", current_app.extensions[EXTENSION])


def request_id() -> str:
    """Return the id under which this request appears in the logs, the audit trail and its answer."""
    return cast("str", g.get("request_id", ""))


def actor_if_any() -> Actor | None:
    """Return who makes this request, None on a public route."""
    caller: Actor | None = g.get("actor")
    return caller


def origin() -> Origin:
    """Return where this request came from, for entries about callers who are not known yet."""
    return Origin(request_id=request_id(), address=request.remote_addr)
