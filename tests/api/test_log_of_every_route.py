"""Every unsafe route leaves an entry with who, from where and under which request; without it nothing is changed."""

import re
from contextlib import contextmanager

import pytest
import structlog
from psycopg import sql

from api.app import create_app
from psms.domain.access import Role
from psms.domain.time_entries import NewTimer
from psms.settings import Settings
from tests.api import matrix_rows
from tests.api.matrix import QUESTIONS
from tests.api.matrix_rows import REPLAY, ROUTING, RULE
from tests.api.unsafe_calls import A_DAY, CALLS
from tests.support.played_runs import begin, two_steps
from tests.support.receiver import Receiver
from tests.support.tenants import add_caller, add_endpoint, file_ticket
from workflows.boot import runtime_for
from workflows.deliveries import deliver_due
from workflows.relay import relay_outbox
from workflows.timers import start_timer

REQUEST = "request-of-this-test"
FORM = "application/x-www-form-urlencoded"
SAFE = {"GET", "HEAD", "OPTIONS"}

# They answer with what OAuth 2.0 says, and are called below.
OAUTH = {("POST", "/oauth/token"), ("POST", "/oauth/revoke")}


def unsafe_routes():
    """Return method and rule of every unsafe route of the application."""
    nowhere = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", "REDIS_URL": "redis://127.0.0.1:1/0"}
    app = create_app(runtime_for(Settings.from_env(nowhere)))
    return sorted((method, rule.rule) for rule in app.url_map.iter_rules() for method in (rule.methods or set()) - SAFE)


def template_of(rule):
    """Return the template in CALLS whose literal parts are those of *rule*."""
    return [part if not part.startswith("<") else "*" for part in rule.split("/")]


def call_for(method, rule):
    """Return path template and body for a route; None where nobody has said how to call it."""
    for (known, path), body in CALLS.items():
        parts = [part if not part.startswith("{") else "*" for part in path.split("/")]
        if known == method and parts == template_of(rule):
            return path, body
    return None


@pytest.fixture
def things(client, rt, demo, database):
    """One of everything that a route may be about."""

    def made(path, **body):
        answer = client.post(path, json=body)
        assert answer.status_code == 201, answer.text
        return answer.json["id"]

    policy = made("/v1/sla-policies", name="Usual", resolution_seconds=86400)
    with Receiver() as partner:
        endpoint, _ = add_endpoint(rt, demo.actor, partner.url("/hook"))
        ticket = file_ticket(rt, demo.actor)
        relay_outbox(rt)
        deliver_due(rt)
    database.run(sql.SQL("UPDATE sla_clocks SET breached_at = due_at"))
    user = made("/v1/users", email="somebody@example.com", name="Somebody", role="agent")
    service = client.get("/v1/services").json["items"][0]["id"]
    # One's own, to be stopped, and one of somebody else, to be discarded.
    colleague = add_caller(rt, demo.organization_id, Role.AGENT)
    start_timer(rt, demo.actor, ticket, NewTimer())
    return {
        **asked_tickets(made, str(demo.actor.user_id), user),
        **settings_of(client, made, user),
        "organization": str(demo.organization_id),
        "service": service,
        "user": user,
        "policy": policy,
        "ticket": str(ticket),
        "clock": client.get(f"/v1/tickets/{ticket}/sla").json["clocks"][0]["id"],
        **related_tickets(client, made, str(ticket)),
        "time_entry": made(f"/v1/tickets/{ticket}/time-entries", seconds=60),
        "timer": str(start_timer(rt, colleague.actor, ticket, NewTimer()).id),
        "run": str(begin(rt, demo, two_steps(), "run")),
        "failed_run": failed_run(rt, demo, database),
        "macro": made("/v1/macros", name="Hello", reply="Hello"),
        "endpoint": str(endpoint),
        **replayed(made),
        "delivery": client.get(f"/v1/webhook-endpoints/{endpoint}/deliveries").json["items"][0]["id"],
    }


def replayed(made):
    """Return an endpoint with a replay."""
    endpoint = made("/v1/webhook-endpoints", url="http://127.0.0.1:8099/hook")
    return {"replayed": endpoint, "replay": made(f"/v1/webhook-endpoints/{endpoint}/replays", **REPLAY)}


def settings_of(client, made, user):
    """Return what an organization sets up, with a ticket that is assigned automatically."""
    other_service = made("/v1/services", name="Phones")
    automatic = made("/v1/teams", name="Automatic", member_ids=[user])
    assert client.call("PUT", f"/v1/teams/{automatic}/routing", json={"strategy": "round_robin"}).status_code == 200
    return {
        "routed": made("/v1/tickets", subject="Routed", team_id=automatic),
        "absence": made("/v1/absences", **{"from": "2026-11-01T00:00:00Z", "to": "2026-11-02T00:00:00Z"}),
        "team": made("/v1/teams", name="Desk"),
        "duty": made("/v1/duties", user_id=user, **{"from": "2026-11-01T00:00:00Z", "to": "2026-11-02T00:00:00Z"}),
        "assignment": made("/v1/assignments", service_id=other_service, user_id=user),
        "client": made("/v1/clients", name="Robot", role="agent", scopes=["tickets:read"]),
        "role": made("/v1/roles", name="Readers", base_role="agent", permissions=["ticket.read"]),
        "calendar": made("/v1/calendars", name="Usual", time_zone="UTC", always_open=True),
        "state": made("/v1/ticket-states", name="Usual", status="on_hold"),
        "automation": made("/v1/automations", name="Usual", **RULE),
    }


def asked_tickets(made, me, user):
    """Return tickets that are asked about, and who stands in."""
    request = made("/v1/tickets", subject="A laptop", type="request")
    own = {"name": "Consent", "user_ids": [me, user], "quorum": "all", "own_requests": True}
    return {
        "request": made("/v1/tickets", subject="A laptop", type="request"),
        "change": made("/v1/tickets", subject="Disks", type="change"),
        "approval": made(f"/v1/tickets/{request}/approvals", steps=[own]),
        "delegation": made("/v1/approval-delegations", delegate_id=user, **A_DAY),
    }


def related_tickets(client, made, ticket):
    """Return tickets in every relation to another one."""
    names = ("other", "child", "merged", "deleted", "purged", "doomed")
    ids = {name: made("/v1/tickets", subject=name) for name in names}
    assert client.call("PUT", f"/v1/tickets/{ids['child']}/parent", json={"parent_id": ids["other"]}).status_code == 200
    assert client.post(f"/v1/tickets/{ids['merged']}/merge", json={"into": ids["other"]}).status_code == 200
    assert {client.delete(f"/v1/tickets/{ids[name]}").status_code for name in ("deleted", "purged")} == {204}
    return {
        **ids,
        "problem": made("/v1/tickets", subject="problem", type="problem"),
        "link": made(f"/v1/tickets/{ticket}/links", kind="relates_to", ticket_id=ids["other"]),
        "comment": made(f"/v1/tickets/{ticket}/comments", body="Hello"),
    }


def failed_run(rt, demo, database):
    """Return the id of a run that was given up."""
    run_id = begin(rt, demo, two_steps(), "failed run")
    database.run(sql.SQL("UPDATE workflow_runs SET state = 'failed' WHERE id = {}").format(sql.Literal(str(run_id))))
    return str(run_id)


def filled(body, things):
    """Return *body* with the ids of *things*."""
    if body is None:
        return {}
    return {"json": matrix_rows.filled(body, things)}


def entries_of(database, request_id=REQUEST):
    return database.rows(
        "SELECT actor_id, client_id, address, outcome, action FROM logs WHERE request_id = %s ORDER BY id", request_id
    )


def test_a39_every_unsafe_route_leaves_an_entry_or_changes_nothing(client, demo, things, database, snapshot):
    who = (demo.actor.user_id, demo.actor.client_id, "127.0.0.1", "done")
    for number, (method, rule) in enumerate(
        sorted(set(unsafe_routes()) - OAUTH - QUESTIONS, key=lambda route: (route[0] == "DELETE", route))
    ):
        call = call_for(method, rule)
        assert call is not None, f"say in CALLS how {method} {rule} is called"
        path, options = call[0].format(**things), filled(call[1], things)
        before = snapshot()
        # The failures are told to the log of the process, at length.
        with no_entries(database), structlog.testing.capture_logs():
            failed = client.call(method, path, **options)
        assert failed.status_code == 500, f"{method} {rule}: {failed.text}"
        assert snapshot() == before, f"{method} {rule}"

        answer = client.call(method, path, headers={"X-Request-ID": f"request-{number}"}, **options)

        assert answer.status_code in {200, 201, 204}, f"{method} {rule}: {answer.text}"
        assert {entry[:4] for entry in entries_of(database, f"request-{number}")} == {who}, f"{method} {rule}"


def test_a_question_changes_nothing_and_leaves_no_entry(client, things, snapshot):
    ids = {f"<uuid:{name}_id>": found for name, found in things.items()}
    asked = [(method, re.sub("<[^>]*>", lambda found: ids[found[0]], path), path) for method, path in QUESTIONS]
    before = snapshot()

    bodies: dict[str, object] = {rule: ROUTING for _, rule in QUESTIONS if rule.endswith("/simulations")}
    bodies |= {"/v1/automations/preview": RULE, "/v1/tickets/<uuid:ticket_id>/presence": {"activity": "viewing"}}

    answers = {client.call(method, path, json=bodies.get(rule, {})).status_code for method, path, rule in asked}
    assert answers == {200}
    assert snapshot() == before


@contextmanager
def no_entries(database):
    """Let every attempt to write an entry fail inside."""
    database.run(
        sql.SQL(
            "CREATE FUNCTION no_entry() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'no entry can be written'; END $$"
        )
    )
    database.run(sql.SQL("CREATE TRIGGER no_entry BEFORE INSERT ON logs FOR EACH ROW EXECUTE FUNCTION no_entry()"))
    yield
    database.run(sql.SQL("DROP FUNCTION no_entry() CASCADE"))


def sign_in(http, demo, secret, client_id=None):
    data = {
        "grant_type": "client_credentials",
        "client_id": client_id or demo.client.client_id,
        "client_secret": secret,
    }
    return http.post("/oauth/token", data=data, headers={"X-Request-ID": REQUEST})


def test_a39_a_token_that_is_issued_and_one_that_is_revoked_leave_entries(http, demo, database):
    token = sign_in(http, demo, demo.client_secret).json["access_token"]
    data = {"client_id": demo.client.client_id, "client_secret": demo.client_secret, "token": token}
    assert http.post("/oauth/revoke", data=data, headers={"X-Request-ID": REQUEST}).status_code == 200

    who = (demo.actor.user_id, demo.actor.client_id, "127.0.0.1", "done")
    assert entries_of(database) == [(*who, "token.issued"), (*who, "token.revoked")]


def test_a39_a_sign_in_with_a_wrong_secret_leaves_an_entry(http, demo, database):
    assert sign_in(http, demo, "wrong").status_code == 401

    assert entries_of(database) == [(None, None, "127.0.0.1", "denied", "token.refused")]
    found = database.rows("SELECT organization_id, target_id, after FROM logs WHERE request_id = %s", REQUEST)
    assert found == [(demo.organization_id, demo.client.id, {"reason": "wrong secret"})]


def test_a39_a_sign_in_of_a_client_that_nobody_knows_leaves_an_entry_of_the_installation(http, demo, database):
    assert sign_in(http, demo, "wrong", client_id="mistaken-for-a-secret").status_code == 401

    found = database.rows("SELECT organization_id::text, after FROM logs WHERE request_id = %s", REQUEST)
    expected = {"reason": "unknown client", "client_id": "mistaken-for"}
    assert found == [("00000000-0000-0000-0000-000000000000", expected)]


def test_a39_a_refusal_leaves_an_entry(as_role, http, database):
    requester = as_role(Role.REQUESTER)

    answer = requester.post("/v1/services", json={"name": "Mine"}, headers={"X-Request-ID": REQUEST})

    assert answer.status_code == 403
    ((actor_id, client_id, address, outcome, action),) = entries_of(database)
    assert actor_id is not None
    assert client_id is not None
    assert (address, outcome, action) == ("127.0.0.1", "denied", "service.manage")
