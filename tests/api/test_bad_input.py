"""Bad input gets the right problem, never a 500, and changes nothing (A43, A44, A45)."""

import json

import pytest

SUBJECT = {"subject": "Printer on fire"}
UNKNOWN = "0192f0c1-0000-7000-8000-000000000001"
JSON = {"Content-Type": "application/json"}


def nested(depth):
    return b'{"subject": "x", "custom_fields": ' + b'{"a":' * depth + b"1" + b"}" * depth + b"}"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"subject=x",
        b'{"subject": "x"',
        b'{"subject": "x"} trailing',
        b'{"subject": "x", "subject": "y"}',
        b'{"subject": "x", "custom_fields": {"a": NaN}}',
        b'{"subject": "x", "custom_fields": {"a": Infinity}}',
        b'{"subject": "x", "custom_fields": {"a": -Infinity}}',
        b'{"subject": "x", "custom_fields": {"a": 1e400}}',
        b'{"subject": "x", "custom_fields": {"a": 1%s}}' % (b"0" * 40),
        b'{"subject": "x", "custom_fields": {"a": %s}}' % (b"9" * 5000),
        rb'{"subject": "a\u0000b"}',
        rb'{"subject": "a\ud800b"}',
        rb'{"subject": "x", "tags": ["\udc00"]}',
        rb'{"subject": "x", "custom_fields": {"\u0000": 1}}',
        b'{"subject": "a\0b"}',
        b'{"subject": "\xff"}',
        b'{"subject": "\xed\xa0\x80"}',
        '{"subject": "x"}'.encode("utf-16"),
        nested(40),
        nested(10_000),
        b"[" * 100_000,
    ],
)
def test_a43_a_body_that_is_not_acceptable_json_is_400(still, body):
    answer = still.post("/v1/tickets", data=body, headers=JSON)

    assert (answer.status_code, answer.json["code"]) == (400, "malformed_json")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "subject"),
        ({**SUBJECT, "status": "closed"}, "status"),
        ({**SUBJECT, "organization_id": UNKNOWN}, "organization_id"),
        ({**SUBJECT, "version": 7}, "version"),
        ({**SUBJECT, "x" * 5000: 1}, "x" * 100 + "…"),
        ({"subject": 5}, "subject"),
        ({"subject": None}, "subject"),
        ({"subject": ["x"]}, "subject"),
        ({"subject": ""}, "subject"),
        ({"subject": " \t\n"}, "subject"),
        ({"subject": "x" * 501}, "subject"),
        ({**SUBJECT, "description": "x" * 65_537}, "description"),
        ({**SUBJECT, "description": None}, "description"),
        ({**SUBJECT, "type": "disaster"}, "type"),
        ({**SUBJECT, "type": ["incident"]}, "type"),
        ({**SUBJECT, "type": {"a": 1}}, "type"),
        ({**SUBJECT, "impact": "INCIDENT"}, "impact"),
        ({**SUBJECT, "priority": 1}, "priority"),
        ({**SUBJECT, "tags": "urgent"}, "tags"),
        ({**SUBJECT, "tags": ["x"] * 51}, "tags"),
        ({**SUBJECT, "tags": ["ok", "x" * 65]}, "tags.1"),
        ({**SUBJECT, "tags": [""]}, "tags.0"),
        ({**SUBJECT, "tags": [7]}, "tags.0"),
        ({**SUBJECT, "custom_fields": []}, "custom_fields"),
        ({**SUBJECT, "custom_fields": "x"}, "custom_fields"),
        ({**SUBJECT, "custom_fields": {"a": "x" * 65_536}}, "custom_fields"),
        ({**SUBJECT, "service_id": "printers"}, "service_id"),
        ({**SUBJECT, "service_id": UNKNOWN.replace("-", "")}, "service_id"),
        ({**SUBJECT, "service_id": "{" + UNKNOWN + "}"}, "service_id"),
        ({**SUBJECT, "service_id": 12345}, "service_id"),
        ({**SUBJECT, "service_id": UNKNOWN}, "service_id"),
        ({**SUBJECT, "requester_id": UNKNOWN}, "requester_id"),
        ({**SUBJECT, "assignee_id": UNKNOWN}, "assignee_id"),
        ({**SUBJECT, "team_id": UNKNOWN}, "team_id"),
        ([], "body"),
        (None, "body"),
        ("subject", "body"),
        (5, "body"),
    ],
)
def test_a_ticket_with_a_wrong_field_is_422_and_names_it(still, body, field):
    answer = still.post("/v1/tickets", data=json.dumps(body), headers=JSON)

    assert (answer.status_code, answer.json["code"]) == (422, "validation_failed")
    assert [error["field"] for error in answer.json["errors"]] == [field]


def test_every_wrong_field_is_named_at_once(still):
    answer = still.post("/v1/tickets", json={"type": "x", "tags": ["", "ok", 3], "nonsense": 1})

    assert answer.status_code == 422
    assert {error["field"] for error in answer.json["errors"]} == {
        "subject",
        "type",
        "tags.0",
        "tags.2",
        "nonsense",
    }


def test_thousands_of_wrong_fields_are_not_all_repeated(still):
    answer = still.post("/v1/tickets", json={f"field{number}": 1 for number in range(5000)})

    assert answer.status_code == 422
    assert len(answer.json["errors"]) == 50


def test_the_largest_numbers_and_texts_that_are_taken_come_back(client):
    wanted = {
        "subject": "x" * 500,
        "description": "ä" * 65_536,
        "tags": ["y" * 64] * 50,
        "custom_fields": {"whole": 2**63 - 1, "least": 1 - 2**63, "float": 1e18, "small": 1e-300, "text": "😀"},
    }

    created = client.post("/v1/tickets", json=wanted)
    read = client.get(created.headers["Location"])

    assert created.status_code == 201
    assert {name: read.json[name] for name in wanted} == wanted
    assert client.get("/v1/tickets").status_code == 200


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=utf-16",
        "application/merge-patch+json",
    ],
)
def test_another_content_type_is_415(still, content_type):
    answer = still.post("/v1/tickets", data=json.dumps(SUBJECT), headers={"Content-Type": content_type})

    assert (answer.status_code, answer.json["code"]) == (415, "unsupported_media_type")


def test_a_compressed_body_is_415(still):
    answer = still.post("/v1/tickets", data=b"\x1f\x8b", headers={**JSON, "Content-Encoding": "gzip"})

    assert (answer.status_code, answer.json["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=UTF-8", "Application/JSON"])
def test_json_may_be_announced_in_several_ways(client, content_type):
    answer = client.post("/v1/tickets", data=json.dumps(SUBJECT), headers={"Content-Type": content_type})

    assert answer.status_code == 201


@pytest.mark.parametrize("path", ["/v1/tickets", "/oauth/token", "/v1/nowhere", "/healthz"])
def test_a44_a_body_that_is_announced_as_too_large_is_413_everywhere(still, path):
    answer = still.post(path, data=b"x" * 5_000_000, headers=JSON)

    assert (answer.status_code, answer.json["code"]) == (413, "body_too_large")
    assert answer.json["limit_bytes"] == 1_048_576


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=-1", "limit"),
        ("limit=1e2", "limit"),
        ("limit=9999999999999999999999", "limit"),
        ("limit=", "limit"),
        ("limit=ten", "limit"),
        ("limit=%D9%A1", "limit"),
        ("limit=1&limit=2", "limit"),
        ("status=nonsense", "status"),
        ("status=new&status=open", "status"),
        ("assignee_id=me", "assignee_id"),
        ("sort=id;drop", "sort"),
        ("tag=%00", "tag"),
        ("tag=a%00b", "tag"),
        ("tag=%ff", "query"),
        ("tag=%ed%a0%80", "query"),
        ("tag=", "tag"),
        (f"tag={'x' * 65}", "tag"),
        (f"tag={'x' * 2000}", "tag"),
        ("%00=1", "\0"),
        ("access_token=x", "access_token"),
    ],
)
def test_a45_a_wrong_query_parameter_is_422_and_named(still, query, field):
    answer = still.get(f"/v1/tickets?{query}")

    assert (answer.status_code, answer.json["code"]) == (422, "validation_failed")
    assert [error["field"] for error in answer.json["errors"]] == [field]


@pytest.mark.parametrize("cursor", ["x", "%00", "AAAA", "0192f0c1-0000-7000-8000-000000000001", "%F0%9F%98%80"])
def test_a45_a_cursor_that_was_made_up_is_422(still, cursor):
    answer = still.get(f"/v1/tickets?cursor={cursor}")

    assert answer.status_code == 422
    assert answer.json["code"] in {"cursor_invalid", "validation_failed"}


def test_an_address_that_takes_no_query_says_so(still):
    answer = still.post("/v1/tickets?dry_run=true", json=SUBJECT)

    assert answer.status_code == 422
    assert answer.json["errors"] == [{"field": "dry_run", "message": "unknown query parameter"}]


@pytest.mark.parametrize(
    "path",
    [
        "/v1/tickets/none",
        "/v1/tickets/%00",
        "/v1/tickets/%ff%fe",
        "/v1/tickets/1",
        "/v1/tickets/../organizations",
        f"/v1/tickets/{UNKNOWN}x",
        "/v1//tickets",
        "/v1/tickets/",
    ],
)
def test_an_address_that_is_none_is_404(still, path):
    answer = still.get(path)

    assert (answer.status_code, answer.json["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("users", {"email": "x" * 250 + "@a.example", "name": "A", "role": "agent"}, "email"),
        ("users", {"email": "nobody", "name": "A", "role": "agent"}, "email"),
        ("users", {"email": "a@b.example", "name": " ", "role": "agent"}, "name"),
        ("users", {"email": "a@b.example", "name": "x" * 201, "role": "agent"}, "name"),
        ("users", {"email": "a@b.example", "name": "A", "role": "root"}, "role"),
        ("users", {"email": "a@b.example", "name": "A", "role": "agent", "is_service": True}, "is_service"),
        ("teams", {"name": "A", "member_ids": [UNKNOWN]}, "member_ids"),
        ("teams", {"name": "A", "member_ids": "x"}, "member_ids"),
        ("services", {"name": ""}, "name"),
        ("services", {"name": "A", "active": False}, "active"),
        ("assignments", {"service_id": UNKNOWN}, "user_id"),
        ("assignments", {"service_id": UNKNOWN, "user_id": UNKNOWN}, "service_id"),
        ("clients", {"name": "A", "role": "agent", "scopes": ["everything"]}, "scopes.0"),
        ("clients", {"name": "A", "role": "agent"}, "scopes"),
        ("organizations", {"name": None}, "name"),
        ("webhook-endpoints", {}, "url"),
        ("webhook-endpoints", {"url": "https://a.example/" + "x" * 2048}, "url"),
        ("webhook-endpoints", {"url": "https://a.example", "event_types": []}, "event_types"),
        ("webhook-endpoints", {"url": "https://a.example", "event_types": ["nothing.*"]}, "event_types.0"),
        ("webhook-endpoints", {"url": "https://a.example", "event_types": ["webhook.test"]}, "event_types.0"),
        ("webhook-endpoints", {"url": "https://a.example", "secret": "whsec_x"}, "secret"),
    ],
)
def test_a_wrong_field_of_any_other_resource_is_422_and_named(still, path, body, field):
    answer = still.post(f"/v1/{path}", json=body)

    assert (answer.status_code, answer.json["code"]) == (422, "validation_failed")
    assert [error["field"] for error in answer.json["errors"]] == [field]


def test_true_and_false_are_not_words_or_numbers(client, snapshot):
    path = client.post("/v1/services", json={"name": "Printing"}).headers["Location"]
    before = snapshot()

    answers = [
        client.patch(path, data=f'{{"active": {value}}}', headers=JSON)
        for value in ('"false"', '"no"', "0", "1", "null", "[]")
    ]

    assert [answer.status_code for answer in answers] == [422] * 6
    assert snapshot() == before


def test_an_action_without_fields_refuses_some(still):
    path = f"/v1/webhook-endpoints/{UNKNOWN}"

    answers = [
        still.post(f"{path}/{action}", json={"force": True})
        for action in ("test", "rotate-secret", f"deliveries/{UNKNOWN}/resend")
    ]

    assert [(answer.status_code, answer.json["errors"][0]["field"]) for answer in answers] == [(422, "force")] * 3
