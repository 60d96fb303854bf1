"""Automations over HTTP: written, read, edited, tried, and what is refused. What they do: `test_automations` beside."""

import json
import re
from typing import Any
from uuid import uuid4

import pytest
from psycopg import sql

from tests.api.conftest import ApiClient
from tests.api.matrix_rows import RULE
from tests.architecture.sources import ROOT
from workflows.automation_runs import run_automations
from workflows.relay import relay_outbox

NOBODY = "01890000-0000-7000-8000-000000000000"
COMMENT = {"type": "comment", "visibility": "public", "body": "Hello"}


def test_a_rule_is_written_read_edited_and_listed_with_its_versions(client: ApiClient) -> None:
    body = {
        "name": "Reopened",
        "on": ["ticket.status_changed"],
        "conditions": {"changes": {"status": {"from": ["resolved"]}}, "by": ["requester"], "types": ["incident"]},
        "actions": [{"type": "set_priority", "priority": "high"}, COMMENT],
    }
    made = client.post("/v1/automations", json=body)
    path = made.headers["Location"]

    assert (made.status_code, made.headers["ETag"]) == (201, '"1"')
    assert (made.json["active"], made.json["position"], made.json["stop"]) == (True, 1000, False)
    assert made.json["actions"] == body["actions"]
    assert made.json["conditions"]["changes"] == {"status": {"from": ["resolved"], "to": []}}
    edited = client.patch(path, json={"stop": True}, headers={"If-Match": '"1"'})
    assert (edited.status_code, edited.json["definition_version"], edited.json["stop"]) == (200, 2, True)
    assert client.patch(path, json={"position": 5}).json["definition_version"] == 2
    assert client.patch(path, json={"position": 5}).headers["ETag"] == '"3"'
    assert client.get(path).json == {
        **edited.json,
        "position": 5,
        "version": 3,
        "updated_at": client.get(path).json["updated_at"],
    }
    versions = client.get(f"{path}/versions").json["items"]
    assert [(one["version"], one["definition"]["stop"]) for one in versions] == [(1, False), (2, True)]
    assert [one["name"] for one in client.get("/v1/automations").json["items"]] == ["Reopened"]


def test_a_repeated_post_writes_one_rule(client: ApiClient, count_rows: Any) -> None:
    headers = {"Idempotency-Key": "once"}
    first = client.post("/v1/automations", json={"name": "A", **RULE}, headers=headers)
    again = client.post("/v1/automations", json={"name": "A", **RULE}, headers=headers)

    assert (again.status_code, again.json) == (201, first.json)
    assert (count_rows("automations"), count_rows("automation_versions")) == (1, 1)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"on": []}, "on"),
        ({"on": ["webhook.test"]}, "on.0"),
        ({"on": ["ticket.created", "nothing"]}, "on.1"),
        ({"actions": []}, "actions"),
        ({"actions": [{"type": "explode"}]}, "actions.0.type"),
        ({"actions": [{"type": "assign"}]}, "actions.0"),
        ({"actions": [{"type": "assign", "user_id": NOBODY, "team_id": NOBODY}]}, "actions.0"),
        ({"actions": [COMMENT, {"type": "assign", "user_id": NOBODY}]}, "actions.1.user_id"),
        ({"actions": [{"type": "assign", "team_id": NOBODY}]}, "actions.0.team_id"),
        ({"actions": [{"type": "set_priority", "priority": "huge"}]}, "actions.0.priority"),
        ({"actions": [{"type": "add_tags", "tags": []}]}, "actions.0.tags"),
        ({"actions": [{"type": "set_field", "field": "a", "value": {}}]}, "actions.0.value"),
        ({"actions": [{**COMMENT, "body": "{{ticket.secret}}"}]}, "actions.0.body"),
        ({"actions": [{"type": "transition", "action": "explode"}]}, "actions.0.action"),
        ({"actions": [{"type": "notify", "to": "everybody"}]}, "actions.0.to"),
        ({"conditions": {"team_ids": [NOBODY]}}, "conditions.team_ids.0"),
        ({"conditions": {"service_ids": [NOBODY]}}, "conditions.service_ids.0"),
        ({"conditions": {"all_tags": ["a"], "no_tags": ["a"]}}, "conditions.no_tags"),
        ({"conditions": {"changes": {"subject": {}}}}, "conditions.changes.subject.key"),
        ({"conditions": {"changes": {"status": {"to": ["gone"]}}}}, "conditions.changes.status"),
        ({"on": ["ticket.created"], "conditions": {"comment": "public"}}, "conditions.comment"),
        ({"conditions": {"by": ["nobody"]}}, "conditions.by.0"),
        ({"position": 0}, "position"),
        ({"name": " "}, "name"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_by_its_field_and_nothing_is_kept(
    still: ApiClient, wrong: dict[str, Any], field: str
) -> None:
    answer = still.post("/v1/automations", json={"name": "A", **RULE, **wrong})

    assert (answer.status_code, answer.json["code"]) == (422, "validation_failed")
    assert answer.json["errors"][0]["field"] == field


def test_a_stale_edit_and_an_unknown_rule_change_nothing(
    client: ApiClient, other_client: ApiClient, snapshot: Any
) -> None:
    path = client.post("/v1/automations", json={"name": "A", **RULE}).headers["Location"]
    before = snapshot()

    assert client.patch(path, json={"stop": True}, headers={"If-Match": '"7"'}).status_code == 412
    assert other_client.get(path).status_code == 404
    assert other_client.patch(path, json={"stop": True}).status_code == 404
    assert client.get(f"/v1/automations/{uuid4()}").status_code == 404

    # Only the refusals are written down, if anything.
    assert {name for name, found in snapshot().items() if found != before[name]} <= {"logs", "log_unsealed"}


def test_the_examples_of_the_document_can_be_sent_as_they_stand(client: ApiClient) -> None:
    examples = re.findall(r"```json\n(.*?)```", (ROOT / "docs/automations.md").read_text(encoding="utf-8"), re.DOTALL)

    assert len(examples) == 4
    for example in examples:
        answer = client.post("/v1/automations", json=json.loads(example))
        assert answer.status_code == 201, answer.text


def test_two_active_rules_have_two_names(client: ApiClient) -> None:
    path = client.post("/v1/automations", json={"name": "A", **RULE}).headers["Location"]
    taken = client.post("/v1/automations", json={"name": "a", **RULE})

    assert (taken.status_code, taken.json["code"]) == (409, "already_exists")
    assert client.patch(path, json={"active": False}).status_code == 200
    assert client.post("/v1/automations", json={"name": "a", **RULE}).status_code == 201


def test_so_many_rules_are_active_at_once_and_no_more(client: ApiClient, database: Any) -> None:
    path = client.post("/v1/automations", json={"name": "A", "active": False, **RULE}).headers["Location"]
    database.run(
        sql.SQL("""INSERT INTO automations (organization_id, id, name, created_at, updated_at)
        SELECT organization_id, gen_random_uuid(), 'Rule ' || n, created_at, updated_at
        FROM automations, generate_series(1, 200) n""")
    )

    refused = client.patch(path, json={"active": True})

    assert (refused.status_code, refused.json["errors"][0]["field"]) == (422, "active")
    assert client.get(path).json["active"] is False


def test_what_became_of_rules_is_listed_newest_first_by_page(client: ApiClient, rt: Any) -> None:
    for name in ("A", "B", "C"):
        rule = {"on": ["ticket.created"], "conditions": {"priorities": ["low"]}, "actions": [COMMENT]}
        client.post("/v1/automations", json={"name": name, **rule})
    ticket_id = client.post("/v1/tickets", json={"subject": "x"}).json["id"]
    relay_outbox(rt)
    run_automations(rt)

    first = client.get(f"/v1/tickets/{ticket_id}/automations?limit=2").json
    rest = client.get(f"/v1/tickets/{ticket_id}/automations?cursor={first['next_cursor']}").json

    assert [one["automation_name"] for one in [*first["items"], *rest["items"]]] == ["C", "B", "A"]
    found = first["items"][0]
    assert (found["outcome"], found["actions"]) == ("not_matched", [])
    assert found["refusals"] == [{"field": "priority", "wanted": "one of low", "found": "medium"}]


def test_a_preview_says_which_events_a_rule_would_have_been_for_and_changes_nothing(
    client: ApiClient, snapshot: Any
) -> None:
    for priority in ("high", "low", "high"):
        client.post("/v1/tickets", json={"subject": "x", "priority": priority})
    before = snapshot()
    rule = {"on": ["ticket.created"], "conditions": {"priorities": ["high"]}, "actions": [COMMENT]}

    found = client.post("/v1/automations/preview", json=rule).json
    newest = client.post("/v1/automations/preview", json={**rule, "limit": 2}).json

    assert (found["looked_at"], found["matched"]) == (3, 2)
    assert [one["matches"] for one in found["items"]] == [True, False, True]
    assert found["items"][1]["refusals"] == [{"field": "priority", "wanted": "one of high", "found": "low"}]
    assert newest["items"] == found["items"][:2]
    assert client.post("/v1/automations/preview", json={**rule, "limit": 501}).status_code == 422
    assert snapshot() == before
