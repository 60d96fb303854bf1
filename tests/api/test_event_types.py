"""The catalogue over the API and in the OpenAPI document, and what an endpoint may choose of it."""

import pytest
from jsonschema import Draft202012Validator

from psms.domain.events import EventType

ENDPOINTS = "/v1/webhook-endpoints"
HOOK = {"url": "http://127.0.0.1:8099/hook"}
FILTER = {"any": [{"path": "data.ticket.tags", "op": "eq", "value": "vip"}, {"path": "data.sla", "op": "exists"}]}


def test_the_catalogue_lists_every_type_on_one_page(still):
    answer = still.get("/v1/event-types").json

    assert [one["type"] for one in answer["items"]] == [one.value for one in EventType]
    assert (answer["next_cursor"], answer["schema_versions"]) == (None, [1])
    assert [one["type"] for one in answer["items"] if not one["subscribable"]] == [
        "webhook.test",
        "webhook.ping",
    ]
    assert answer["items"][0] == {
        "type": "ticket.created",
        "group": "ticket",
        "description": "A ticket was filed.",
        "schema_version": 1,
        "subscribable": True,
    }


def test_a_type_is_shown_with_its_schema_and_an_example_that_fits(still):
    for kind in ("ticket.commented", "page.triggered", "webhook.test"):
        answer = still.get(f"/v1/event-types/{kind}").json
        assert answer["schema"]["$schema"] == "https://json-schema.org/draft/2020-12/schema"
        assert answer["example"]["type"] == kind
        Draft202012Validator(answer["schema"]).validate(answer["example"])


@pytest.mark.parametrize("name", ["ticket.sung", "ticket.*", "TICKET.CREATED", "ticket.created%20", "%00"])
def test_a_type_that_there_is_not_is_404(still, name):
    answer = still.get(f"/v1/event-types/{name}")

    assert (answer.status_code, answer.json["code"]) == (404, "not_found")


def test_the_openapi_document_has_every_event_as_a_webhook(client):
    document = client.get("/openapi.json").json

    assert list(document["webhooks"]) == [one.value for one in EventType]
    body = document["webhooks"]["ticket.rated"]["post"]["requestBody"]["content"]["application/json"]
    ticket = body["schema"]["properties"]["data"]["properties"]["ticket"]
    assert ticket == {"$ref": "#/components/schemas/EventTicket"}
    whole = {**body["schema"], "components": document["components"]}
    Draft202012Validator(whole).validate(body["example"])


def test_an_endpoint_chooses_groups_a_filter_and_a_version(client):
    wanted = {**HOOK, "event_types": ["ticket.*", "sla.breached"], "event_filter": FILTER, "schema_version": 1}

    created = client.post(ENDPOINTS, json=wanted)
    path = created.headers["Location"]

    assert created.json["event_types"] == ["sla.breached", "ticket.*"]
    assert (created.json["event_filter"], created.json["schema_version"]) == (FILTER, 1)
    assert client.get(path).json["event_filter"] == FILTER
    assert client.patch(path, json={"event_filter": None}).json["event_filter"] is None
    assert client.get(ENDPOINTS).json["items"][0]["event_filter"] is None
    assert client.patch(path, json={"event_filter": FILTER, "event_types": ["page.*"]}).json["event_types"] == [
        "page.*"
    ]


def test_an_endpoint_that_says_nothing_gets_everything_in_the_newest_version(client):
    created = client.post(ENDPOINTS, json=HOOK).json

    assert (created["event_types"], created["event_filter"], created["schema_version"]) == (None, None, 1)


WRONG = [
    ({"schema_version": 0}, "schema_version"),
    ({"schema_version": 2}, "schema_version"),
    ({"schema_version": None}, "schema_version"),
    ({"schema_version": "1"}, "schema_version"),
    ({"schema_version": True}, "schema_version"),
    ({"event_filter": []}, "event_filter"),
    ({"event_filter": "x"}, "event_filter"),
    ({"event_filter": {}}, "event_filter.path"),
    ({"event_filter": {"all": [{"path": "type", "op": "like", "value": "x"}]}}, "event_filter.all.0.op"),
    ({"event_types": ["webhook.ping"]}, "event_types.0"),
    ({"event_types": ["*"]}, "event_types.0"),
]


@pytest.mark.parametrize(("body", "field"), WRONG, ids=str)
def test_what_is_not_offered_is_422_and_named(still, body, field):
    answer = still.post(ENDPOINTS, json=HOOK | body)

    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, field)


def test_what_is_not_offered_changes_nothing_of_an_endpoint(client, snapshot):
    path = client.post(ENDPOINTS, json=HOOK).headers["Location"]
    before = snapshot()

    answers = [client.patch(path, json=body) for body, _ in WRONG]

    assert [answer.status_code for answer in answers] == [422] * len(WRONG)
    assert [answer.json["errors"][0]["field"] for answer in answers] == [field for _, field in WRONG]
    assert snapshot() == before


def test_pagerduty_may_be_given_all_of_pages_by_name(client):
    body = {"kind": "pagerduty", "routing_key": "R0ut1ngK3yOfTheTestsR0ut1ngK3y32"}

    created = client.post(ENDPOINTS, json=body | {"event_types": ["page.*"]})
    refused = client.post(ENDPOINTS, json=body | {"event_types": ["page.*", "sla.*"]})

    assert created.json["event_types"] == ["page.acknowledged", "page.resolved", "page.triggered"]
    assert (refused.status_code, refused.json["errors"][0]["field"]) == (422, "event_types")
