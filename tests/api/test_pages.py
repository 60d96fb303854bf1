"""Lists page by page: limits, filters and cursors that are not as they should be are refused (A45)."""

from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest

from psms.domain.access import Role


def lists(client):
    """Return the address of every list, with things that exist in the path."""
    ticket = client.post("/v1/tickets", json={"subject": "x"}).headers["Location"]
    endpoint = client.post("/v1/webhook-endpoints", json={"url": "http://127.0.0.1:8099/"}).headers["Location"]
    body = {"name": "x", "time_zone": "UTC", "always_open": True}
    calendar = client.post("/v1/calendars", json=body).headers["Location"]
    policy = client.post("/v1/sla-policies", json={"name": "x", "resolution_seconds": 60}).headers["Location"]
    service = client.post("/v1/services", json={"name": "x"}).headers["Location"]
    said = {"on": ["ticket.created"], "actions": [{"type": "add_tags", "tags": ["new"]}]}
    automation = client.post("/v1/automations", json={"name": "x", **said}).headers["Location"]
    places = {
        "automation_id": automation,
        "service_id": service,
        "ticket_id": ticket,
        "endpoint_id": endpoint,
        "calendar_id": calendar,
        "policy_id": policy,
    }
    known = {name: place.rpartition("/")[2] for name, place in places.items()}
    document = client.get("/openapi.json").json
    paged = [
        path
        for path, methods in document["paths"].items()
        if any(parameter.get("name") == "cursor" for parameter in methods.get("get", {}).get("parameters", ()))
    ]
    return [path.format(**known) for path in paged]


def test_a45_every_list_refuses_wrong_limits_cursors_and_unknown_parameters(client, snapshot):
    addresses = lists(client)
    before = snapshot()
    wrong = (
        "limit=0",
        "limit=101",
        "limit=-1",
        "limit=x",
        "cursor=x",
        "cursor=",
        f"cursor={'A' * 44}",
        "offset=1",
        "sort=id",
    )

    answers = {(path, query): client.get(f"{path}?{query}") for path in addresses for query in wrong}

    assert len(addresses) >= 10
    assert {at: answer.status_code for at, answer in answers.items()} == dict.fromkeys(answers, 422)
    assert {answer.json["code"] for answer in answers.values()} == {"validation_failed", "cursor_invalid"}
    assert snapshot() == before


@pytest.fixture
def cursor(client):
    """A cursor of the tickets of `demo`."""
    for number in range(3):
        client.post("/v1/tickets", json={"subject": f"{number}"})
    return client.get("/v1/tickets?limit=1").json["next_cursor"]


def test_a45_a_cursor_leads_on_for_whom_it_was_given_out(client, cursor):
    page = client.get(f"/v1/tickets?limit=1&cursor={cursor}")

    assert [ticket["subject"] for ticket in page.json["items"]] == ["1"]


def test_a45_a_cursor_of_another_organization_is_422(cursor, other_client):
    other_client.post("/v1/tickets", json={"subject": "theirs"})

    answer = other_client.get(f"/v1/tickets?cursor={cursor}")

    assert (answer.status_code, answer.json["code"]) == (422, "cursor_invalid")


@pytest.mark.parametrize("path", ["/v1/teams", "/v1/logs", "/v1/services"])
def test_a45_a_cursor_of_another_list_is_422(client, cursor, path):
    assert client.get(f"{path}?cursor={cursor}").json["code"] == "cursor_invalid"


def test_a45_a_cursor_that_names_another_row_is_422(client, cursor):
    whole = urlsafe_b64decode(cursor)
    forged = [
        urlsafe_b64encode(whole[:15] + bytes([whole[15] ^ 1]) + whole[16:]).decode(),
        urlsafe_b64encode(bytes(16) + whole[16:]).decode(),
        urlsafe_b64encode(whole[:16] + bytes(17)).decode(),
    ]

    assert [client.get(f"/v1/tickets?cursor={text}").status_code for text in forged] == [422] * 3


def test_a45_a_cursor_is_good_for_every_client_of_the_organization(cursor, as_role):
    assert as_role(Role.AGENT).get(f"/v1/tickets?limit=1&cursor={cursor}").status_code == 200


@pytest.mark.parametrize("sort", ["id;drop", "password_hash", "subject", "-created_at", "id desc"])
def test_a45_what_no_list_can_be_ordered_by_is_422(still, sort):
    answer = still.get("/v1/tickets", query_string={"sort": sort})

    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "sort")
