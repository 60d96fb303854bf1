"""A61: schemathesis against the real server as admin, agent, requester and nobody, with every check that can hold.

The long form, with `--soak`, tries all phases and many more requests.
"""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typing_extensions import override

from psms.domain.access import Role
from tests.api.standing import runtime_on
from tests.support.api_process import running_api
from tests.support.databases import fresh_database
from tests.support.tenants import add_caller, make_tenant

PROGRAM = str(Path(sys.executable).with_name("st"))
# What the document cannot say: that an id exists, or that a version is the current one.
NOT_CHECKED = "positive_data_acceptance"
pytestmark = pytest.mark.timeout(3600)
CALLERS = [Role.ADMIN, Role.AGENT, Role.REQUESTER, None]
_SHORT: dict[Role | None, tuple[str, ...]] = {
    Role.AGENT: ("POST", "PUT"),
    Role.REQUESTER: ("PATCH", "DELETE"),
    None: ("GET",),
}


@pytest.fixture(scope="module")
def api(postgres, tmp_path_factory):
    with fresh_database(postgres) as database:
        with runtime_on(database) as rt:
            tenant = make_tenant(rt)
            tokens: dict[Role | None, str | None] = {None: None}
            tokens |= {role: add_caller(rt, tenant.organization_id, role).token for role in CALLERS if role}
        with running_api(database, tmp_path_factory.mktemp("api")) as running:
            yield running, tokens


@pytest.fixture
def effort(request, caller) -> list[str]:
    if request.config.getoption("soak"):
        return ["--phases", "examples,coverage,fuzzing,stateful", "--max-examples", "100"]
    # An admin reaches the most, and what they made and deleted is used again; the others try a part each.
    phases = "fuzzing,stateful" if caller is Role.ADMIN else "fuzzing"
    only = [word for method in _SHORT.get(caller, ()) for word in ("--include-method", method)]
    return ["--phases", phases, "--max-examples", "1", "--seed", "1", *only]


def fuzzed(address: str, token: str | None, effort: list[str], directory: Path) -> subprocess.CompletedProcess[str]:
    """Run schemathesis on the API that *address* documents."""
    authorization = ["--header", f"Authorization: Bearer {token}"] if token else []
    checks = ["--checks", "all", "--exclude-checks", NOT_CHECKED]
    return subprocess.run(
        (PROGRAM, "run", address, *checks, *authorization, *effort),
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=3000,
        check=False,
    )


@pytest.mark.parametrize("caller", CALLERS, ids=lambda role: role or "nobody")
def test_a61_no_5xx_no_ignored_authentication_and_no_use_after_delete(api, caller, effort, tmp_path):
    running, tokens = api

    done = fuzzed(running.url("/openapi.json"), tokens[caller], effort, tmp_path)

    assert done.returncode == 0, done.stdout
    assert all(phase.capitalize() in done.stdout for phase in effort[1].split(","))
    log = running.log.read_text()
    assert " status=500" not in log
    assert log.count("route=/v1/") > 30


SECURED: dict[str, object] = {"security": [{"bearer": []}]}
THING = {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}
ANSWER = {"description": "It.", "content": {"application/json": {"schema": THING}}}
THING_ID = {"name": "thing_id", "in": "path", "required": True, "schema": {"type": "string"}}
CARELESS = {
    "openapi": "3.1.0",
    "info": {"title": "Careless", "version": "1"},
    "components": {"securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}},
    "paths": {
        "/things": {"post": {**SECURED, "operationId": "make", "responses": {"201": ANSWER}}},
        "/things/{thing_id}": {
            "get": {**SECURED, "operationId": "read", "parameters": [THING_ID], "responses": {"200": ANSWER}},
            "delete": {
                **SECURED,
                "operationId": "remove",
                "parameters": [THING_ID],
                "responses": {"204": {"description": "Gone."}},
            },
        },
    },
}


class Careless(BaseHTTPRequestHandler):
    """Asks nobody who he is, and shows what was deleted."""

    def do_GET(self) -> None:
        self._answer(200, CARELESS if self.path == "/openapi.json" else {"id": "1"})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._answer(201, {"id": "1"})

    def do_DELETE(self) -> None:
        self._answer(204, None)

    def _answer(self, status: int, value: object) -> None:
        body = b"" if value is None else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body)

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def careless_server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Careless) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/openapi.json"
        server.shutdown()
        thread.join(10)


def test_a61_a_careless_server_is_found_out(tmp_path):
    effort = ["--phases", "fuzzing,stateful", "--max-examples", "10", "--seed", "1"]
    with careless_server() as address:
        done = fuzzed(address, "token", effort, tmp_path)

    assert done.returncode == 1
    assert "API accepts requests without authentication" in done.stdout
    assert "Deleted resource still available" in done.stdout
