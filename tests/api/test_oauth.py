"""Tokens for clients: got with a secret, refused in OAuth's own shape, revoked at once."""

import dataclasses
from base64 import b64encode

import pytest
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata

from api.app import create_app
from psms.domain.access import Role, Scope
from tests.api.conftest import ApiClient
from tests.support.tenants import add_caller, make_tenant

GRANT = {"grant_type": "client_credentials"}


def basic(client_id, secret):
    return {"Authorization": "Basic " + b64encode(f"{client_id}:{secret}".encode()).decode()}


@pytest.fixture
def demo(standing):
    """The organization that these tests share."""
    return standing.tenant


@pytest.fixture
def http(standing):
    """The application on its database."""
    return standing.http


@pytest.fixture
def rt(standing):
    """The runtime on its database."""
    return standing.rt


@pytest.fixture
def in_form(demo):
    """The client's credentials as form parameters."""
    return {"client_id": demo.client.client_id, "client_secret": demo.client_secret}


@pytest.fixture
def in_header(demo):
    """The client's credentials in an Authorization header."""
    return basic(demo.client.client_id, demo.client_secret)


@pytest.fixture
def ask(http):
    """Ask for a token and check what every answer of the endpoint has."""
    anonymous = ApiClient(http, None)

    def post(form, path="/oauth/token", **options):
        answer = anonymous.post(path, data=form, **options)
        assert answer.headers["Cache-Control"] == "no-store"
        return answer

    return post


def refused(answer, status, error):
    assert (answer.status_code, answer.json["error"]) == (status, error)
    assert "access_token" not in answer.json
    return True


def test_a_client_gets_a_token_that_works(ask, in_form, http):
    answer = ask({**GRANT, **in_form})

    assert answer.status_code == 200
    assert answer.json["token_type"] == "Bearer"
    assert answer.json["expires_in"] == 600
    assert answer.json["scope"].split() == sorted(scope.value for scope in Scope)
    bearer = {"Authorization": f"Bearer {answer.json['access_token']}"}
    assert http.get("/v1/tickets", headers=bearer).status_code == 200


def test_the_secret_may_come_in_a_header(ask, in_header):
    assert ask(GRANT, headers=in_header).status_code == 200


def test_a_token_can_be_asked_for_with_fewer_scopes(ask, in_form, http):
    answer = ask({**GRANT, **in_form, "scope": "tickets:read  users:read tickets:read"})

    assert answer.json["scope"] == "tickets:read users:read"
    bearer = {"Authorization": f"Bearer {answer.json['access_token']}"}
    assert http.get("/v1/tickets", headers=bearer).status_code == 200
    assert http.get("/v1/services", headers=bearer).status_code == 403


@pytest.mark.parametrize("scope", ["nonsense", "tickets:read nonsense", "tickets:write", "TICKETS:READ", "\0", "é"])
def test_a_scope_beyond_the_client_s_is_refused(ask, rt, demo, standing, scope):
    reader = add_caller(rt, demo.organization_id, Role.AGENT, (Scope.TICKETS_READ.value,))
    tokens = standing.database.count("oauth_tokens")
    form = {"client_id": reader.client.client_id, "client_secret": reader.client_secret, "scope": scope}

    assert refused(ask({**GRANT, **form}), 400, "invalid_scope")
    assert standing.database.count("oauth_tokens") == tokens


def test_a_scope_without_a_value_counts_as_left_out(ask, in_form):
    assert ask({**GRANT, **in_form, "scope": ""}).json["scope"].count(" ") == len(Scope) - 1


@pytest.mark.parametrize(
    "secret", ["", "wrong", "sdc_" + "A" * 43, "\0", "é", "😀", "x" * 10_000], ids=lambda text: text[:8]
)
def test_a_wrong_secret_is_401_however_it_comes(ask, demo, secret):
    form = {**GRANT, "client_id": demo.client.client_id, "client_secret": secret}

    for answer in (ask(form), ask(GRANT, headers=basic(demo.client.client_id, secret))):
        assert refused(answer, 401, "invalid_client")
        assert answer.headers["WWW-Authenticate"] == 'Basic realm="psms", charset="UTF-8"'


@pytest.mark.parametrize(
    "client_id",
    ["client_000000000000000000000000", "nobody", "", "\0", "' OR 1=1 --", "é", "x" * 10_000],
    ids=lambda text: text[:8],
)
def test_an_unknown_client_gets_the_same_answer_as_a_wrong_secret(ask, demo, client_id):
    wrong = ask({**GRANT, "client_id": demo.client.client_id, "client_secret": "wrong"})

    unknown = ask({**GRANT, "client_id": client_id, "client_secret": demo.client_secret})

    assert (unknown.status_code, unknown.data) == (wrong.status_code, wrong.data) == (401, wrong.data)


@pytest.mark.parametrize(
    "header",
    [
        "Basic",
        "Basic ",
        "Basic !!!",
        "Basic " + b64encode(b"no colon").decode(),
        "Basic " + b64encode(b"\xff\xfe:\xff").decode(),
        "Basic " + b64encode(b"\0:\0").decode(),
        "Basic =",
        "Bearer x",
        "Digest username=x",
        "é",
    ],
)
def test_a_header_that_holds_no_credentials_is_401(ask, header):
    assert refused(ask(GRANT, headers={"Authorization": header}), 401, "invalid_client")


def test_without_credentials_it_is_401(ask):
    assert refused(ask(GRANT), 401, "invalid_client")


def test_a_secret_in_both_places_is_refused(ask, in_form, in_header):
    assert refused(ask({**GRANT, **in_form}, headers=in_header), 400, "invalid_request")


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/revoke"])
def test_parameters_in_the_address_are_refused(ask, in_form, in_header, path):
    address = f"{path}?grant_type=client_credentials&client_id={in_form['client_id']}"

    assert refused(ask({**GRANT, **in_form}, path=address), 400, "invalid_request")
    assert refused(ask({}, path=f"{path}?x=1", headers=in_header), 400, "invalid_request")


@pytest.mark.parametrize("grant", ["password", "authorization_code", "refresh_token", "implicit", "\0", "é" * 1000])
def test_no_other_grant_is_offered(ask, in_form, grant):
    assert refused(ask({**in_form, "grant_type": grant}), 400, "unsupported_grant_type")


def test_a_request_without_a_grant_type_is_refused(ask, in_form):
    assert refused(ask(in_form), 400, "invalid_request")
    assert refused(ask({**in_form, "grant_type": ""}), 400, "invalid_request")


def test_a_parameter_that_comes_twice_is_refused(ask, in_form):
    assert refused(ask({**GRANT, **in_form, "scope": ["tickets:read", "users:read"]}), 400, "invalid_request")


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b'{"grant_type": "client_credentials"}', "application/json"),
        (b"grant_type=client_credentials", "text/plain"),
        (b"grant_type=client_credentials", ""),
        (b"--x\r\n\r\n--x--", "multipart/form-data; boundary=x"),
        (b"\xff\xfe\xff", "application/x-www-form-urlencoded"),
        (b"&&&===&;;", "application/x-www-form-urlencoded"),
        (b"%zz=%zz&%00=%00", "application/x-www-form-urlencoded"),
        (b"", "application/x-www-form-urlencoded"),
    ],
)
def test_what_is_no_form_is_refused(ask, in_header, body, content_type):
    answer = ask(body, headers={**in_header, "Content-Type": content_type})

    assert refused(answer, 400, "invalid_request")


@pytest.mark.parametrize(("size", "status"), [(900_000, 400), (2_000_000, 413)])
def test_a_huge_form_is_refused(ask, in_header, size, status):
    form = {"Content-Type": "application/x-www-form-urlencoded", **in_header}

    assert ask(b"grant_type=" + b"x" * size, headers=form).status_code == status


def test_a_form_of_thousands_of_parameters_is_refused(ask, in_header):
    answer = ask({f"p{number}": "x" for number in range(5000)}, headers=in_header)

    assert answer.status_code in {400, 413}


def test_a_revoked_token_is_out_at_once(ask, in_header, http):
    token = ask(GRANT, headers=in_header).json["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    assert http.get("/v1/tickets", headers=bearer).status_code == 200

    answer = ask({"token": token, "token_type_hint": "refresh_token"}, "/oauth/revoke", headers=in_header)

    assert (answer.status_code, answer.json) == (200, {})
    assert http.get("/v1/tickets", headers=bearer).status_code == 401


@pytest.mark.parametrize("token", ["unknown", "sda_" + "A" * 43 + "6d57a2f0", "\0", "é", "x" * 10_000])
def test_revoking_what_is_no_token_is_no_error(ask, in_header, token):
    answer = ask({"token": token}, "/oauth/revoke", headers=in_header)

    assert (answer.status_code, answer.json) == (200, {})


def test_a_client_cannot_revoke_another_s_token(ask, http, rt, demo):
    other = make_tenant(rt)

    answer = ask({"token": demo.token}, "/oauth/revoke", headers=basic(other.client.client_id, other.client_secret))

    assert answer.status_code == 200
    assert http.get("/v1/tickets", headers={"Authorization": f"Bearer {demo.token}"}).status_code == 200


def test_revoking_takes_a_client_and_a_token(ask, demo, in_header):
    assert refused(ask({"token": demo.token}, "/oauth/revoke"), 401, "invalid_client")
    assert refused(ask({}, "/oauth/revoke", headers=in_header), 400, "invalid_request")


def test_the_metadata_is_valid_and_names_what_is_offered(rt):
    settings = dataclasses.replace(rt.settings, public_url="https://desk.example.com/")
    http = create_app(dataclasses.replace(rt, settings=settings)).test_client()

    metadata = AuthorizationServerMetadata(http.get("/.well-known/oauth-authorization-server").json)

    metadata.validate()
    assert metadata["issuer"] == "https://desk.example.com"
    assert metadata["token_endpoint"] == "https://desk.example.com/oauth/token"
    assert metadata["grant_types_supported"] == ["client_credentials"]
    assert metadata["response_types_supported"] == ["none"]


def test_behind_a_proxy_that_ends_tls_tokens_are_given_out(rt, demo, in_form):
    settings = dataclasses.replace(rt.settings, public_url="https://desk.example.com")
    http = create_app(dataclasses.replace(rt, settings=settings)).test_client()

    # What the proxy passes on is plain HTTP with the public name.
    answer = http.post("/oauth/token", data={**GRANT, **in_form}, base_url="http://desk.example.com")

    assert answer.status_code == 200
