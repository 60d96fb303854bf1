"""Request forms over the API: saved in versions, filled in at filing, judged at edits and before resolving."""

import pytest

from psms.domain.access import Role

NOWHERE = "0192f0c1-0000-7000-8000-000000000001"
SITE = {"key": "site", "type": "choice", "label": "Site", "choices": ["north", "south"], "required": "filing"}
ROOM = {"key": "room", "type": "text", "label": "Room", "show_if": {"field": "site", "values": ["north"]}}
SEATS = {"key": "seats", "type": "number", "label": "Seats", "minimum": 1, "default": 1}
COST = {"key": "cost", "type": "number", "label": "Cost", "visible_to": "agents", "required": "resolving"}
BOSS = {"key": "boss", "type": "reference", "label": "Boss", "refers_to": "user"}
CASE = {"key": "case", "type": "reference", "label": "Case", "refers_to": "ticket"}
FIELDS = [SITE, ROOM, SEATS, COST, BOSS, CASE]


def saved(client, service, *fields, **options):
    return client.call("PUT", f"/v1/services/{service}/form", json={"fields": list(fields)}, **options)


def filed(client, service, **fields):
    return client.post("/v1/tickets", json={"subject": "Move", "service_id": service, "custom_fields": fields})


def errors(answer):
    assert answer.status_code == 422, answer.text
    return {error["field"]: error["message"] for error in answer.json["errors"]}


@pytest.fixture
def service(client):
    """A service with a form."""
    made = client.post("/v1/services", json={"name": "Moves"}).json["id"]
    assert saved(client, made, *FIELDS).status_code == 200
    return made


@pytest.fixture
def requester(as_role):
    return as_role(Role.REQUESTER)


def test_each_save_is_another_version_and_what_is_the_same_is_none(client, service):
    path = f"/v1/services/{service}"
    assert saved(client, service, *FIELDS).json["version"] == 1

    second = saved(client, service, SITE, headers={"If-Match": '"1"'})

    assert (second.json["version"], second.headers["ETag"]) == (2, '"2"')
    assert saved(client, service, SEATS, headers={"If-Match": '"1"'}).status_code == 412
    assert [one["version"] for one in client.get(f"{path}/form-versions").json["items"]] == [1, 2]
    first = client.get(f"{path}/form?version=1").json
    assert [field["key"] for field in first["fields"]] == ["site", "room", "seats", "cost", "boss", "case"]
    assert client.get(f"{path}/form?version=3").status_code == 404
    assert client.get(path).json["form_version"] == 2
    # Back to the first, without a form, and on: no number is given twice.
    assert client.patch(path, json={"form_version": 1}).json["form_version"] == 1
    assert client.patch(path, json={"form_version": None}).json["form_version"] is None
    assert client.get(f"{path}/form").status_code == 404
    assert filed(client, service, anything={"goes": 1}).json["form_version"] is None
    assert saved(client, service, SEATS).json["version"] == 3


def test_a_form_that_makes_no_sense_is_refused_with_a_message_for_each_field(client, service, snapshot):
    before = snapshot()
    wrong = [{**SITE, "choices": []}, {**ROOM, "pattern": "(a+)+"}, {**SEATS, "default": 0}, SEATS]

    told = errors(saved(client, service, *wrong))

    assert set(told) == {
        "fields.0.choices",
        "fields.1.pattern",
        "fields.1.show_if",
        "fields.2.key",
        "fields.2.default",
        "fields.3.key",
    }
    assert set(errors(saved(client, service, {**SITE, "type": "colour"}))) == {"fields.0.type"}
    asks = {**ROOM, "show_if": {"field": "site", "values": [{"a": 1}]}}
    assert set(errors(saved(client, service, SITE, asks))) == {"fields.1.show_if.values.0"}
    many = [{**SEATS, "key": f"f{number}"} for number in range(201)]
    assert set(errors(saved(client, service, *many))) == {"fields"}
    assert set(errors(saved(client, service, *many[:51]))) == {"fields"}
    assert snapshot() == before


def test_a_ticket_is_filed_with_what_its_form_asks_and_keeps_that_version(client, service):
    ticket = filed(client, service, site="north", room="4")

    assert ticket.json["custom_fields"] == {"site": "north", "room": "4", "seats": 1}
    assert ticket.json["form_version"] == 1
    saved(client, service, SITE)
    path = ticket.headers["Location"]
    assert client.patch(path, json={"custom_fields": {"site": "south", "seats": 2}}).json["form_version"] == 1
    assert errors(filed(client, service, site="south", seats=2)) == {
        "custom_fields.seats": "there is no such field in the form of this service"
    }


def test_each_wrong_value_is_told_with_its_field_and_nothing_is_filed(client, service, snapshot):
    before = snapshot()

    assert errors(filed(client, service, room="4", seats=0, colour="red", boss="Bob", cost="much")) == {
        "custom_fields.site": "required",
        "custom_fields.room": "leave it out: it is for site north only",
        "custom_fields.seats": "must be 1 or more",
        "custom_fields.colour": "there is no such field in the form of this service",
        "custom_fields.boss": "must be an id",
        "custom_fields.cost": "must be a number",
    }
    assert snapshot() == before


def test_a_reference_names_what_there_is_and_what_the_caller_may_see(client, other_client, service, requester):
    user = client.get("/v1/users").json["items"][0]["id"]
    theirs = other_client.get("/v1/users").json["items"][0]["id"]
    desks = client.post("/v1/tickets", json={"subject": "Not theirs"}).json["id"]

    assert filed(client, service, site="south", boss=user.upper(), case=desks).json["custom_fields"]["boss"] == user
    for caller, key, value in (
        (client, "boss", theirs),
        (client, "boss", NOWHERE),
        (client, "case", NOWHERE),
        (requester, "case", desks),
    ):
        told = errors(filed(caller, service, site="south", **{key: value}))
        assert told == {f"custom_fields.{key}": "there is nothing with this id in your organization"}


def test_a_requester_fills_in_what_is_theirs_and_reads_it_back(client, service, requester):
    form = requester.get(f"/v1/services/{service}/form").json
    assert [field["key"] for field in form["fields"]] == ["site", "room", "seats", "boss", "case"]
    hidden = "there is no such field in the form of this service"
    assert errors(filed(requester, service, site="south", cost=3)) == {"custom_fields.cost": hidden}

    ticket = filed(requester, service, site="south")
    path = ticket.headers["Location"]
    client.patch(path, json={"custom_fields": {**ticket.json["custom_fields"], "cost": 300}})

    assert client.get(path).json["custom_fields"] == {"site": "south", "seats": 1, "cost": 300}
    shown = [ticket.json, requester.get(path).json, requester.patch(path, json={"subject": "Edited"}).json]
    shown += requester.get("/v1/tickets").json["items"]
    assert [one["custom_fields"] for one in shown] == [{"site": "south", "seats": 1}] * 4


def test_a_requester_names_no_custom_fields_where_there_is_no_form(client, requester, snapshot):
    client.post("/v1/services", json={"name": "Plain"})
    before = snapshot()

    answer = requester.post("/v1/tickets", json={"subject": "x", "custom_fields": {"tier": "gold"}})

    assert errors(answer) == {"custom_fields": "leave it out: this service has no form"}
    assert snapshot() == before


def test_a_field_may_be_required_only_before_resolving(client, service, snapshot):
    path = filed(client, service, site="south").headers["Location"]
    before = snapshot()

    answer = client.post(f"{path}/transitions", json={"action": "resolve"})

    assert errors(answer) == {"custom_fields.cost": "required before the ticket is resolved"}
    assert snapshot() == before
    client.patch(path, json={"custom_fields": {"site": "south", "cost": 0}})
    assert client.post(f"{path}/transitions", json={"action": "resolve"}).json["status"] == "resolved"


def test_an_edit_is_judged_by_what_it_changes(client, service, snapshot):
    path = filed(client, service, site="north", room="4").headers["Location"]
    before = snapshot()

    told = errors(client.patch(path, json={"custom_fields": {"site": "south", "room": "4", "colour": "red"}}))
    assert set(told) == {"custom_fields.room", "custom_fields.colour"}
    assert errors(client.patch(path, json={"custom_fields": {}})) == {"custom_fields.site": "required"}
    assert snapshot() == before
    assert client.patch(path, json={"custom_fields": {"site": "south"}}).json["custom_fields"] == {"site": "south"}


def test_a_ticket_takes_nothing_hidden_along_to_where_requesters_would_see_it(client, service, requester, snapshot):
    ticket = filed(requester, service, site="south")
    path, other = ticket.headers["Location"], client.post("/v1/services", json={"name": "Chairs"}).json["id"]
    client.patch(path, json={"custom_fields": {"site": "south", "cost": 300}})
    saved(client, other, SITE, {**COST, "visible_to": "everyone"})
    before = snapshot()

    told = errors(client.patch(path, json={"service_id": other}))

    assert told == {"custom_fields.cost": "requesters would see this there: say in custom_fields what is to go along"}
    assert snapshot() == before
    meant = {"service_id": other, "custom_fields": {"site": "south", "cost": 300}}
    assert client.patch(path, json=meant).status_code == 200
    assert requester.get(path).json["custom_fields"] == {"site": "south", "cost": 300}


def test_a_ticket_that_goes_to_another_service_gets_the_form_of_that_one(client, service, requester):
    ticket = filed(requester, service, site="south")
    path, other = ticket.headers["Location"], client.post("/v1/services", json={"name": "Chairs"}).json["id"]

    moved = client.patch(path, json={"service_id": other})

    assert (moved.json["form_version"], moved.json["custom_fields"]) == (None, {"site": "south", "seats": 1})
    assert requester.get(path).json["custom_fields"] == {}
    colour = {"key": "colour", "type": "choice", "label": "Colour", "choices": ["red"], "required": "filing"}
    saved(client, other, colour)
    back = client.patch(path, json={"service_id": service, "custom_fields": {"site": "south", "seats": 1}})
    assert back.json["form_version"] == 1
    # What the other form does not know stays, until somebody touches it.
    there = client.patch(path, json={"service_id": other, "custom_fields": {"site": "south", "colour": "red"}})
    assert (there.json["form_version"], there.json["custom_fields"]) == (1, {"site": "south", "colour": "red"})
