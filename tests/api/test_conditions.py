"""ETag, If-Match and If-None-Match: a stale write is refused, a fresh read is not repeated (A42)."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.api.conftest import ApiClient
from tests.api.standing import contents

VERSIONED = [
    ("tickets", {"subject": "x"}, {"subject": "y"}),
    ("users", {"email": "a@b.example", "name": "A", "role": "agent"}, {"name": "B"}),
    ("teams", {"name": "A"}, {"name": "B"}),
    ("services", {"name": "A"}, {"name": "B"}),
    ("clients", {"name": "A", "role": "agent", "scopes": ["tickets:read"]}, {"name": "B"}),
    ("calendars", {"name": "A", "time_zone": "UTC", "always_open": True}, {"time_zone": "Europe/Paris"}),
    ("sla-policies", {"name": "A", "resolution_seconds": 60}, {"position": 5}),
    ("webhook-endpoints", {"url": "http://127.0.0.1:8099/hook"}, {"description": "B"}),
]


@pytest.fixture
def client(standing):
    """An admin client of the organization that these tests share."""
    return ApiClient(standing.http, standing.tenant.token)


@pytest.fixture
def snapshot(standing):
    """Return the whole content of its database."""
    return lambda: contents(standing.database)


@pytest.fixture
def ticket(client):
    """The address of a ticket at version 2."""
    path = client.post("/v1/tickets", json={"subject": "x"}).headers["Location"]
    client.patch(path, json={"subject": "second"})
    return path


@pytest.mark.parametrize(("resource", "new", "edit"), VERSIONED, ids=[resource for resource, _, _ in VERSIONED])
def test_a42_a_version_is_the_etag_and_an_older_one_is_refused(client, snapshot, resource, new, edit):
    created = client.post(f"/v1/{resource}", json=new)
    path = created.headers["Location"]
    first = client.get(path)
    edited = client.patch(path, json=edit, headers={"If-Match": created.headers["ETag"]})
    before = snapshot()
    stale = client.patch(path, json=edit, headers={"If-Match": created.headers["ETag"]})

    assert (created.status_code, first.status_code, edited.status_code) == (201, 200, 200)
    assert created.headers["ETag"] == first.headers["ETag"] == '"1"'
    assert edited.headers["ETag"] == client.get(path).headers["ETag"] == '"2"'
    # Reading one endpoint tells more: how it fares now.
    assert edited.json.items() <= client.get(path).json.items()
    assert edited.json["version"] == 2
    assert (stale.status_code, stale.json["code"]) == (412, "version_stale")
    assert stale.json["current_version"] == 2
    assert snapshot() == before


@pytest.mark.parametrize("header", ['"2"', "*", ' "2" ', '"1", "2"', '"7","2"', 'W/"2", "2"', '"a,b", "2"'])
def test_a_write_that_names_the_current_version_is_done(client, ticket, header):
    answer = client.patch(ticket, json={"subject": "third"}, headers={"If-Match": header})

    assert (answer.status_code, answer.json["subject"]) == (200, "third")


@pytest.mark.parametrize("header", ['"1"', '"3"', 'W/"2"', '"x"', '""', '"02"', '"1", "3"', '"99999999999999999999"'])
def test_a_write_that_names_no_current_version_is_412(client, ticket, snapshot, header):
    before = snapshot()

    answer = client.patch(ticket, json={"subject": "third"}, headers={"If-Match": header})

    assert (answer.status_code, answer.json["code"]) == (412, "version_stale")
    assert snapshot() == before


@pytest.mark.parametrize("header", ["", "2", '"2 "', '"2', "'2'", '"2" "3"', '"2",', '*, "2"', 'w/"2"', '"a"b"', "é"])
def test_what_is_no_list_of_entity_tags_is_400(client, ticket, snapshot, header):
    before = snapshot()

    answer = client.patch(ticket, json={"subject": "third"}, headers={"If-Match": header})

    assert (answer.status_code, answer.json["code"]) == (400, "malformed_request")
    assert snapshot() == before


def test_a_transition_can_be_tied_to_a_version(client, ticket):
    stale = client.post(f"{ticket}/transitions", json={"action": "open"}, headers={"If-Match": '"1"'})
    fresh = client.post(f"{ticket}/transitions", json={"action": "open"}, headers={"If-Match": '"2"'})

    assert (stale.status_code, fresh.status_code, fresh.headers["ETag"]) == (412, 200, '"3"')


def test_an_endpoint_is_not_removed_by_somebody_who_saw_an_older_one(client):
    path = client.post("/v1/webhook-endpoints", json={"url": "http://127.0.0.1:8099/hook"}).headers["Location"]
    client.patch(path, json={"description": "changed"})

    assert client.delete(path, headers={"If-Match": '"1"'}).status_code == 412
    assert client.get(path).status_code == 200
    assert client.delete(path, headers={"If-Match": '"2"'}).status_code == 204
    assert client.get(path).status_code == 404


def test_what_does_not_exist_is_404_whatever_version_is_named(client):
    missing = "/v1/tickets/0192f0c1-0000-7000-8000-000000000001"

    for header in ('"1"', '"1", "2"', 'W/"1"', "*"):
        assert client.patch(missing, json={"subject": "y"}, headers={"If-Match": header}).status_code == 404


def test_a42_of_two_writers_who_saw_the_same_version_one_wins_each_time(client, ticket):
    for version in range(2, 12):
        start = threading.Barrier(2)
        with ThreadPoolExecutor(2) as pool:
            written = [pool.submit(write, client, ticket, version, start, word) for word in ("one", "two")]
            answers = [writer.result() for writer in written]
        (winner,) = [answer for answer in answers if answer.status_code == 200]

        assert sorted(answer.status_code for answer in answers) == [200, 412]
        assert client.get(ticket).json == winner.json
        assert winner.json["version"] == version + 1


def write(client, ticket, version, start, word):
    start.wait()
    return client.patch(ticket, json={"subject": f"{word} {version}"}, headers={"If-Match": f'"{version}"'})


@pytest.mark.parametrize("header", ['"2"', 'W/"2"', "*", '"1", "2"'])
def test_a_reader_who_has_this_version_gets_304(client, ticket, header):
    answer = client.get(ticket, headers={"If-None-Match": header})

    assert (answer.status_code, answer.data, answer.headers["ETag"]) == (304, b"", '"2"')
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("header", ['"1"', '"x"', "", "2x", '"'])
def test_a_reader_who_has_another_version_gets_it_all(client, ticket, header):
    answer = client.get(ticket, headers={"If-None-Match": header})

    assert (answer.status_code, answer.json["version"]) == (200, 2)


def test_head_tells_the_version_without_the_body(client, ticket):
    answer = client.call("HEAD", ticket)

    assert (answer.status_code, answer.data, answer.headers["ETag"]) == (200, b"", '"2"')


def test_an_edit_that_changes_nothing_keeps_the_version(client, ticket, snapshot):
    before = snapshot()

    assert client.patch(ticket, json={"subject": "second"}).headers["ETag"] == '"2"'
    assert client.patch(ticket, json={}).headers["ETag"] == '"2"'
    assert snapshot() == before
