"""House rules over the routes of the API: each returns a sentence for every breach."""

from collections.abc import Callable, Iterator
from typing import Any

from flask import Flask

_AUTOMATIC = {"HEAD", "OPTIONS"}


def unguarded_routes(app: Flask, public: frozenset[str]) -> list[str]:
    """Every route asks for a permission, or is named as one that anybody may call."""
    return [
        f"{method} {rule}: neither @requires(…) nor {endpoint!r} in PUBLIC"
        for method, rule, endpoint, view in _routes(app)
        if endpoint not in public and getattr(view, "permission", None) is None
    ]


def guarded_public_routes(app: Flask, public: frozenset[str]) -> list[str]:
    """A route is public or guarded; one that says both says nothing."""
    return [
        f"{method} {rule}: is in PUBLIC and asks for a permission as well"
        for method, rule, endpoint, view in _routes(app)
        if endpoint in public and getattr(view, "permission", None) is not None
    ]


def stale_public_names(app: Flask, public: frozenset[str]) -> list[str]:
    """PUBLIC names routes that exist, so that a new route cannot be public by an old name."""
    return [f"PUBLIC names {name!r}, which is no route" for name in sorted(public - set(app.view_functions))]


def undocumented_routes(app: Flask) -> list[str]:
    """A view's docstring is its summary in the OpenAPI document."""
    return [
        f"{method} {rule}: give its view a docstring"
        for method, rule, _, view in _routes(app)
        if not (view.__doc__ or "").strip()
    ]


def _routes(app: Flask) -> Iterator[tuple[str, str, str, Callable[..., Any]]]:
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        for method in sorted((rule.methods or set()) - _AUTOMATIC):
            views = getattr(view, "view_class", None)
            yield method, rule.rule, rule.endpoint, getattr(views, method.lower(), view)
