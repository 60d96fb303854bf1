"""A16: a route that says no permission opens to nobody, wherever PSMS runs, and makes the tests fail."""

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from flask.views import MethodView

from api.app import create_app
from psms.domain.access import Role
from psms.settings import Environment
from tests.support.tenants import add_caller

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("api", "psms", "workflows", "tests", "docs", "migrations", "pyproject.toml")
FORGOTTEN = '''

@blp.route("/forgotten", methods=["GET"])
def forgotten() -> Response:
    """Show what nobody thought of."""
    return Response("open to the world")
'''


@pytest.fixture(params=Environment)
def app(request, rt):
    """The application as it is served in each environment, with routes that have no declaration; and what they did."""
    settings = replace(rt.settings, environment=request.param)
    app = create_app(replace(rt, settings=settings))
    done: list[str] = []

    class HalfDeclared(MethodView):
        """Declares what reading needs, and forgets about writing."""

        def get(self):
            done.append("get")
            return "open to the world"

        def post(self):
            done.append("post")
            return "open to the world"

    HalfDeclared.get.permission = "ticket.read"  # type: ignore[attr-defined]

    def function():
        done.append("function")
        return "open to the world"

    for method in ("GET", "POST", "PATCH", "DELETE"):
        app.add_url_rule("/v1/forgotten", f"forgotten_{method}", function, methods=[method])
    app.add_url_rule("/v1/half", view_func=HalfDeclared.as_view("half"))
    return app, done


ROUTES = [
    *((method, "/v1/forgotten") for method in ("GET", "HEAD", "POST", "PATCH", "DELETE")),
    *((method, "/v1/half") for method in ("GET", "HEAD", "POST")),
]


def test_a16_a_route_without_a_declaration_is_403_for_everybody_everywhere(app, rt, demo, snapshot):
    served, done = app
    assert isinstance(served, Flask)
    tokens = [add_caller(rt, demo.organization_id, role).token for role in Role]
    before = snapshot()
    for method, path in ROUTES:
        for authorization in ({}, {"Authorization": "Bearer x"}, *({"Authorization": f"Bearer {t}"} for t in tokens)):
            answer = served.test_client().open(path, method=method, headers=authorization)
            assert answer.status_code == 403, (method, path, authorization)
            assert b"world" not in answer.data

    assert done == []
    assert snapshot() == before


@pytest.fixture
def copy(tmp_path):
    """A copy of the project, to be spoilt; as it is, it keeps the rules, as `test_routes` finds."""
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, tmp_path / part)
    return tmp_path


def the_rules_over(copy):
    command = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/architecture/test_routes.py")
    return subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False, timeout=100)


def test_a16_the_suite_fails_when_a_route_has_no_declaration(copy):
    with (copy / "api/resources/services.py").open("a", encoding="utf-8") as module:
        module.write(FORGOTTEN)

    spoilt = the_rules_over(copy)

    assert spoilt.returncode == 1
    assert "GET /v1/services/forgotten: say @requires(…) or @public" in spoilt.stdout
