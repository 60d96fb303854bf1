"""Every route is guarded or known to be public, and documented; each rule notices one that is not."""

import pytest
from flask import Flask
from flask.views import MethodView

from api.app import create_app
from api.auth import PUBLIC
from psms.settings import Settings
from tests.architecture import route_rules as rules
from workflows.boot import runtime_for


@pytest.fixture(scope="module")
def app():
    env = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", "REDIS_URL": "redis://127.0.0.1:1/0"}
    return create_app(runtime_for(Settings.from_env(env)))


def test_every_route_is_guarded_or_known_to_be_public(app):
    assert rules.unguarded_routes(app, PUBLIC) == []


def test_no_public_route_asks_for_a_permission(app):
    assert rules.guarded_public_routes(app, PUBLIC) == []


def test_every_public_name_is_a_route(app):
    assert rules.stale_public_names(app, PUBLIC) == []


def test_every_route_has_a_docstring(app):
    assert rules.undocumented_routes(app) == []


@pytest.fixture
def sample():
    """A guarded and a public view, and one that is neither."""

    class Tickets(MethodView):
        def get(self):
            """List tickets."""

        def post(self):
            """Open a ticket."""

    Tickets.get.permission = "ticket.read"  # type: ignore[attr-defined]
    app = Flask("sample", static_folder=None)
    app.add_url_rule("/tickets", view_func=Tickets.as_view("tickets"))
    app.add_url_rule("/healthz", "healthz", lambda: "")
    return app


def test_a_route_that_is_neither_guarded_nor_public_is_noticed(sample):
    assert rules.unguarded_routes(sample, frozenset({"healthz"})) == [
        "POST /tickets: neither @requires(…) nor 'tickets' in PUBLIC"
    ]


def test_a_route_that_is_both_is_noticed(sample):
    assert rules.guarded_public_routes(sample, frozenset({"tickets"})) == [
        "GET /tickets: is in PUBLIC and asks for a permission as well"
    ]


def test_a_public_name_without_a_route_is_noticed(sample):
    assert rules.stale_public_names(sample, frozenset({"healthz", "livez"})) == [
        "PUBLIC names 'livez', which is no route"
    ]


def test_a_route_without_a_docstring_is_noticed(sample):
    assert rules.undocumented_routes(sample) == ["GET /healthz: give its view a docstring"]
