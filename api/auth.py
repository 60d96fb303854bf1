"""Who calls and whether they may: the bearer token, the permission of each route, and the mark of routes open to all.

How tokens are issued is in `api.oauth`; what a role may do is in `psms.domain.access`.
"""

import re
from collections.abc import Callable
from typing import Any, TypeVar, cast

from flask import Flask, current_app, g, request

from api import rate_limit
from api.arguments import refuse_query
from api.context import request_id, runtime
from psms.domain.access import Actor, Permission, require
from psms.errors import NotAllowed, NotAuthenticated
from workflows import accounts

_BEARER = re.compile(r"bearer +([A-Za-z0-9._~+/-]+=*)", re.IGNORECASE)

View = TypeVar("View", bound=Callable[..., Any])


def requires(permission: Permission) -> Callable[[View], View]:
    """Say what the caller of a view must be allowed to do; the same mark documents it."""

    def mark(view: View) -> View:
        view.permission = permission  # type: ignore[attr-defined]
        return view

    return mark


def public(view: View) -> View:
    """Say that anybody may call a view: there is no actor in it."""
    view.public = True  # type: ignore[attr-defined]
    return view


def install(app: Flask) -> None:
    """Make *app* admit only those who may, before it looks at anything else of a request."""
    app.before_request(_admit)


def actor() -> Actor:
    """Return who makes this request: known on every route that is not public."""
    return cast("Actor", g.actor)


def _admit() -> None:
    if request.endpoint is None:
        # Routing itself answers, with 404 or 405.
        rate_limit.admit_anonymous()
        return
    view = current_app.view_functions[request.endpoint]
    if getattr(view, "public", False):
        rate_limit.admit_anonymous()
        return
    permission: Permission | None = getattr(view, "permission", None)
    if permission is None:
        raise NotAllowed("This address is open to nobody: it does not say which permission it needs.")
    g.permission = permission
    g.actor = _caller()
    rate_limit.admit(g.actor)
    require(g.actor, permission)
    if request.query_string and not getattr(view, "reads_query", False):
        refuse_query(request)


def _caller() -> Actor:
    rate_limit.check_address()
    try:
        return accounts.authenticate(runtime(), _bearer_token(), request_id(), request.remote_addr)
    except NotAuthenticated:
        rate_limit.charge_address()
        raise


def _bearer_token() -> str:
    # Only the header: a token in an address would end up in logs and histories (RFC 9700 section 4.3.2).
    match = _BEARER.fullmatch(request.headers.get("Authorization", "").strip())
    if match is None:
        raise NotAuthenticated
    return match[1]
