"""The API behind its real server, over real sockets: what only shows there, such as chunked bodies (A44)."""

import json
import socket
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.api.standing import contents, runtime_on
from tests.support.api_process import running_api
from tests.support.databases import MigratedDatabase, fresh_database
from tests.support.tenants import make_tenant
from tests.support.waiting import eventually

LIMIT = 1_048_576
SMALL = b'{"subject": "sent in pieces"}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running API, the token of an admin client, and the database below."""

    port: int
    token: str
    database: MigratedDatabase
    log: Path

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def raw(self, *pieces: bytes, then_close: bool = False) -> tuple[int, dict[str, str], bytes]:
        """Send bytes as they are; return status, headers and body of what comes back."""
        with closing(socket.create_connection(("127.0.0.1", self.port), timeout=20)) as connection:
            try:
                for piece in pieces:
                    connection.sendall(piece)
                if then_close:
                    connection.shutdown(socket.SHUT_WR)
            except (BrokenPipeError, ConnectionResetError):
                pass  # Answered before all was sent.
            return read_answer(connection, has_body=not pieces[0].startswith(b"HEAD "))

    def head(self, line: bytes, *headers: bytes) -> bytes:
        wanted = (line + b" HTTP/1.1", b"Host: localhost", b"Authorization: Bearer " + self.token.encode(), *headers)
        return b"\r\n".join(wanted) + b"\r\n\r\n"


def read_answer(connection, *, has_body) -> tuple[int, dict[str, str], bytes]:
    received = b""
    while b"\r\n\r\n" not in received:
        more = connection.recv(65_536)
        if not more:
            return 0, {}, received
        received += more
    head, _, body = received.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while has_body and len(body) < int(headers.get("content-length", 0)):
        body += connection.recv(65_536)
    return int(status.split()[1]), headers, body


def chunk(data):
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


@pytest.fixture(scope="module")
def server(postgres, tmp_path_factory):
    with fresh_database(postgres) as database:
        with runtime_on(database) as rt:
            token = make_tenant(rt).token
        with running_api(database, tmp_path_factory.mktemp("api")) as api:
            yield Server(port=api.port, token=token, database=database, log=api.log)


@pytest.fixture
def unchanged(server):
    before = contents(server.database)
    yield
    assert contents(server.database) == before


def test_a_small_body_in_chunks_is_taken(server):
    head = server.head(b"POST /v1/tickets", b"Content-Type: application/json", b"Transfer-Encoding: chunked")

    status, _, body = server.raw(head, chunk(SMALL[:5]), chunk(SMALL[5:]), b"0\r\n\r\n")

    assert (status, json.loads(body)["subject"]) == (201, "sent in pieces")


def test_a44_a_body_in_chunks_is_413_when_it_exceeds_the_limit(server, unchanged):
    head = server.head(b"POST /v1/tickets", b"Content-Type: application/json", b"Transfer-Encoding: chunked")
    pieces = [chunk(b" " * 65_536)] * 80

    status, headers, body = server.raw(head, *pieces, b"0\r\n\r\n")

    assert (status, headers["content-type"]) == (413, "application/problem+json")
    assert json.loads(body)["code"] == "body_too_large"


def test_a_body_in_chunks_of_exactly_the_limit_is_read(server):
    body = SMALL + b" " * (LIMIT - len(SMALL))
    pieces = (body[start : start + 100_000] for start in range(0, LIMIT, 100_000))

    answer = requests.post(
        server.url("/v1/tickets"),
        data=pieces,
        headers={"Authorization": f"Bearer {server.token}", "Content-Type": "application/json"},
        timeout=30,
    )

    assert answer.status_code == 201


def test_a44_an_endless_body_ends_with_413(server, unchanged):
    head = server.head(b"POST /v1/tickets", b"Content-Type: application/json", b"Transfer-Encoding: chunked")
    pieces = (chunk(b" " * 1_000_000) for _ in range(200))

    assert server.raw(head, *pieces)[0] in {413, 0}


def test_what_is_announced_as_too_large_is_not_waited_for(server, unchanged):
    status, _, body = server.raw(server.head(b"POST /v1/tickets", b"Content-Length: 5000000"), b"{")

    assert (status, json.loads(body)["code"]) == (413, "body_too_large")


@pytest.mark.parametrize(
    ("announced", "sent"),
    [
        (b"Content-Length: 500", SMALL),
        (b"Content-Length: 500", b""),
        (b"Transfer-Encoding: chunked", b"zz\r\n"),
        (b"Transfer-Encoding: chunked", b"1d\r\n" + SMALL[:7]),
    ],
)
def test_a_body_that_breaks_off_creates_nothing(server, unchanged, announced, sent):
    head = server.head(b"POST /v1/tickets", b"Content-Type: application/json", announced)

    status, _, _ = server.raw(head, sent, then_close=True)

    assert status in {0, 400}


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"TRACE /v1/tickets", 405),
        (b"OPTIONS /v1/tickets", 405),
        (b"OPTIONS *", 404),
        (b"BREW /v1/tickets", 405),
        (b"GET /v1/tickets/%00", 404),
        (b"GET /v1/tickets/%ff", 404),
        (b"GET /v1/tickets?tag=%00", 422),
        (b"GET /v1/tickets?tag=%ff", 422),
        (b"GET /" + b"x" * 20_000, 404),
        (b"GET http://localhost/v1/tickets", 200),
        (b"HEAD /v1/tickets", 200),
    ],
)
def test_odd_requests_get_a_proper_answer(server, unchanged, line, status):
    found, headers, body = server.raw(server.head(line))

    assert found == status
    if status >= 400:
        assert headers["content-type"] == "application/problem+json"
        assert json.loads(body)["status"] == status
        assert headers["x-request-id"] == json.loads(body)["request_id"]


@pytest.mark.parametrize(
    "header", [b"Host: a b", b"Host: \xff", b"X-Request-ID: \xff\xfe", b"If-None-Match: \xff", b"Authorization: \xff"]
)
def test_odd_headers_are_never_a_500(server, unchanged, header):
    lines = (b"GET /v1/tickets HTTP/1.1", b"Host: localhost", header, b"Connection: close")

    status, _, _ = server.raw(b"\r\n".join(lines) + b"\r\n\r\n")

    assert status in {0, 400, 401}


def test_metrics_are_right_over_several_processes(server):
    def counted():
        text = requests.get(server.url("/metrics"), timeout=20).text
        return {
            sample.labels["status"]: sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == "psms_http_requests_total" and sample.labels["route"] == "/v1/teams"
        }

    before = counted().get("401", 0)
    for _ in range(40):
        # A new connection each time, so that both processes are asked.
        requests.get(server.url("/v1/teams"), headers={"Connection": "close"}, timeout=20)

    assert [counted()["401"] - before for _ in range(6)] == [40] * 6


def test_each_request_is_one_line_of_the_log_without_its_token(server):
    requests.get(
        server.url("/v1/teams?limit=1"),
        headers={"Authorization": f"Bearer {server.token}", "X-Request-ID": "line-1"},
        timeout=20,
    )

    lines = eventually(lambda: [line for line in server.log.read_text().splitlines() if "line-1" in line])

    assert len(lines) == 1
    assert all(part in lines[0] for part in ("GET", "/v1/teams", "200", "ms="))
    assert server.token not in server.log.read_text()
    assert "Traceback" not in server.log.read_text()
