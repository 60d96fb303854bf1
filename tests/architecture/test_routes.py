"""Every route is guarded or known to be public, and documented; each rule notices one that is not."""

import pytest
from flask import Flask
from flask.views import MethodView

from api.app import create_app
from api.auth import public
from psms.settings import Settings
from tests.architecture import route_rules as rules
from workflows.boot import runtime_for


@pytest.fixture(scope="module")
def app():
    env = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", "REDIS_URL": "redis://127.0.0.1:1/0"}
    return create_app(runtime_for(Settings.from_env(env)))


# What anybody may call. A new one is added here by hand, and so is seen.
PUBLIC = {
    "GET /.well-known/oauth-authorization-server",
    "GET /.well-known/webhook-keys.json",
    "GET /docs",
    "GET /docs/<string:name>",
    "GET /healthz",
    "GET /metrics",
    "GET /openapi.json",
    "GET /readyz",
    "GET /v1/logs/keys",
    "POST /oauth/revoke",
    "POST /oauth/token",
}


def test_a16_every_route_is_guarded_or_says_that_it_is_public(app):
    assert rules.unguarded_routes(app) == []


def test_no_public_route_asks_for_a_permission(app):
    assert rules.guarded_public_routes(app) == []


def test_the_public_routes_are_these(app):
    assert set(rules.public_routes(app)) == PUBLIC


def test_every_route_has_a_docstring(app):
    assert rules.undocumented_routes(app) == []


@pytest.fixture
def sample():
    """A guarded and a public view, one that is neither, and one that is both."""

    class Tickets(MethodView):
        def get(self):
            """List tickets."""

        def post(self):
            """Open a ticket."""

        def delete(self):
            """Delete all tickets."""

    Tickets.get.permission = "ticket.read"  # type: ignore[attr-defined]
    Tickets.delete.permission = "ticket.delete"  # type: ignore[attr-defined]
    Tickets.delete.public = True  # type: ignore[attr-defined]
    app = Flask("sample", static_folder=None)
    app.add_url_rule("/tickets", view_func=Tickets.as_view("tickets"))
    app.add_url_rule("/healthz", "healthz", public(lambda: ""))
    return app


def test_a16_a_route_that_is_neither_guarded_nor_public_is_noticed(sample):
    assert rules.unguarded_routes(sample) == ["POST /tickets: say @requires(…) or @public"]


def test_a_route_that_is_both_is_noticed(sample):
    assert rules.guarded_public_routes(sample) == ["DELETE /tickets: says @public and @requires(…)"]


def test_a_public_route_is_listed(sample):
    assert rules.public_routes(sample) == ["DELETE /tickets", "GET /healthz"]


def test_a_route_without_a_docstring_is_noticed(sample):
    assert rules.undocumented_routes(sample) == ["GET /healthz: give its view a docstring"]
