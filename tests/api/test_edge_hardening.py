"""What holds on every route: the headers, the methods, the hosts and the tokens in addresses (A14, A50, A52, A58)."""

import dataclasses

import pytest

from api.app import create_app
from tests.api.conftest import ApiClient

UNKNOWN = "0192f0c1-0000-7000-8000-000000000001"
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
STRICT = "default-src 'none'; frame-ancestors 'none'"
OAUTH = ["/oauth/token", "/oauth/revoke"]
GRANT = {"grant_type": "client_credentials"}


def address_of(rule):
    """Return an address that *rule* matches."""
    return "/".join(
        {"<uuid": UNKNOWN, "<string": "start.js"}.get(part.partition(":")[0], part) for part in rule.rule.split("/")
    )


def rules(app):
    """Return every rule of the application with a method that it knows."""
    return [(rule, method) for rule in app.url_map.iter_rules() for method in sorted(rule.methods or ())]


def check_headers(answer, *, csp=STRICT):
    assert {name: answer.headers.getlist(name) for name in HEADERS} == {name: [HEADERS[name]] for name in HEADERS}
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert csp is None or answer.headers["Content-Security-Policy"] == csp
    assert "Set-Cookie" not in answer.headers
    assert "Server" not in answer.headers
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.fixture
def callers(standing):
    """The same application for an admin and for nobody."""
    return ApiClient(standing.http, standing.tenant.token), ApiClient(standing.http, None)


def test_a50_every_route_answers_everybody_with_the_security_headers(standing, callers):
    seen = set()
    for rule, method in rules(standing.http.application):
        for caller in callers:
            answer = caller.call(method, address_of(rule))
            seen.add(answer.status_code)
            check_headers(answer, csp=None if rule.endpoint == "docs.page" else STRICT)
            if not rule.endpoint.startswith("docs."):
                assert answer.headers["Cache-Control"] == "no-store", rule.rule

    assert {200, 400, 401, 404} <= seen


@pytest.mark.parametrize(
    ("method", "path", "options", "status"),
    [
        ("GET", "/nowhere", {}, 404),
        ("PUT", "/v1/tickets", {}, 405),
        ("GET", "/v1/tickets", {"headers": {"Accept": "text/html"}}, 406),
        ("POST", "/v1/tickets", {"data": b"x" * 2_000_000}, 413),
        ("POST", "/v1/tickets", {"data": b"x"}, 415),
        ("GET", "/v1/tickets?limit=0", {}, 422),
        ("GET", "/v1/tickets", {"headers": {"Host": "evil.example"}}, 400),
    ],
)
def test_a50_every_refusal_has_the_security_headers(still, method, path, options, status):
    answer = still.call(method, path, **options)

    assert (answer.status_code, answer.content_type) == (status, "application/problem+json")
    assert answer.headers["Cache-Control"] == "no-store"
    check_headers(answer)


@pytest.mark.parametrize("accept", ["text/html", "application/json;q=0", "*/*, application/json;q=0", "image/*"])
def test_who_does_not_accept_json_is_406(still, accept):
    answer = still.post("/v1/tickets", json={"subject": "x"}, headers={"Accept": accept})

    assert (answer.status_code, answer.json["code"]) == (406, "not_acceptable")


@pytest.mark.parametrize(
    "accept",
    ["*/*", "application/json", "application/*", "text/html, */*;q=0.1", "Application/JSON; charset=utf-8", ""],
)
def test_who_accepts_json_in_any_way_gets_it(still, accept):
    assert still.get("/v1/tickets", headers={"Accept": accept}).status_code == 200


def test_a58_options_trace_and_unknown_methods_are_405_on_every_route(standing, callers):
    for rule, _ in rules(standing.http.application):
        for method in ("OPTIONS", "TRACE", "CONNECT", "BREW"):
            answer = callers[0].call(method, address_of(rule))

            assert (answer.status_code, answer.content_type) == (405, "application/problem+json")
            assert set(answer.headers["Allow"].split(", ")) >= set(rule.methods)


def test_a14_a_token_in_an_address_is_not_looked_at(standing):
    stranger, token = ApiClient(standing.http, None), standing.tenant.token

    for path in (f"/v1/tickets?access_token={token}", f"/v1/tickets/{UNKNOWN}?access_token={token}"):
        assert stranger.get(path).status_code == 401
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert stranger.post("/v1/tickets", data=f"access_token={token}", headers=form).status_code == 401


@pytest.mark.parametrize("path", OAUTH)
@pytest.mark.parametrize("name", ["grant_type", "client_id", "client_secret", "token", "scope", "x"])
def test_a14_parameters_of_oauth_in_the_address_are_400(still, standing, path, name):
    known = standing.tenant
    form = {**GRANT, "client_id": known.client.client_id, "client_secret": known.client_secret, "token": "x"}

    answer = still.post(f"{path}?{name}=x", data=form, headers={"Authorization": ""})

    assert (answer.status_code, answer.json["error"]) == (400, "invalid_request")
    assert answer.headers["Cache-Control"] == "no-store"


def test_a14_every_oauth_reply_is_kept_by_nobody(standing):
    known = standing.tenant
    right = {"client_id": known.client.client_id, "client_secret": known.client_secret}
    http = standing.http
    answers = [
        http.post("/oauth/token", data={**GRANT, **right}),
        http.post("/oauth/token", data={**GRANT, "client_id": "x"}),
        http.post("/oauth/token", data=right),
        http.post("/oauth/token", data=b"x" * 2_000_000),
        http.post("/oauth/token", json={}),
        http.get("/oauth/token"),
        http.post("/oauth/revoke", data={**right, "token": "x"}),
        http.post("/oauth/revoke", data={"token": "x"}),
        http.get("/.well-known/oauth-authorization-server"),
    ]

    assert [answer.status_code for answer in answers] == [200, 401, 400, 413, 400, 405, 200, 401, 200]
    assert {answer.headers["Cache-Control"] for answer in answers} == {"no-store"}


EVIL_HOSTS = [
    "evil.example",
    "evil.example:8000",
    "localhost.evil.example",
    "localhost@evil.example",
    "",
    "[",
    "a b",
]


@pytest.mark.parametrize("host", EVIL_HOSTS)
def test_a52_a_host_that_is_not_ours_is_400(still, host):
    answer = still.post("/v1/tickets", json={"subject": "x"}, headers={"Host": host})

    assert (answer.status_code, answer.json["code"]) == (400, "host_not_served")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8000", "127.0.0.1:1", "[::1]:8000", "[::1]", "localhost."])
def test_our_own_hosts_are_served(still, host):
    assert still.get("/v1/tickets", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_operators_may_ask_by_any_name(still, path):
    assert still.get(path, headers={"Host": "10.1.2.3:8000"}).status_code == 200


@pytest.fixture
def public(rt):
    """The application behind one proxy, at a public address."""
    edge = dataclasses.replace(rt.settings.edge, trusted_hosts=(".desk.example",), proxy_hops=1)
    settings = dataclasses.replace(rt.settings, public_url="https://desk.example.com", edge=edge)
    return create_app(dataclasses.replace(rt, settings=settings)).test_client()


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("desk.example.com", 200),
        ("a.desk.example", 200),
        ("desk.example", 400),
        ("xdesk.example", 400),
        ("localhost", 400),
        ("a.desk.example.com", 400),
    ],
)
def test_a52_in_production_the_public_host_and_those_named_are_served(public, host, status):
    assert public.get("/openapi.json", headers={"Host": host}).status_code == status


def test_a52_links_come_from_the_settings_whatever_the_headers_say(public, demo):
    spoofed = {
        "Host": "a.desk.example",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "http",
        "X-Forwarded-Prefix": "/evil",
        "X-Forwarded-Port": "81",
        "Forwarded": "host=evil.example;proto=http",
        "Authorization": f"Bearer {demo.token}",
    }

    metadata = public.get("/.well-known/oauth-authorization-server", headers=spoofed)
    created = public.post("/v1/tickets", json={"subject": "x"}, headers=spoofed)

    assert metadata.json["token_endpoint"] == "https://desk.example.com/oauth/token"
    assert created.headers["Location"] == f"/v1/tickets/{created.json['id']}"
    assert metadata.headers["Strict-Transport-Security"] == "max-age=63072000; includeSubDomains"
    assert b"evil" not in metadata.data + created.data + str([*metadata.headers, *created.headers]).encode()
