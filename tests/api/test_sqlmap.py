"""A29: sqlmap, on the real server, finds no parameter of a GET that reaches SQL, and finds the one that was made to.

It runs with `make soak` alone, and where sqlmap is installed alone; elsewhere it says that nothing was scanned.
"""

import json
import re
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from psycopg import sql
from typing_extensions import override

from psms.domain.access import Role
from tests.api.matrix_world import make_world
from tests.api.standing import runtime_on
from tests.support import sqlmap
from tests.support.api_process import running_api
from tests.support.databases import fresh_database
from tests.support.keys import TEST_KEK
from tests.support.tenants import add_caller

PLENTY = dict.fromkeys(("PSMS_RATE_CLIENT", "PSMS_RATE_ORGANIZATION", "PSMS_RATE_ADDRESS"), "100000000/60")
VALUES = {
    "tag": "vip",
    "action": "ticket.",
    "target_type": "ticket",
    "from": "2026-11-01T00:00:00Z",
    "to": "2026-11-02T00:00:00Z",
    "limit": "50",
}
SOME_ID = "0192f0c1-0000-7000-8000-000000000001"
SKIPPED = (
    "SKIPPED: sqlmap is not installed, so NOTHING WAS SCANNED: pip install sqlmap, apart from .venv, puts it on PATH"
)

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3600)]


@pytest.fixture(scope="module")
def start():
    """How sqlmap is started."""
    found = sqlmap.command()
    if found is None:
        pytest.skip(SKIPPED)
    return found


@pytest.fixture(scope="module")
def served(postgres, tmp_path_factory):
    """The API's processes, what the addresses are made of, and a token of each role."""
    with fresh_database(postgres) as database, runtime_on(database) as rt:
        world = make_world(rt, database)
        organization_id = UUID(world.own["organization_id"])
        tokens = {role: add_caller(rt, organization_id, role).token for role in (Role.AGENT, Role.ADMIN)}
        # A scan takes longer than a token lives.
        database.run(sql.SQL("UPDATE oauth_tokens SET expires_at = expires_at + interval '1 day'"))
        with running_api(database, tmp_path_factory.mktemp("api"), PSMS_KEK=TEST_KEK, **PLENTY) as api:
            yield api, world, tokens


def value_of(parameter) -> str:
    """Return a value that a parameter takes."""
    schema = parameter["schema"]
    return str(VALUES.get(parameter["name"], schema.get("enum", [SOME_ID])[0]))


def addresses(api, world, document) -> Iterator[str]:
    """Yield every GET of the document: with its ids starred, with its filters, and with a place in its list."""
    cursor = world.callers["admin"].get("/v1/tickets?limit=1").json["next_cursor"]
    for path, operations in document["paths"].items():
        if not path.startswith("/v1/"):
            continue
        known = operations.get("get", {}).get("parameters", [])
        names = [parameter["name"] for parameter in known if parameter["in"] == "query"]
        plain = path.format(**world.own)
        if "{" in path:
            yield api.url(re.sub(r"\{(\w+)\}", lambda found: f"{world.own[found[1]]}*", path))
        filters = [
            f"{parameter['name']}={value_of(parameter)}*"
            for parameter in known
            if parameter["in"] == "query" and parameter["name"] != "cursor"
        ]
        if filters:
            yield api.url(f"{plain}?{'&'.join(filters)}")
        if "cursor" in names:
            yield api.url(f"{plain}?limit=1&cursor={cursor}*")


@pytest.mark.parametrize("role", [Role.AGENT, Role.ADMIN])
def test_a29_sqlmap_finds_no_hole_in_any_parameter_of_a_get(start, served, role, tmp_path):
    api, world, tokens = served
    wanted = list(addresses(api, world, world.callers["admin"].get("/openapi.json").json))

    found = sqlmap.scan(start, wanted, tokens[role], tmp_path)

    assert found.holes == (), found.output
    assert found.unhurt + len(found.doubted) >= sum(address.count("*") for address in wanted), found.output
    log = api.log.read_text()
    assert not [status for status in (401, 429, 500, 503) if f" status={status}" in log]
    # What looks like a hole twice over is looked at by somebody.
    (again := tmp_path / "again").mkdir()
    assert found.doubted == () or sqlmap.scan(start, found.doubted, tokens[role], again).doubted == ()


class Injectable(BaseHTTPRequestHandler):
    """Writes what it is asked into its SQL, as nobody should."""

    def do_GET(self) -> None:
        asked = parse_qs(urlsplit(self.path).query).get("id", ["1"])[0]
        with sqlite3.connect(":memory:") as connection:
            connection.executescript("CREATE TABLE t (id int, name text); INSERT INTO t VALUES (1, 'a'), (2, 'b')")
            try:
                rows = connection.execute(f"SELECT name FROM t WHERE id = {asked}").fetchall()
            except sqlite3.Error as problem:
                rows = [(str(problem),)]
        body = json.dumps(rows).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def injectable_server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Injectable) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/things"
        server.shutdown()
        thread.join(10)


def test_a29_sqlmap_finds_a_hole_where_there_is_one(start, tmp_path):
    with injectable_server() as address:
        found = sqlmap.scan(start, [f"{address}?id=1*"], "token", tmp_path)

    assert [hole.partition("?")[0] for hole in found.holes] == [address], found.output
