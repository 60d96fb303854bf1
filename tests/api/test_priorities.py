"""The matrix of priorities of an organization, and priorities that somebody chose. The decisions alone: unit tests."""

import pytest

from psms.domain.access import Role

USUAL = {
    "high": {"high": "critical", "medium": "high", "low": "medium"},
    "medium": {"high": "high", "medium": "medium", "low": "low"},
    "low": {"high": "medium", "medium": "low", "low": "low"},
}
STRICT = {impact: dict.fromkeys(USUAL, "critical") for impact in USUAL}


@pytest.fixture
def own(demo):
    """The address of the organization."""
    return f"/v1/organizations/{demo.organization_id}"


def filed(client, **ticket):
    return client.post("/v1/tickets", json={"subject": "Printer", **ticket})


def told(answer):
    return tuple(answer.json[name] for name in ("priority", "priority_source", "priority_reason"))


def test_an_edited_matrix_holds_for_what_is_filed_or_edited_from_then_on_in_this_organization(
    client, other_client, own
):
    before = filed(client)
    edited = client.patch(own, json={"priority_matrix": STRICT})
    path = before.headers["Location"]

    assert (edited.status_code, edited.json["priority_matrix"], edited.json["version"]) == (200, STRICT, 2)
    assert told(filed(client)) == ("critical", "matrix", None)
    assert told(filed(other_client)) == ("medium", "matrix", None)
    assert told(client.get(path)) == ("medium", "matrix", None)
    assert told(client.patch(path, json={"impact": "low"})) == ("critical", "matrix", None)


def test_a_matrix_that_is_let_go_is_the_usual_one_again(client, own):
    client.patch(own, json={"priority_matrix": STRICT})

    usual = client.patch(own, json={"priority_matrix": None})
    again = client.patch(own, json={"priority_matrix": None})

    assert usual.json["priority_matrix"] == client.get(own).json["priority_matrix"] == USUAL
    assert again.json["version"] == usual.json["version"] == 3
    assert told(filed(client, impact="low")) == ("low", "matrix", None)


@pytest.mark.parametrize(
    ("matrix", "field"),
    [
        ({}, "priority_matrix.high"),
        ([], "priority_matrix"),
        ({**USUAL, "low": {"high": "medium", "medium": "low"}}, "priority_matrix.low.low"),
        ({**USUAL, "low": {"high": "medium", "medium": "low", "low": "none"}}, "priority_matrix.low.low"),
        ({**USUAL, "huge": USUAL["high"]}, "priority_matrix.huge"),
        ({**USUAL, "low": USUAL["high"]}, "priority_matrix"),
        ({**USUAL, "high": {"high": "critical", "medium": "low", "low": "medium"}}, "priority_matrix"),
    ],
)
def test_a_matrix_that_is_none_is_refused_and_nothing_changes(client, own, snapshot, matrix, field):
    before = snapshot()

    refused = client.patch(own, json={"priority_matrix": matrix})

    assert refused.status_code == 422
    assert field in [error["field"] for error in refused.json["errors"]]
    assert snapshot() == before


@pytest.mark.parametrize("role", [Role.MANAGER, Role.AGENT, Role.REQUESTER, Role.AUDITOR])
def test_only_admins_edit_the_matrix(as_role, own, snapshot, role):
    caller = as_role(role)
    before = snapshot()

    refused = caller.patch(own, json={"priority_matrix": STRICT})

    after = snapshot()
    assert refused.status_code == 403
    assert {table for table in before if before[table] != after[table]} <= {"logs"}


def test_a_priority_that_was_chosen_for_a_reason_stays_until_it_is_let_go(client):
    path = filed(client).headers["Location"]

    chosen = client.patch(path, json={"priority": "critical", "priority_reason": "The board is waiting"})
    kept = client.patch(path, json={"impact": "low"})
    let_go = client.patch(path, json={"priority": None})

    assert told(chosen) == told(kept) == ("critical", "manual", "The board is waiting")
    assert told(let_go) == ("low", "matrix", None)


def test_a_priority_chosen_with_the_ticket_has_its_reason_too(client):
    assert told(filed(client, priority="low", priority_reason="A test")) == ("low", "manual", "A test")
    assert told(filed(client, priority="low")) == ("low", "manual", None)


def test_the_choice_re_times_the_promise_and_so_does_letting_it_go(client):
    client.post("/v1/sla-policies", json={"name": "Critical", "priority": "critical", "resolution_seconds": 3600})
    client.post("/v1/sla-policies", json={"name": "Others", "resolution_seconds": 7200})
    path = filed(client).headers["Location"]

    def target():
        (clock,) = [one for one in client.get(f"{path}/sla").json["clocks"] if one["state"] == "running"]
        return clock["target_seconds"]

    targets = [target()]
    for edit in ({"priority": "critical", "priority_reason": "The board"}, {"priority": None}):
        client.patch(path, json=edit)
        targets.append(target())

    assert targets == [7200, 3600, 7200]


@pytest.mark.parametrize("edit", [{"priority_reason": "x"}, {"priority": None, "priority_reason": "x"}])
def test_a_reason_without_a_choice_is_refused_and_nothing_changes(client, snapshot, edit):
    path = filed(client).headers["Location"]
    before = snapshot()

    answers = [client.patch(path, json=edit), client.post("/v1/tickets", json={"subject": "x", "priority_reason": "x"})]

    assert [(answer.status_code, answer.json["errors"][0]["field"]) for answer in answers] == [
        (422, "priority_reason")
    ] * 2
    assert snapshot() == before


def test_who_may_not_choose_a_priority_gives_no_reason_either(as_role, client):
    requester = as_role(Role.REQUESTER)
    own = filed(requester)

    assert own.status_code == 201
    assert not {"priority_source", "priority_reason"} & own.json.keys()
    assert requester.patch(own.headers["Location"], json={"priority_reason": "x"}).status_code == 422
    assert requester.post("/v1/tickets", json={"subject": "x", "priority_reason": "x"}).status_code == 422
