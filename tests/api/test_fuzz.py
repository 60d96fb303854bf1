"""Requests made up from the OpenAPI document, right and wrong ones: no answer is a 5xx or undocumented."""

from contextlib import suppress

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.api.conftest import ApiClient
from tests.api.matrix_rows import RULE

_CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
# Four more callers are tried by `test_fuzz_everybody`.
_EXAMPLES = 2
ONE_DAY = {"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"}
EVERY_HOUR = {"name": "A", "time_zone": "UTC", "always_open": True}


@pytest.fixture(scope="module")
def known_ids(standing):
    """An id that exists for each parameter of a path, so that not everything ends with 404."""
    client = ApiClient(standing.http, standing.tenant.token)
    service = client.post("/v1/services", json={"name": "Printing"}).json["id"]
    form = {"fields": [{"key": "site", "type": "text", "label": "Site"}]}
    assert client.call("PUT", f"/v1/services/{service}/form", json=form).status_code == 200
    user = client.post("/v1/users", json={"email": "a@b.example", "name": "A", "role": "agent"}).json["id"]
    ticket = client.post("/v1/tickets", json={"subject": "x"}).json["id"]
    request = client.post("/v1/tickets", json={"subject": "x", "type": "request"}).json["id"]
    steps = [{"name": "A", "user_ids": [user]}]
    away = {"user_id": user, "delegate_id": str(standing.tenant.actor.user_id), **ONE_DAY}
    # What is not made here is tried with the id of another thing.
    return dict.fromkeys(("link_id", "delivery_id", "replay_id", "clock_id", "rebase_id", "run_id"), service) | {
        "approval_id": client.post(f"/v1/tickets/{request}/approvals", json={"steps": steps}).json["id"],
        "delegation_id": client.post("/v1/approval-delegations", json=away).json["id"],
        "ticket_id": ticket,
        "comment_id": client.post(f"/v1/tickets/{ticket}/comments", json={"body": "x"}).json["id"],
        "time_entry_id": client.post(f"/v1/tickets/{ticket}/time-entries", json={"seconds": 60}).json["id"],
        "macro_id": client.post("/v1/macros", json={"name": "A", "reply": "A"}).json["id"],
        "timer_id": client.call("PUT", f"/v1/tickets/{ticket}/timer").json["id"],
        "organization_id": str(standing.tenant.organization_id),
        "user_id": user,
        "watcher_id": user,
        "team_id": client.post("/v1/teams", json={"name": "A"}).json["id"],
        "duty_id": client.post("/v1/duties", json={"user_id": user, **ONE_DAY}).json["id"],
        "absence_id": client.post("/v1/absences", json=ONE_DAY).json["id"],
        "service_id": service,
        "calendar_id": client.post("/v1/calendars", json=EVERY_HOUR).json["id"],
        "policy_id": client.post("/v1/sla-policies", json={"name": "A", "resolution_seconds": 60}).json["id"],
        "assignment_id": client.post("/v1/assignments", json={"service_id": service, "user_id": user}).json["id"],
        "client_id": client.post("/v1/clients", json={"name": "A", "role": "agent", "scopes": []}).json["id"],
        "role_id": client.post("/v1/roles", json={"name": "A", "base_role": "agent", "permissions": []}).json["id"],
        "endpoint_id": client.post("/v1/webhook-endpoints", json={"url": "http://127.0.0.1:8099/"}).json["id"],
        "automation_id": client.post("/v1/automations", json={"name": "A", **RULE}).json["id"],
        "state_id": client.post("/v1/ticket-states", json={"name": "A", "status": "open"}).json["id"],
        "event_type": "ticket.created",
        "name": "start.js",
    }


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_no_request_that_fits_the_document_or_just_does_not_breaks_the_server(standing, known_ids, mode):
    schema = schemathesis.openapi.from_wsgi("/openapi.json", standing.http.application)
    token = {"Authorization": f"Bearer {standing.tenant.token}"}
    tried = 0

    for found in schema.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        parameters = {name: known_ids[name] for name in _names_in(operation.path)}

        @given(operation.as_strategy(generation_mode=mode, path_parameters=parameters or None))
        @settings(max_examples=_EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
        def try_out(case):
            case.call_and_validate(checks=_CHECKS, headers=token)

        # What takes nothing cannot be asked wrongly.
        with suppress(Unsatisfiable):
            try_out()
            tried += 1

    assert tried > 30


def _names_in(path):
    return [part.strip("{}") for part in path.split("/") if part.startswith("{")]
