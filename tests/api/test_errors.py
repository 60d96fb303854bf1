"""Every error has one shape, says nothing of the inside, and comes with the headers that its status asks for (A58)."""

import dataclasses

import pytest
import structlog

from api.app import create_app
from psms.db.session import Database
from tests.api.conftest import ApiClient

MEMBERS = ["type", "title", "status", "detail", "instance", "code", "request_id", "errors"]
MISSING = "/v1/tickets/0192f0c1-0000-7000-8000-000000000001"
SECRET = "SELECT password FROM inside"


class BrokenClock:
    """A clock whose failure must not be told to anybody."""

    def now(self, _session, /):
        message = f"{SECRET} at {__file__}"
        raise RuntimeError(message)


def test_a_problem_has_every_member_in_the_same_order(client):
    answer = client.get(MISSING, headers={"X-Request-ID": "mine-1"})

    assert answer.status_code == 404
    assert answer.content_type == "application/problem+json"
    assert list(answer.json) == MEMBERS
    assert answer.json == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "There is no such thing here, or you may not see it.",
        "instance": MISSING,
        "code": "not_found",
        "request_id": "mine-1",
        "errors": [],
    }


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/v1/tickets", "GET, HEAD, POST"),
        ("DELETE", "/v1/tickets", "GET, HEAD, POST"),
        ("OPTIONS", "/v1/tickets", "GET, HEAD, POST"),
        ("TRACE", "/v1/tickets", "GET, HEAD, POST"),
        ("BREW", "/v1/tickets", "GET, HEAD, POST"),
        ("POST", MISSING, "DELETE, GET, HEAD, PATCH"),
        ("GET", "/oauth/token", "POST"),
        ("HEAD", "/oauth/token", "POST"),
        ("OPTIONS", "/healthz", "GET, HEAD"),
    ],
)
def test_a_method_that_an_address_does_not_know_is_405_and_says_which_it_knows(still, method, path, allowed):
    answer = still.call(method, path)

    assert (answer.status_code, answer.headers["Allow"]) == (405, allowed)
    assert answer.content_type == "application/problem+json"
    if method != "HEAD":
        assert answer.json["code"] == "method_not_allowed"


@pytest.mark.parametrize("path", ["/", "/v1", "/v2/tickets", "/admin", "/static/x.js", "/.env"])
def test_an_unknown_address_is_404_with_and_without_a_token(still, path):
    bare = still.get(path, headers={"Authorization": ""})

    assert (bare.status_code, bare.json["code"]) == (404, "not_found")
    assert still.get(path).status_code == 404


def test_a58_a_defect_is_500_and_tells_nothing_but_the_request_id(rt, client, demo, snapshot):
    broken = ApiClient(create_app(dataclasses.replace(rt, clock=BrokenClock())).test_client(), demo.token)
    before = snapshot()

    with structlog.testing.capture_logs() as lines:
        answer = broken.post("/v1/teams", json={"name": "x"})

    assert (answer.status_code, answer.json["code"]) == (500, "internal_error")
    assert answer.json["request_id"] == answer.headers["X-Request-ID"]
    assert list(answer.json) == MEMBERS
    assert b"SELECT" not in answer.data
    assert b"Traceback" not in answer.data
    assert __file__.encode() not in answer.data
    assert snapshot() == before
    (line,) = [line for line in lines if line["event"] == "request_failed"]
    assert SECRET in str(line["exc_info"])


def test_without_its_database_the_server_answers_503_and_when_to_try_again(rt, demo):
    nowhere = Database("postgresql://psms_app:x@127.0.0.1:1/none", pool_size=1)
    stranded = ApiClient(create_app(dataclasses.replace(rt, db=nowhere)).test_client(), demo.token)

    answer = stranded.post("/v1/tickets", json={"subject": "x"})

    assert (answer.status_code, answer.json["code"]) == (503, "dependency_unavailable")
    assert answer.headers["Retry-After"] == "1"
    assert b"127.0.0.1" not in answer.data


def test_an_action_that_is_not_possible_names_those_that_are(client, snapshot):
    path = client.post("/v1/tickets", json={"subject": "x"}).headers["Location"]
    before = snapshot()

    answer = client.post(f"{path}/transitions", json={"action": "reopen"})

    assert (answer.status_code, answer.json["code"]) == (409, "action_not_allowed")
    assert answer.json["legal_actions"] == ["open", "pend", "hold", "resolve", "cancel"]
    assert answer.json["status"] == 409
    assert snapshot() == before


@pytest.mark.parametrize("given", ["abc", "A1.b_c-d", "x" * 64])
def test_a_request_id_that_is_well_formed_is_kept(still, given):
    answer = still.get(MISSING, headers={"X-Request-ID": given})

    assert answer.headers["X-Request-ID"] == answer.json["request_id"] == given


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "é", "<script>", "a\tb"])
def test_any_other_request_id_is_replaced(still, given):
    answer = still.get(MISSING, headers={"X-Request-ID": given})

    assert answer.headers["X-Request-ID"] == answer.json["request_id"]
    assert len(answer.json["request_id"]) == 16


def test_the_request_id_is_in_the_audit_trail_and_in_the_log(client):
    with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        client.post("/v1/tickets", json={"subject": "x"}, headers={"X-Request-ID": "mine-2"})

    entry = client.get("/v1/logs?action=ticket.created").json["items"][0]
    assert entry["request_id"] == "mine-2"
    (line,) = [line for line in lines if line["event"] == "request"]
    assert (line["request_id"], line["method"], line["route"], line["status"]) == (
        "mine-2",
        "POST",
        "/v1/tickets",
        201,
    )


def test_no_request_id_is_left_behind_for_the_next_line_of_the_thread(still):
    still.get(MISSING, headers={"X-Request-ID": "mine-3"})

    assert "request_id" not in structlog.contextvars.get_contextvars()


@pytest.mark.parametrize("path", ["/healthz", "/v1/tickets", "/nowhere", "/openapi.json", "/metrics"])
def test_every_answer_has_the_security_headers(still, path):
    headers = still.get(path).headers

    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["Cache-Control"] == "no-store"
    assert "Strict-Transport-Security" not in headers
    assert "Set-Cookie" not in headers


def test_behind_tls_browsers_are_told_to_stay_there(rt):
    settings = dataclasses.replace(rt.settings, public_url="https://desk.example.com")
    http = create_app(dataclasses.replace(rt, settings=settings)).test_client()

    assert http.get("/healthz").headers["Strict-Transport-Security"] == "max-age=63072000; includeSubDomains"
