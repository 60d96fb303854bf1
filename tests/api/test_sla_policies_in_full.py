"""SLA policies over the API in their full form: conditions, targets, levels, versions and order; and which applies."""

from typing import Any
from uuid import uuid4

import pytest

from psms.domain.access import Role

BREACH = {"id": "breach", "percent": 100, "actions": [{"type": "raise_priority"}, {"type": "notify", "to": "managers"}]}
PAGE = {"id": "page", "offset_seconds": 7200, "clock": "wall", "actions": [{"type": "page"}]}
USUAL_LEVELS = [
    {"id": "at_risk", "percent": 80, "actions": [{"type": "event"}]},
    {"id": "breach", "percent": 100, "actions": [{"type": "raise_priority"}, {"type": "notify", "to": "assignee"}]},
]
LISTS = ("service_ids", "types", "priorities", "tiers", "tags", "all_tags", "no_tags")
ANY: dict[str, Any] = {name: [] for name in LISTS} | {"custom_fields": {}}
GOLD = {
    "name": "Gold",
    "conditions": {"tiers": ["gold"], "priorities": ["high", "critical"]},
    "targets": {"first_response": {"seconds": 900}, "resolution": {"seconds": 14_400, "levels": [BREACH, PAGE]}},
}
HOUR = {"targets": {"resolution": {"seconds": 3600}}}


def levels(*given):
    """Return a policy with these levels of its resolution."""
    return {"name": "P", "targets": {"resolution": {"seconds": 60, "levels": list(given)}}}


def acting(**action):
    """Return a policy whose breach leads to an action."""
    return levels({"id": "breach", "percent": 100, "actions": [action]})


def added(client, **body):
    """Add a policy and return its address and itself."""
    created = client.post("/v1/sla-policies", json={"name": "P", **HOUR, **body})
    assert created.status_code == 201, created.text
    return created.headers["Location"], created.json


def test_a_full_policy_is_stored_with_the_usual_for_what_it_leaves_out(client):
    path, policy = added(client, **GOLD)

    assert policy["conditions"] == {**ANY, "tiers": ["gold"], "priorities": ["critical", "high"]}
    assert policy["targets"] == {
        "first_response": {
            "seconds": 900,
            "calendar_id": None,
            "pause_on": [],
            "reopening": "resume",
            "reopen_floor_percent": 25,
            "levels": USUAL_LEVELS,
        },
        "resolution": {
            "seconds": 14_400,
            "calendar_id": None,
            "pause_on": ["pending", "on_hold"],
            "reopening": "resume",
            "reopen_floor_percent": 25,
            "levels": [BREACH, PAGE],
        },
    }
    in_short = [policy[name] for name in ("priority", "first_response_seconds", "resolution_seconds", "position")]
    assert in_short == [None, 900, 14_400, 1000]
    assert client.get(path).json == policy


def test_in_short_and_in_full_are_the_same_policy(client):
    _, short = added(client)
    in_short = client.post("/v1/sla-policies", json={"name": "P", "priority": "high", "resolution_seconds": 3600}).json
    in_full = client.post("/v1/sla-policies", json={"name": "P", "conditions": {"priorities": ["high"]}, **HOUR}).json

    own = {"id", "created_at", "updated_at"}
    assert {name: in_short[name] for name in in_short.keys() - own} == {
        name: in_full[name] for name in in_full.keys() - own
    }
    assert (in_short["priority"], short["priority"], short["position"]) == ("high", None, 2000)


def test_an_edit_of_what_it_says_makes_a_version_and_one_of_the_rest_does_not(client, demo):
    path, policy = added(client, **GOLD)
    renamed = client.patch(path, json={"name": "Silver", "position": 7, "active": False}).json
    changed = client.patch(path, json={"resolution_seconds": 60, "priority": None}).json
    again = client.patch(path, json={"resolution_seconds": 60, "priority": None}).json
    versions = client.get(f"{path}/versions").json["items"]

    assert [renamed[name] for name in ("version", "definition_version", "position", "active")] == [2, 1, 7, False]
    assert [changed[name] for name in ("version", "definition_version")] == [3, 2]
    assert again == changed
    assert changed["conditions"] == {**ANY, "tiers": ["gold"]}
    assert changed["targets"]["resolution"] == {**policy["targets"]["resolution"], "seconds": 60}
    assert [(one["version"], one["created_by"]) for one in versions] == [
        (number, str(demo.actor.user_id)) for number in (1, 2)
    ]
    assert [one["definition"] for one in versions] == [
        {name: one[name] for name in ("conditions", "targets")} for one in (policy, changed)
    ]


def test_versions_come_page_by_page(client):
    path, _ = added(client)
    for seconds in (1, 2):
        client.patch(path, json={"resolution_seconds": seconds})

    first = client.get(f"{path}/versions?limit=1").json
    rest = client.get(f"{path}/versions", query_string={"cursor": first["next_cursor"]}).json

    assert [one["version"] for one in first["items"] + rest["items"]] == [1, 2, 3]
    assert rest["next_cursor"] is None


def test_a_stale_edit_changes_nothing(client, snapshot):
    path, _ = added(client)
    client.patch(path, json={"position": 3})
    before = snapshot()

    stale = client.patch(path, json={"position": 4}, headers={"If-Match": '"1"'})

    assert (stale.status_code, stale.json["code"]) == (412, "version_stale")
    assert snapshot() == before


def refusals(client, body):
    """Return the fields that a policy is refused for."""
    return [error["field"] for error in client.post("/v1/sla-policies", json={"name": "P", **body}).json["errors"]]


@pytest.mark.parametrize(
    ("field", "body"),
    [
        ("targets", {"targets": {}}),
        ("targets.resolution.seconds", {"targets": {"resolution": {"seconds": -1}}}),
        ("targets.resolution.seconds", {"targets": {"resolution": {}}}),
        ("targets.closure", {"targets": {"closure": {"seconds": 1}}}),
        ("targets.resolution.levels.1.id", levels(BREACH, BREACH)),
        ("targets.resolution.levels.1", levels(BREACH, {"id": "x", "percent": 50})),
        ("targets.resolution.levels.0.id", levels({"id": "no spaces", "percent": 50})),
        ("targets.resolution.levels.0.percent", levels({"id": "x", "percent": 0})),
        ("targets.resolution.levels.0", levels({"id": "x", "percent": 5, "offset_seconds": 5})),
        ("targets.resolution.levels.0.actions.0.type", acting(type="shout")),
        ("targets.resolution.levels.0.actions.0.to", acting(type="notify", to="everybody")),
        ("targets.resolution.levels.0.actions.0", acting(type="notify")),
        ("targets.resolution.levels.0.actions.0.user_id", acting(type="notify", user_id=str(uuid4()))),
        ("targets.resolution.levels.0.actions.0.team_id", acting(type="reassign", team_id=str(uuid4()))),
        ("targets.resolution.calendar_id", {"targets": {"resolution": {"seconds": 1, "calendar_id": str(uuid4())}}}),
        ("targets.resolution.pause_on", {"targets": {"resolution": {"seconds": 1, "pause_on": ["open"]}}}),
        ("conditions.service_ids.0", {**HOUR, "conditions": {"service_ids": [str(uuid4())]}}),
        ("conditions.no_tags", {**HOUR, "conditions": {"all_tags": ["a"], "no_tags": ["a"]}}),
        ("conditions.custom_fields.site", {**HOUR, "conditions": {"custom_fields": {"site": []}}}),
        ("conditions.custom_fields.site.value.0", {**HOUR, "conditions": {"custom_fields": {"site": [{}]}}}),
        ("conditions.priorities.0", {**HOUR, "conditions": {"priorities": ["urgent"]}}),
        ("conditions.sql", {**HOUR, "conditions": {"sql": "true"}}),
        ("priority", {**HOUR, "priority": "low", "conditions": {"priorities": ["low"]}}),
        ("resolution_seconds", {**HOUR, "resolution_seconds": 5}),
        ("position", {**HOUR, "position": 0}),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused_by_field(client, snapshot, field, body):
    before = snapshot()

    assert refusals(client, body) == [field]
    assert snapshot() == before


def test_what_an_edit_leaves_must_make_sense(client, snapshot):
    path, _ = added(client, **GOLD)
    before = snapshot()

    answer = client.patch(path, json={"conditions": {"service_ids": [str(uuid4())]}})

    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "conditions.service_ids.0")
    assert snapshot() == before


def test_a_policy_may_name_what_there_is(client, demo):
    user = str(demo.actor.user_id)
    team = client.post("/v1/teams", json={"name": "Desk"}).json["id"]
    service = client.get("/v1/services").json["items"][0]["id"]
    actions = [
        {"type": "notify", "user_id": user},
        {"type": "reassign", "team_id": team},
        {"type": "add_watcher", "user_id": user},
    ]

    _, policy = added(
        client,
        conditions={"service_ids": [service]},
        targets={"resolution": {"seconds": 60, "levels": [{"id": "x", "percent": 50, "actions": actions}]}},
    )

    assert policy["targets"]["resolution"]["levels"][0]["actions"] == actions
    assert policy["conditions"]["service_ids"] == [service]


def asked(client, **question):
    """Return which policy would be for a ticket, and all verdicts."""
    answer = client.post("/v1/sla-policies/match", json=question)
    assert answer.status_code == 200, answer.text
    return answer.json


def test_the_first_policy_whose_conditions_hold_applies_and_the_others_say_why_not(client):
    _, usual = added(client, name="Usual")
    _, gold = added(client, **GOLD)
    _, north = added(client, name="North", position=1, conditions={"custom_fields": {"site": ["north", 3]}})

    found = asked(client, priority="low", custom_fields={"customer_tier": "gold", "site": "south"})
    golden = asked(client, priority="high", tier="gold")

    assert (found["policy_id"], found["policy_version"], found["targets"]) == (usual["id"], 1, usual["targets"])
    assert [(one["policy_id"], one["applies"], one["refusals"]) for one in found["verdicts"]] == [
        (north["id"], False, [{"field": "custom_fields.site", "wanted": "one of 3, north", "found": "south"}]),
        (gold["id"], False, [{"field": "priority", "wanted": "one of critical, high", "found": "low"}]),
        (usual["id"], True, []),
    ]
    assert (golden["policy_id"], len(golden["verdicts"])) == (gold["id"], 2)


def test_where_no_policy_applies_the_answer_is_none(client):
    added(client, **GOLD)

    found = asked(client)

    assert (found["policy_id"], found["policy_version"], found["targets"]) == (None, None, {})
    assert [one["applies"] for one in found["verdicts"]] == [False]


def test_another_position_changes_who_is_asked_first(client):
    path, first = added(client, name="First")
    _, second = added(client, name="Second")

    before = asked(client)["policy_id"]
    client.patch(path, json={"position": 1})

    assert [before, asked(client)["policy_id"]] == [second["id"], first["id"]]


def test_a_question_about_a_service_that_there_is_not_is_refused(client, other_client):
    theirs = other_client.get("/v1/services").json["items"][0]["id"]

    for service_id in (theirs, str(uuid4())):
        answer = client.post("/v1/sla-policies/match", json={"service_id": service_id})
        assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "service_id")


def test_another_organization_sees_no_version_and_is_not_promised_anything(client, other_client):
    path, _ = added(client)

    assert other_client.get(f"{path}/versions").status_code == 404
    assert asked(other_client)["verdicts"] == []


def test_agents_may_ask_and_requesters_may_not(client, as_role):
    added(client)

    assert asked(as_role(Role.AGENT))["policy_id"] is not None
    assert as_role(Role.REQUESTER).post("/v1/sla-policies/match", json={}).status_code == 403
