"""The product without its guards, for granian to serve: all of them, or row-level security alone. For measuring alone.

It is given the tables' owner, whom row-level security does not bind while a measurement says so.
"""

import os
from collections.abc import Callable
from typing import Any

from flask import Flask, g

from api.app import create_app
from psms.runtime import Runtime
from psms.settings import Settings
from psms.telemetry import set_up_logs
from workflows import accounts
from workflows.boot import runtime_for

_GUARD = "api.auth"
_LOG = "api.access_log"


def unguarded() -> Flask:
    """Return the application of this process: one caller who may do everything, no rates, no request log."""
    return make_app(runtime_for(Settings.from_env()), os.environ["BENCH_TOKEN"])


def unwalled() -> Flask:
    """Return the product as it is, but for the role that it has in the database."""
    set_up_logs(as_json=True, service="api")
    return create_app(runtime_for(Settings.from_env()))


def make_app(rt: Runtime, token: str) -> Flask:
    """Return the application that serves *rt*, in which everybody is the holder of *token*."""
    actor = accounts.authenticate(rt, token, "bench")
    app = create_app(rt)
    before = app.before_request_funcs[None]
    after = app.after_request_funcs[None]
    admitting = [place for place, function in enumerate(before) if _is_of(function, _GUARD)]
    logging = [place for place, function in enumerate(after) if _is_of(function, _LOG)]
    assert (len(admitting), len(logging)) == (1, 1), "the guards have moved"

    def let_in() -> None:
        g.actor = actor

    before[admitting[0]] = let_in
    del after[logging[0]]
    return app


def _is_of(function: Callable[..., Any], module: str) -> bool:
    return function.__module__ == module
