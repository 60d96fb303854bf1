"""Tickets found by their custom fields, typed by the forms; and by no field that the caller does not see."""

import pytest

from psms.domain.access import Role

FIELDS: list[dict[str, object]] = [
    {"key": "site", "type": "choice", "label": "Site", "choices": ["north", "south"]},
    {"key": "apps", "type": "multi_choice", "label": "Apps", "choices": ["mail", "wiki"]},
    {"key": "seats", "type": "number", "label": "Seats"},
    {"key": "begins", "type": "date", "label": "From"},
    {"key": "vip", "type": "boolean", "label": "VIP"},
    {"key": "notes", "type": "long_text", "label": "Notes"},
    {"key": "cost", "type": "number", "label": "Cost", "visible_to": "agents"},
]
TICKETS: dict[str, dict[str, object]] = {
    "a": {"site": "north", "apps": ["mail", "wiki"], "seats": -2.5, "begins": "2026-01-31", "vip": True, "cost": 1},
    "b": {"site": "south", "apps": ["wiki"], "seats": 3, "begins": "2026-02-01", "vip": False, "notes": "long"},
    "c": {"site": "north", "seats": 200, "begins": "2026-12-24", "cost": 1},
}


@pytest.fixture
def service(client):
    made = client.post("/v1/services", json={"name": "Moves"}).json["id"]
    assert client.call("PUT", f"/v1/services/{made}/form", json={"fields": FIELDS}).status_code == 200
    return made


@pytest.fixture
def tickets(client, service):
    """The paths of tickets, by their subjects."""
    return {
        subject: client.post(
            "/v1/tickets", json={"subject": subject, "service_id": service, "custom_fields": fields}
        ).headers["Location"]
        for subject, fields in TICKETS.items()
    }


def found(caller, *filters, more=""):
    query = "&".join(f"field={one}" for one in filters)
    answer = caller.get(f"/v1/tickets?{query}{more}")
    assert answer.status_code == 200, answer.text
    return "".join(one["subject"] for one in answer.json["items"])


FOUND = (
    (["site:north"], "ca"),
    (["site:east"], ""),
    (["apps:wiki"], "ba"),
    (["apps:wiki", "apps:mail"], "a"),
    (["seats:3"], "b"),
    (["seats:3.0"], "b"),
    (["seats:-2.5..3"], "ba"),
    (["seats:3.."], "cb"),
    (["seats:..2"], "a"),
    (["seats:0..1000", "site:north"], "c"),
    (["begins:2026-02-01"], "b"),
    (["begins:2026-01-01..2026-02-01"], "ba"),
    (["vip:true"], "a"),
    (["vip:false"], "b"),
)


@pytest.mark.usefixtures("tickets")
def test_tickets_are_found_by_equality_membership_and_range(client, as_role):
    # An agent, who sees tickets in several ways, finds the same.
    for caller in (client, as_role(Role.AGENT)):
        for filters, subjects in FOUND:
            assert found(caller, *filters) == subjects, filters


def test_what_is_found_follows_every_change(client, service, tickets):
    client.patch(tickets["a"], json={"custom_fields": {"site": "south"}})
    assert (found(client, "site:north"), found(client, "seats:..0"), found(client, "site:south")) == ("c", "", "ba")

    other = client.post("/v1/services", json={"name": "Chairs"}).json["id"]
    client.patch(tickets["b"], json={"service_id": other})
    assert found(client, "site:south") == "a"
    assert found(client, "site:south", more=f"&service_id={service}&status=new&limit=1") == "a"


REFUSED = (
    ("site", "write it as key:value, such as site:north, or seats:3..10"),
    ("colour:red", "colour: no form has such a field, by which tickets can be found"),
    ("notes:long", "notes: no form has such a field, by which tickets can be found"),
    ("seats:few", "seats: must be a number, or a range such as 3..10"),
    ("seats:..", "seats: must be a number, or a range such as 3..10"),
    ("seats:1..few", "seats: must be a number, or a range such as 3..10"),
    ("seats:1e999", "seats: must be a number, or a range such as 3..10"),
    ("begins:soon", "begins: must be a date, or a range such as 2026-12-01..2026-12-31"),
    ("vip:yes", "vip: must be true or false"),
)


@pytest.mark.usefixtures("service")
def test_what_cannot_be_asked_is_refused(client):
    for text, message in REFUSED:
        answer = client.get(f"/v1/tickets?field={text}")
        assert answer.status_code == 422
        assert answer.json["errors"][0]["field"].startswith("field")
        assert answer.json["errors"][0]["message"] == message


def test_five_fields_at_most_are_asked_for_at_once(client, service):
    assert client.get("/v1/tickets?" + "&".join(["field=site:north"] * 5)).status_code == 200
    assert client.get("/v1/tickets?" + "&".join(["field=site:north"] * 6)).status_code == 422
    assert client.get("/v1/tickets?status=new&status=open").status_code == 422


def test_a_requester_finds_by_what_they_see_and_by_nothing_else(client, as_role, service):
    requester = as_role(Role.REQUESTER)
    ticket = {"subject": "a", "service_id": service, "custom_fields": {"site": "north"}}
    path = requester.post("/v1/tickets", json=ticket).headers["Location"]
    client.patch(path, json={"custom_fields": {"site": "north", "cost": 7}})
    unknown = requester.get("/v1/tickets?field=colour:7").json["errors"][0]["message"]

    answer = requester.get("/v1/tickets?field=cost:7")

    assert (answer.status_code, answer.json["errors"][0]["message"]) == (422, unknown.replace("colour", "cost"))
    assert found(requester, "site:north") == "a"
    # Shown since, but not on the form that this ticket was filed with.
    shown = [{**one, "visible_to": "everyone"} for one in FIELDS]
    client.call("PUT", f"/v1/services/{service}/form", json={"fields": shown})
    assert (found(requester, "cost:7"), found(client, "cost:7")) == ("", "a")


def test_nobody_finds_tickets_of_another_organization(client, other_client, service, tickets):
    theirs = other_client.post("/v1/services", json={"name": "Moves"}).json["id"]
    other_client.call("PUT", f"/v1/services/{theirs}/form", json={"fields": FIELDS})

    assert found(other_client, "site:north") == ""
    assert found(client, "site:north") == "ca"


def test_a_key_that_is_text_here_and_a_number_there_finds_both(client, service):
    other = client.post("/v1/services", json={"name": "Chairs"}).json["id"]
    text = [{"key": "seats", "type": "text", "label": "Seats"}]
    client.call("PUT", f"/v1/services/{other}/form", json={"fields": text})
    for subject, place, value in (("a", service, 3), ("b", other, "3")):
        body = {"subject": subject, "service_id": place, "custom_fields": {"seats": value}}
        assert client.post("/v1/tickets", json=body).status_code == 201

    assert found(client, "seats:3") == "ba"
    assert found(client, "seats:3", more=f"&service_id={other}") == "b"
    assert found(client, "seats:1..5") == "a"
