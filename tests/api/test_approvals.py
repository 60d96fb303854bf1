"""Approvals over the API: asked for by a service and ad hoc, voted on, delegated, and what becomes of the ticket."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from psms.domain.access import Role
from tests.api.conftest import ApiClient, Standing
from tests.api.standing import contents
from tests.support.approvers import Person, asked, pending, person_of, put, state_of, step
from tests.support.databases import MigratedDatabase
from tests.support.tenants import make_tenant


@pytest.fixture
def client(standing: Standing) -> ApiClient:
    """An admin client of the one organization of this module."""
    return ApiClient(standing.http, standing.tenant.token)


@pytest.fixture
def person(standing: Standing) -> Callable[[Role], Person]:
    """Return a new person of a role."""

    return lambda role: person_of(standing, role)


@pytest.fixture
def service(client: ApiClient) -> str:
    return str(client.post("/v1/services", json={"name": f"Laptops {uuid4()}"}).json["id"])


@pytest.fixture
def snapshot(standing: Standing) -> Callable[[], dict[str, str]]:
    """Return the whole content of the database, as a digest for each table."""
    return lambda: contents(standing.database)


def events_of(database: MigratedDatabase, ticket: str) -> list[object]:
    rows = database.rows("SELECT type, sequence FROM events WHERE ticket_id::text = %s ORDER BY sequence", ticket)
    assert [number for _, number in rows] == list(range(1, len(rows) + 1))
    return [kind for kind, _ in rows]


def test_a_request_waits_for_its_services_chain_step_by_step(client, person, service, standing):
    boss, treasurer, requester = person(Role.MANAGER), person(Role.AGENT), person(Role.REQUESTER)
    assert put(client, service, step(boss), step(treasurer)).json["version"] == 2

    ticket = asked(requester, service)

    assert (ticket["status"], ticket["stage"], ticket["version"]) == ("pending", "awaiting_approval", 2)
    assert requester.api.get("/v1/approvals?state=pending&mine=true").json["items"] == []
    first = boss.votes(pending(boss), comment="Fine.").json
    assert (first["state"], first["position"], first["votes"][0]["comment"]) == ("approved", 1, "Fine.")
    assert state_of(client, ticket["id"]) == ("pending", "awaiting_approval")
    assert treasurer.votes(pending(treasurer)).json["state"] == "approved"
    assert state_of(client, ticket["id"]) == ("open", None)
    assert events_of(standing.database, ticket["id"]) == [
        "ticket.created",
        "ticket.status_changed",
        "ticket.approval_requested",
        "ticket.approval_decided",
        "ticket.approval_requested",
        "ticket.approval_decided",
        "ticket.status_changed",
    ]
    found = client.get(f"/v1/tickets/{ticket['id']}/approvals").json["items"]
    assert [(one["position"], one["source"], one["state"]) for one in found] == [
        (1, "service", "approved"),
        (2, "service", "approved"),
    ]


def test_a_rejection_cancels_a_request_with_its_reason_and_asks_nobody_else(client, person, service):
    boss, treasurer, requester = person(Role.MANAGER), person(Role.AGENT), person(Role.REQUESTER)
    put(client, service, step(boss), step(treasurer))
    ticket, approval = asked(requester, service), pending(boss)

    assert boss.api.post(f"/v1/approvals/{approval}/votes", json={"decision": "reject"}).status_code == 422
    assert boss.votes(approval, "reject").json["votes"][0]["comment"] == "Too dear."

    assert state_of(client, ticket["id"]) == ("cancelled", None)
    found = requester.api.get(f"/v1/tickets/{ticket['id']}/approvals").json["items"]
    assert [one["state"] for one in found] == ["rejected", "withdrawn"]
    again = boss.votes(approval)
    assert (again.status_code, again.json["code"]) == (409, "action_not_allowed")


def test_a_vote_is_changed_while_the_step_is_pending_and_counts_once(client, person, service):
    one, other = person(Role.AGENT), person(Role.AGENT)
    put(client, service, step(one, other, quorum="all"))
    asked(person(Role.REQUESTER), service)
    approval = pending(one)

    assert [one.votes(approval).json["state"] for _ in range(3)] == ["pending"] * 3
    assert one.votes(approval, "reject").json["state"] == "rejected"
    assert other.votes(approval).status_code == 409


def test_an_approver_reads_the_ticket_while_asked_and_does_nothing_else_to_it(client, person, service, snapshot):
    boss, requester, stranger = person(Role.REQUESTER), person(Role.REQUESTER), person(Role.REQUESTER)
    put(client, service, step(boss))
    path = f"/v1/tickets/{asked(requester, service)['id']}"
    approval = pending(boss)
    before = snapshot()

    assert boss.api.get(path).status_code == 200
    assert [one["subject"] for one in boss.api.get("/v1/tickets").json["items"]] == ["A laptop"]
    assert stranger.api.get(path).status_code == 404
    assert stranger.api.get(f"/v1/approvals/{approval}").status_code == 404
    for answer in (
        boss.api.patch(path, json={"subject": "Mine"}),
        boss.api.post(f"{path}/comments", json={"body": "Hello"}),
        boss.api.post(f"{path}/transitions", json={"action": "cancel"}),
        stranger.votes(approval),
    ):
        assert answer.status_code == 404
    assert snapshot() == before
    boss.votes(approval)
    assert boss.api.get(path).status_code == 404
    assert boss.api.get(f"/v1/approvals/{approval}").json["state"] == "approved"


def test_nobody_approves_their_own_request_unless_the_chain_says_so(client, person, service):
    both, manager = person(Role.AGENT), person(Role.MANAGER)
    put(client, service, step(both))
    ticket = asked(both, service)

    # With nobody left, whoever leads the desk is asked.
    assert both.votes(pending(manager)).status_code == 403
    assert manager.votes(pending(manager)).json["state"] == "approved"
    assert state_of(client, ticket["id"]) == ("open", None)

    put(client, service, step(both, own_requests=True))
    asked(both, service)
    assert both.votes(pending(both)).json["state"] == "approved"


def test_a_stand_in_votes_in_anothers_place_never_twice(client, person, service):
    boss, other, stand_in, requester = (person(role) for role in (Role.AGENT, Role.AGENT, Role.AGENT, Role.REQUESTER))
    put(client, service, step(boss, other, stand_in, quorum="count", count=2))
    asked(requester, service)
    approval = pending(boss)
    delegate = f"/v1/approvals/{approval}/delegate"

    assert boss.api.post(delegate, json={"to_user_id": requester.id}).status_code == 422
    shown = boss.api.post(delegate, json={"to_user_id": stand_in.id}).json["votes"]
    assert [one["delegate_id"] for one in shown if one["user_id"] == boss.id] == [stand_in.id]
    assert other.votes(approval, for_user_id=boss.id).status_code == 422
    assert stand_in.votes(approval, for_user_id=boss.id).json["state"] == "pending"
    # The same vote once more, by whose it is.
    assert boss.votes(approval).json["state"] == "pending"
    assert stand_in.votes(approval).json["state"] == "approved"


def test_who_is_away_is_stood_in_for_in_what_begins_meanwhile(client, person, service):
    boss, stand_in = person(Role.AGENT), person(Role.REQUESTER)
    span = {"from": "2020-01-01T00:00:00Z", "to": "2200-01-01T00:00:00Z"}
    made = boss.api.post("/v1/approval-delegations", json={"delegate_id": stand_in.id, **span})
    assert made.status_code == 201
    put(client, service, step(boss))
    ticket = asked(person(Role.REQUESTER), service)

    assert stand_in.api.get(f"/v1/tickets/{ticket['id']}").status_code == 200
    answer = stand_in.votes(pending(stand_in)).json

    assert answer["state"] == "approved"
    assert [(one["user_id"], one["voted_by"]) for one in answer["votes"]] == [(boss.id, stand_in.id)]
    assert stand_in.api.delete(made.headers["Location"]).status_code == 404
    assert boss.api.delete(made.headers["Location"]).status_code == 204


def test_a_later_edit_of_the_chain_leaves_what_runs_as_it_is(client, person, service):
    boss, requester = person(Role.MANAGER), person(Role.REQUESTER)
    put(client, service, step(boss))
    ticket = asked(requester, service)
    put(client, service)

    assert client.get(f"/v1/services/{service}/approvals").json["steps"] == []
    assert asked(requester, service)["status"] == "new"
    assert boss.votes(pending(boss)).json["state"] == "approved"
    assert state_of(client, ticket["id"]) == ("open", None)


def test_somebody_asks_ad_hoc_and_takes_it_back(client, person, service):
    boss, agent, requester = person(Role.MANAGER), person(Role.AGENT), person(Role.REQUESTER)
    ticket = asked(requester, service)
    path = f"/v1/tickets/{ticket['id']}"
    refused = agent.api.post(f"{path}/transitions", json={"action": "request_approval"})
    assert (refused.status_code, refused.json["blocked_actions"][0]["guard"]) == (409, "has_chain")
    assert requester.api.post(f"{path}/approvals", json={"steps": [step(boss)]}).status_code == 403

    made = agent.api.post(f"{path}/approvals", json={"steps": [step(boss)]}, headers={"Idempotency-Key": "once"})

    assert (made.status_code, made.json["source"], made.json["state"]) == (201, "ad_hoc", "pending")
    assert (
        agent.api.post(f"{path}/approvals", json={"steps": [step(boss)]}, headers={"Idempotency-Key": "once"}).json
        == made.json
    )
    assert agent.api.post(f"{path}/approvals", json={"steps": [step(boss)]}).status_code == 409
    assert agent.api.post(f"{path}/transitions", json={"action": "approve"}).json["blocked_actions"][0] == {
        "action": "approve",
        "guard": "votes",
        "reason": "this follows from the votes of the approvers",
    }
    assert agent.api.post(f"{path}/transitions", json={"action": "withdraw"}).json["status"] == "open"
    assert client.get(made.headers["Location"]).json["state"] == "withdrawn"
    assert boss.votes(made.json["id"]).status_code == 409


def test_a_requester_takes_a_request_back_while_it_waits(client, person, service):
    boss, requester = person(Role.MANAGER), person(Role.REQUESTER)
    put(client, service, step(boss))
    path = f"/v1/tickets/{asked(requester, service)['id']}"
    approval = pending(boss)

    options = requester.api.get(f"{path}/transitions").json
    assert [one["action"] for one in options["legal_actions"]] == ["cancel"]
    assert {one["action"]: one["guard"] for one in options["blocked_actions"]} == {
        "approve": "votes",
        "reject": "votes",
        "withdraw": "desk",
    }
    assert requester.api.post(f"{path}/transitions", json={"action": "hold"}).status_code == 403
    assert requester.api.post(f"{path}/transitions", json={"action": "cancel"}).json["status"] == "cancelled"
    assert boss.votes(approval).status_code == 409


NOBODY = "01890000-0000-7000-8000-000000000000"


def test_steps_that_make_no_sense_are_refused_by_name(client, person, service, snapshot):
    sound, before = step(person(Role.AGENT)), snapshot()
    wrong: dict[str, dict[str, Any]] = {
        "user_ids": {"user_ids": [NOBODY]},
        "team_ids": {"team_ids": [NOBODY]},
        "count": {"quorum": "count"},
        "escalate_to": {"on_expiry": "escalate", "expire_after_seconds": 60},
    }

    for field, change in [*wrong.items(), ("user_ids", {"user_ids": []}), ("count", {"count": 2})]:
        answer = put(client, service, sound | change)
        assert (answer.status_code, [one["field"] for one in answer.json["errors"]]) == (422, [f"steps.0.{field}"])
    assert snapshot() == before


def test_another_organization_sees_nothing_of_it(client, person, service, standing):
    other_client = ApiClient(standing.http, make_tenant(standing.rt, "Other").token)
    boss = person(Role.MANAGER)
    put(client, service, step(boss))
    asked(person(Role.REQUESTER), service)
    approval = pending(boss)

    assert other_client.get("/v1/approvals").json["items"] == []
    assert other_client.get(f"/v1/approvals/{approval}").status_code == 404
    vote = other_client.post(f"/v1/approvals/{approval}/votes", json={"decision": "approve"})
    assert vote.status_code == 404
    assert put(other_client, service, step(boss)).status_code == 404
    assert boss.votes(approval).json["state"] == "approved"


def test_a_deleted_tickets_approvals_are_nowhere_until_it_is_restored(client, person, service, snapshot):
    boss, requester, other = person(Role.MANAGER), person(Role.REQUESTER), person(Role.AGENT)
    put(client, service, step(boss))
    ticket = asked(requester, service)
    approval = pending(boss)
    assert client.delete(f"/v1/tickets/{ticket['id']}").status_code == 204
    before = snapshot()

    answers = [
        boss.votes(approval),
        boss.api.post(f"/v1/approvals/{approval}/delegate", json={"to_user_id": other.id}),
        boss.api.get(f"/v1/approvals/{approval}"),
    ]
    assert [one.status_code for one in answers] == [404, 404, 404]
    assert boss.api.get("/v1/approvals?mine=true").json["items"] == []
    assert snapshot() == before
    assert client.post(f"/v1/tickets/{ticket['id']}/restore").status_code == 200
    # They are asked again.
    assert boss.votes(approval).json["code"] == "action_not_allowed"
    assert boss.votes(pending(boss)).json["state"] == "approved"
