"""States that an organization names: chosen with a transition or an edit, cleared with the status, told of."""

import json
from typing import Any
from uuid import uuid4

import pytest

from psms.domain.access import Role
from tests.api.conftest import ApiClient
from tests.support.databases import MigratedDatabase

BODY = "SELECT convert_from(body, 'UTF8') FROM events ORDER BY id DESC LIMIT 1"


def name_state(client: ApiClient, name: str, status: str, *types: str) -> str:
    """Name a state and return its id."""
    answer = client.post("/v1/ticket-states", json={"name": name, "status": status, "types": list(types)})
    assert answer.status_code == 201, answer.text
    return str(answer.json["id"])


def file(client: ApiClient, **said: Any) -> str:
    return f"/v1/tickets/{client.post('/v1/tickets', json={'subject': 'x', **said}).json['id']}"


def test_a_state_is_chosen_with_the_status_and_goes_with_it(client: ApiClient, database: MigratedDatabase) -> None:
    vendor, parts = name_state(client, "Vendor", "on_hold"), name_state(client, "Parts", "on_hold", "incident")
    path = file(client)

    held = client.post(f"{path}/transitions", json={"action": "hold", "state_id": vendor})
    assert (held.status_code, held.json["status"], held.json["state_id"]) == (200, "on_hold", vendor)
    told = json.loads(str(database.rows(BODY)[0][0]))["data"]
    assert told["changes"]["state_id"] == {"before": None, "after": vendor}
    edited = client.patch(path, json={"state_id": parts})
    assert (edited.json["state_id"], edited.json["version"]) == (parts, 3)
    moved = client.post(f"{path}/transitions", json={"action": "pend"})
    assert (moved.json["status"], moved.json["state_id"]) == ("pending", None)
    told = json.loads(str(database.rows(BODY)[0][0]))["data"]
    assert told["changes"]["state_id"] == {"before": parts, "after": None}
    assert told["ticket"]["state_id"] is None


def test_two_who_choose_a_state_from_the_same_version_conflict(client: ApiClient) -> None:
    one, other = name_state(client, "One", "new"), name_state(client, "Other", "new")
    path = file(client)

    assert client.patch(path, json={"state_id": one, "base_version": 1}).status_code == 200
    met = client.patch(path, json={"state_id": other, "base_version": 1})

    assert (met.status_code, met.json["code"]) == (409, "edit_conflict")
    assert client.patch(path, json={"state_id": None}).json["state_id"] is None


@pytest.mark.parametrize("choice", ["another status", "another type", "switched off", "unknown", "of others"])
def test_a_state_that_is_not_for_the_ticket_is_refused_and_nothing_is_changed(
    client: ApiClient, other_client: ApiClient, choice: str
) -> None:
    off = name_state(client, "Off", "on_hold")
    client.patch(f"/v1/ticket-states/{off}", json={"active": False})
    state_id = {
        "another status": name_state(client, "Open", "open"),
        "another type": name_state(client, "Change", "on_hold", "change", "problem"),
        "switched off": off,
        "unknown": str(uuid4()),
        "of others": name_state(other_client, "Theirs", "on_hold"),
    }[choice]
    path = file(client)
    before = client.get(path).json

    moved = client.post(f"{path}/transitions", json={"action": "hold", "state_id": state_id})
    edited = client.patch(path, json={"state_id": state_id, "subject": "y"})

    for answer in (moved, edited):
        assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "state_id")
    assert client.get(path).json == before


def test_requesters_read_the_state_and_name_none(client: ApiClient, as_role: Any) -> None:
    done, again = name_state(client, "Done", "resolved"), name_state(client, "Again", "open")
    requester = as_role(Role.REQUESTER)
    path = file(requester)
    client.post(f"{path}/transitions", json={"action": "resolve", "state_id": done})

    assert requester.get(path).json["state_id"] == done
    assert requester.get(f"/v1/ticket-states/{done}").json["name"] == "Done"
    assert requester.post(f"{path}/transitions", json={"action": "reopen", "state_id": again}).status_code == 422
    assert requester.patch(path, json={"state_id": again}).status_code == 422
    assert requester.post(f"{path}/transitions", json={"action": "reopen"}).json["state_id"] is None


def test_a_state_is_renamed_and_switched_off_and_its_status_stays(client: ApiClient) -> None:
    state_id = name_state(client, "Vendor", "on_hold")
    path = file(client)
    client.post(f"{path}/transitions", json={"action": "hold", "state_id": state_id})
    taken = client.post("/v1/ticket-states", json={"name": "VENDOR", "status": "new"})
    assert (taken.status_code, taken.json["code"]) == (409, "already_exists")

    edit = {"name": "Supplier", "active": False, "types": ["change"], "position": 5}
    edited = client.patch(f"/v1/ticket-states/{state_id}", json=edit, headers={"If-Match": '"1"'})

    assert (edited.status_code, edited.headers["ETag"]) == (200, '"2"')
    assert {name: edited.json[name] for name in edit} == edit
    assert client.get(path).json["state_id"] == state_id
    assert client.patch(f"/v1/ticket-states/{state_id}", json={"status": "open"}).status_code == 422
    assert client.patch(f"/v1/ticket-states/{state_id}", json={}, headers={"If-Match": '"1"'}).status_code == 412
    assert client.post("/v1/ticket-states", json={"name": "vendor", "status": "new"}).status_code == 201
