"""The OpenAPI document is valid and complete, and its page needs no other server."""

import re

import pytest
from openapi_spec_validator import validate

from api.app import create_app
from psms.domain.access import MATRIX
from psms.settings import Settings
from tests.api.contract import Contract
from workflows.boot import runtime_for

_OUTSIDE = re.compile(r"""(?:src|href|url|action)\s*[=:(]\s*["']?(?:https?:)?//""", re.IGNORECASE)


@pytest.fixture(scope="module")
def app():
    env = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", "REDIS_URL": "redis://127.0.0.1:1/0"}
    return create_app(runtime_for(Settings.from_env(env)))


@pytest.fixture(scope="module")
def document(app):
    return Contract(app).document


def operations(document):
    return [
        (path, method, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in {"get", "post", "put", "patch", "delete"}
    ]


def test_the_document_is_valid(document):
    validate(document)
    assert document["openapi"] == "3.1.0"


def test_every_route_is_documented(app, document):
    served = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD"}
    }

    assert {(path, method) for path, method, _ in operations(document)} == served


def test_every_operation_says_what_it_does_and_how_it_fails(document):
    for path, method, operation in operations(document):
        assert operation["summary"].endswith("."), (path, method)
        assert operation["responses"]["default"] == {"$ref": "#/components/responses/DEFAULT_ERROR"}, (path, method)


def test_every_guarded_operation_documents_its_scope_and_both_refusals(app, document):
    for path, method, operation in operations(document):
        rules = [rule for rule in app.url_map.iter_rules() if re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule) == path]
        (rule,) = [rule for rule in rules if method.upper() in (rule.methods or set())]
        permission = getattr(app.view_functions[rule.endpoint], "permission", None)
        if permission is None:
            assert "security" not in operation, (path, method)
        else:
            scope = MATRIX[permission].scope.value
            assert operation["security"] == [{"oauth2": [scope]}, {"bearer": []}], (path, method)
            assert {"401", "403"} <= operation["responses"].keys(), (path, method)


def test_operations_that_the_state_of_things_may_not_allow_document_the_conflict(document):
    refusing = {(path, method) for path, method, operation in operations(document) if "409" in operation["responses"]}

    assert refusing >= {
        ("/v1/tickets/{ticket_id}", "patch"),
        ("/v1/tickets/{ticket_id}/take", "post"),
        ("/v1/tickets/{ticket_id}/route", "post"),
        ("/v1/tickets/{ticket_id}/sla/{clock_id}/void", "post"),
        ("/v1/tickets/{ticket_id}", "delete"),
        ("/v1/tickets/{ticket_id}/merge", "post"),
        ("/v1/tickets/{ticket_id}/purge", "post"),
        ("/v1/duties", "post"),
        ("/v1/calendars/{calendar_id}", "delete"),
        ("/v1/roles/{role_id}", "delete"),
        ("/v1/workflow-runs/{run_id}/cancel", "post"),
        ("/v1/workflow-runs/{run_id}/retry", "post"),
        ("/v1/webhook-endpoints/{endpoint_id}/test", "post"),
        ("/v1/webhook-endpoints/{endpoint_id}/verify", "post"),
        ("/v1/webhook-endpoints/{endpoint_id}/rotate-secret", "post"),
        ("/v1/webhook-endpoints/{endpoint_id}/deliveries/{delivery_id}/resend", "post"),
        ("/v1/webhook-endpoints/{endpoint_id}/replays/{replay_id}/cancel", "post"),
    }
    assert ("/v1/duties", "get") not in refusing


def test_every_error_is_documented_as_a_problem(document):
    for name, response in document["components"]["responses"].items():
        if name != "NOT_MODIFIED":
            assert response["content"] == {
                "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
            }


def test_what_clients_send_is_closed_against_unknown_fields(document):
    for path, method, operation in operations(document):
        body = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if body is not None:
            name = body["schema"]["$ref"].rpartition("/")[2]
            assert document["components"]["schemas"][name]["additionalProperties"] is False, (path, method)


def test_creating_operations_document_the_idempotency_key(document):
    creating = [operation for _, _, operation in operations(document) if "201" in operation["responses"]]

    assert len(creating) == 24
    for operation in creating:
        assert "Idempotency-Key" in {parameter["name"] for parameter in operation["parameters"]}
        assert {"Location", "Idempotency-Replayed"} <= operation["responses"]["201"]["headers"].keys()


@pytest.mark.parametrize("path", ["/docs", "/docs/start.js", "/docs/swagger-ui.css"])
def test_the_page_refers_to_no_other_server(app, path):
    answer = app.test_client().get(path)

    assert answer.status_code == 200
    assert _OUTSIDE.findall(answer.text) == []


def test_everything_that_the_page_loads_is_there(app):
    http = app.test_client()
    page = http.get("/docs")

    addresses = re.findall(r'(?:src|href)="([^"]+)"', page.text)

    assert len(addresses) == 4
    assert {http.get(address).status_code for address in addresses} == {200}
    assert '"/openapi.json"' in http.get("/docs/start.js").text


def test_the_page_may_run_and_ask_our_own_files_only(app):
    policy = dict(
        directive.strip().split(" ", 1)
        for directive in app.test_client().get("/docs").headers["Content-Security-Policy"].split(";")
    )

    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"


@pytest.mark.parametrize("name", ["index.html", "..%2f..%2f__init__.py", "%2e%2e/__init__.py", "swagger-ui.js", "%00"])
def test_no_other_file_is_given_out(app, name):
    assert app.test_client().get(f"/docs/{name}").status_code == 404
