"""House rules over the routes of the API: each returns a sentence for every breach."""

from collections.abc import Callable, Iterator
from typing import Any

from flask import Flask

_AUTOMATIC = {"HEAD", "OPTIONS"}


def unguarded_routes(app: Flask) -> list[str]:
    """Every route asks for a permission, or says itself that anybody may call it."""
    return [
        f"{method} {rule}: say @requires(…) or @public"
        for method, rule, view in _routes(app)
        if not getattr(view, "public", False) and getattr(view, "permission", None) is None
    ]


def guarded_public_routes(app: Flask) -> list[str]:
    """A route is public or guarded; one that says both says nothing."""
    return [
        f"{method} {rule}: says @public and @requires(…)"
        for method, rule, view in _routes(app)
        if getattr(view, "public", False) and getattr(view, "permission", None) is not None
    ]


def public_routes(app: Flask) -> list[str]:
    """The routes that anybody may call."""
    return sorted(f"{method} {rule}" for method, rule, view in _routes(app) if getattr(view, "public", False))


def undocumented_routes(app: Flask) -> list[str]:
    """A view's docstring is its summary in the OpenAPI document."""
    return [
        f"{method} {rule}: give its view a docstring"
        for method, rule, view in _routes(app)
        if not (view.__doc__ or "").strip()
    ]


def _routes(app: Flask) -> Iterator[tuple[str, str, Callable[..., Any]]]:
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        for method in sorted((rule.methods or set()) - _AUTOMATIC):
            views = getattr(view, "view_class", None)
            yield method, rule.rule, getattr(views, method.lower(), view)
