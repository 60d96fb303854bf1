"""A28: the fields of every answer to a GET, by role; and what requesters and partners never get, wherever it could be.

A new field, or a new route, is shown to nobody before it is written down here. What a field means is not told here.
"""

import json
from collections.abc import Iterator

import pytest

from psms.domain.access import Role
from tests.api import golden_desk
from tests.api.golden_lists import (
    APPROVAL,
    ASSIGNMENT,
    AUTOMATION,
    CALENDAR,
    CATALOGUED,
    CHANGE,
    CLIENT,
    DELETED,
    DELIVERY,
    ENDPOINT,
    ENTRY,
    EVENT_TYPE,
    FILLED_IN,
    FIRING,
    FORM,
    LEDGER,
    MANIFEST,
    ORGANIZATION,
    POLICY,
    PULLED,
    REBASE,
    REPLAY,
    ROLE,
    ROUTING,
    RUN,
    SERVICE,
    SERVICE_OR_STATE,
    SHOWN_OTHERWISE,
    SIMULATED,
    TEAM,
    TRIED,
)
from tests.api.matrix import EXPECT
from tests.api.matrix_rows import ROLES
from tests.api.matrix_world import World, make_world
from tests.api.standing import runtime_on
from tests.api.test_fields import COMMENT, FOR_REQUESTERS, TICKET, USER
from tests.support.databases import fresh_database
from workflows.relay import relay_outbox

READ = {
    "tickets": TICKET,
    "sla": ["at", "clocks", "ticket_id"],
    "transitions": ["blocked_actions", "legal_actions", "stage", "status", "ticket_id", "version"],
    "lifecycles": ["guards", "lifecycles"],
    "approvals": APPROVAL,
    "approval-delegations": ["created_at", "delegate_id", "id", "since", "until", "user_id"],
    "chain": ["service_id", "steps", "version"],
    "change": CHANGE,
    "change-calendar": ["changes", "complete"],
    "comments": COMMENT,
    "watchers": ["added_at", "user_id"],
    "links": ["created_at", "created_by", "id", "kind", "ticket"],
    "children": TICKET,
    "deleted-tickets": DELETED,
    "organizations": ORGANIZATION,
    "users": USER,
    "teams": TEAM,
    "routing": ROUTING,
    "skills": ["skills"],
    "absences": ["created_at", "id", "reason", "since", "until", "user_id"],
    "duties": ["created_at", "id", "since", "team_id", "until", "user_id"],
    "services": SERVICE,
    "form": FORM,
    "form-versions": FORM,
    "assignments": ASSIGNMENT,
    "clients": CLIENT,
    "roles": ROLE,
    "calendars": CALENDAR,
    "holiday-changes": ["added", "frozen_with", "library", "removed"],
    "versions": ["created_at", "created_by", "definition", "version"],
    "sla-policies": POLICY,
    "sla-rebases": REBASE,
    "attainment": ["at", "by", "complete", "groups", "metric", "since", "total", "until"],
    "time-in-status": ["at", "by", "groups", "since", "tickets", "total", "until", "without_history"],
    "automations": AUTOMATION,
    "firings": FIRING,
    "ticket-states": sorted([*SERVICE_OR_STATE, "position", "status", "types"]),
    "presence": ["activity", "seconds_ago", "user_id"],
    "event-types": EVENT_TYPE,
    "event-type": sorted([*EVENT_TYPE, "example", "schema"]),
    "webhook-endpoints": ENDPOINT,
    "deliveries": DELIVERY,
    "replays": REPLAY,
    "events": PULLED,
    "ledger": LEDGER,
    "workflow-runs": RUN,
    "logs": ENTRY,
    **golden_desk.READ,
}
LESS = {
    ("tickets", "requester"): FOR_REQUESTERS,
    ("children", "requester"): FOR_REQUESTERS,
    ("services", "requester"): CATALOGUED,
    ("form", "requester"): FILLED_IN,
    ("form-versions", "requester"): FILLED_IN,
    ("users", "agent"): ["active", "email", "id", "is_service", "name", "version"],
    **golden_desk.LESS,
}
PROBLEM = {"code", "detail", "errors", "instance", "permission", "request_id", "scope", "status", "title", "type"}
# What the last word of the address does not tell.
KIND_OF = {
    "/v1/services/<uuid:service_id>/approvals": "chain",
    "/v1/tickets/<uuid:ticket_id>/automations": "firings",
    "/v1/automations/preview": "automation-preview",
    "/v1/event-types/<string:event_type>": "event-type",
    "/v1/webhook-endpoints/<uuid:endpoint_id>/replays/<uuid:replay_id>/cancel": "replays",
}
# One delivery is shown with its attempts.
# Nobody is known to be there, as these tests have no Redis. Who is: `test_presence`.
UNKNOWN = {"available": False, "items": []}
# What an act answers with: the thing that it was done to, or what it made.
ACTS = {
    **dict.fromkeys(("transitions", "take", "parent", "merge", "unmerge", "split", "restore"), "tickets"),
    "resend": "deliveries",
    "void": "sla",
    "incident": "services",
    "votes": "approvals",
    "delegate": "approvals",
    "cancel": "workflow-runs",
    "retry": "workflow-runs",
    **golden_desk.ACTS,
}
TOLD = {
    "sla-simulations": SIMULATED,
    "simulations": TRIED,
    "preview": ["clocks", "complete", "moved", "tickets", "would_breach"],
    "automation-preview": ["items", "looked_at", "matched"],
    "match": ["chosen_by", "policy_id", "policy_version", "targets", "verdicts"],
    "test": ["event_id"],
    "resolve-with-incidents": ["left", "resolved", "ticket", "version"],
    "verify": ["event_id"],
    "rotate-secret": ["endpoint_id", "previous_expires_at", "public_key", "secret"],
}
ONCE = {
    ("POST", "/v1/webhook-endpoints"): ["secret"],
    ("POST", "/v1/clients"): ["client_secret"],
    ("POST", "/v1/organizations"): ["client_id", "client_secret"],
}
# Answered in lines, which are looked at below.
IN_LINES = "/v1/logs/export"

INTERNAL, COST, TAG = "between-us-0451", "cost-0451", "tag-0451"
AGENTS_ADDRESS = "ada@example.com"
# The tickets that a report counted, none on the day that the matrix asks for. What is listed is in `test_sla_reports`.
# Nothing was decided about a ticket that is with no team.
COUNTED = {
    "/v1/tickets/<uuid:ticket_id>/routing",
    "/v1/sla-reports/attainment/tickets",
    "/v1/sla-reports/time-in-status/tickets",
}
READING = {rule: row for (method, rule), row in EXPECT.items() if method == "GET" and rule != IN_LINES}


@pytest.fixture(scope="module")
def world(postgres) -> Iterator[World]:
    """Two organizations; the requester's ticket has in it what is not for requesters."""
    with fresh_database(postgres) as database, runtime_on(database) as rt:
        made = make_world(rt, database)
        boss, path = made.callers["admin"], f"/v1/tickets/{made.own['ticket_id']}"
        hidden = {"tags": [TAG], "custom_fields": {"cost": COST}, "assignee_id": made.own["user_id"]}
        assert boss.patch(path, json=hidden).status_code == 200
        for role in ("agent", "integration"):
            assert made.callers[role].call("PUT", f"{path}/timer").status_code == 200
        said = {"body": INTERNAL, "visibility": "internal"}
        assert boss.post(f"{path}/comments", json=said).status_code == 201
        relay_outbox(rt)
        yield made


def kind_of(rule: str) -> str:
    """Return the last word of an address, or what it stands for there."""
    return KIND_OF.get(rule) or [part for part in rule.split("/") if not part.startswith("<")][-1]


def shown(answer) -> list[dict[str, object]]:
    """Return the thing that an answer shows, or each thing of its list."""
    items = answer.json.get("items", [answer.json])
    assert items, answer.json
    return list(items)


def read(world: World, role: str, rule: str):
    """Return the answer to a GET of one's own."""
    return world.call(world.callers[role], "GET", rule, READING[rule], world.own)


@pytest.mark.parametrize("role", ROLES)
def test_a28_a_role_reads_these_fields_and_no_others(world, role):
    looked_at = 0
    for rule, row in READING.items():
        answer = read(world, role, rule)
        assert answer.status_code == row.status(role), rule
        if answer.status_code != 200:
            assert set(answer.json) <= PROBLEM, rule
            continue
        if kind_of(rule) == "presence":
            assert answer.json == UNKNOWN
            continue
        if rule in COUNTED:
            assert answer.json["items"] == []
            continue
        kind = kind_of(rule)
        golden = LESS.get((kind, role), READ[kind])
        if rule.endswith("_id>") and kind in SHOWN_OTHERWISE:
            golden = SHOWN_OTHERWISE[kind]
        for one in shown(answer):
            assert sorted(one) == golden, (rule, role)
            looked_at += 1
    assert looked_at >= 5


@pytest.mark.parametrize("role", ROLES)
def test_a28_who_writes_is_shown_what_they_may_read_and_a_secret_once(world, role):
    for (method, rule), row in EXPECT.items():
        if method in {"GET", "DELETE"} or row.status(role) >= 300 or row.status(role) == 204:
            continue
        answer = world.call(world.callers[role], method, rule, row, world.renewed(row.fresh))
        assert answer.status_code == row.status(role), (method, rule, answer.text)
        if kind_of(rule) == "presence":
            assert answer.json == UNKNOWN
            continue
        kind = ACTS.get(kind_of(rule), kind_of(rule))
        golden = (
            golden_desk.ANSWERS.get(rule)
            or TOLD.get(kind)
            or [*LESS.get((kind, role), READ[kind]), *ONCE.get((method, rule), [])]
        )
        assert sorted(answer.json) == sorted(golden), rule


def test_a28_every_golden_list_is_of_a_route(world):
    assert set(READ) == {kind_of(rule) for rule in READING}
    assert {kind for kind, _ in LESS} <= set(READ)


def texts(world: World, role: str) -> str:
    """Return all that *role* gets of its organization, in one text."""
    return "\n".join(read(world, role, rule).text for rule in READING)


@pytest.mark.parametrize("marker", [INTERNAL, COST, TAG, AGENTS_ADDRESS])
def test_a28_a_requester_never_sees_what_is_the_desks(world, marker):
    requester, path = world.callers["requester"], f"/v1/tickets/{world.own['ticket_id']}"
    answers = [
        requester.patch(path, json={"subject": "Edited"}),
        requester.patch(path, json={"subject": "Edited", "tags": []}),
        requester.post(f"{path}/comments", json={"body": "Any news?"}),
        requester.post(f"{path}/transitions", json={"action": "close"}),
    ]

    assert [answer.status_code for answer in answers] == [200, 422, 201, 409]
    assert marker in texts(world, "admin")
    assert marker not in texts(world, "requester")
    assert not [answer for answer in answers if marker in answer.text]


def test_a28_a_role_that_may_not_read_internal_comments_sees_none(world):
    assert INTERNAL in texts(world, "agent")
    assert INTERNAL not in texts(world, "custom")


def test_a28_partners_are_not_told_what_was_said_internally_or_to_whom_an_address_belongs(world):
    bodies = [bytes(body).decode() for (body,) in world.database.rows("SELECT body FROM events")]

    assert any(TAG in body for body in bodies)
    assert not [body for body in bodies if INTERNAL in body or AGENTS_ADDRESS in body]
    ticket_events = [event for event in map(json.loads, bodies) if event["type"].startswith("ticket.")]
    assert {tuple(sorted(event["data"]["ticket"])) for event in ticket_events} == {tuple(TICKET)}


@pytest.mark.parametrize("role", [Role.ADMIN.value, Role.AUDITOR.value])
def test_a28_an_export_of_the_log_has_these_fields_and_nobodys_words(world, role):
    answer = world.callers[role].get(f"{IN_LINES}?from=2026-01-01T00:00:00Z&to=2026-01-01T00:00:01Z")
    assert answer.status_code == 200
    (since,) = world.database.rows('SELECT to_char(min(created_at), \'YYYY-MM-DD"T"HH24:MI:SS"Z"\') FROM organizations')
    answer = world.callers[role].get(f"{IN_LINES}?from={since[0]}")

    *entries, manifest = [json.loads(line) for line in answer.data.splitlines()]

    assert {tuple(sorted(line)) for line in entries} == {("entry", "seal")}
    assert {tuple(sorted(line["entry"])) for line in entries} == {tuple(sorted([*ENTRY, "organization_id"]))}
    assert {line["entry"]["organization_id"] for line in entries} == {world.own["organization_id"]}
    assert sorted(manifest) == ["manifest", "signature"]
    assert sorted(manifest["manifest"]) == MANIFEST
    assert INTERNAL not in answer.text
