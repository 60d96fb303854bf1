"""The catalogue of events: whole, true to its examples, and published for good. Real events: `test_every_event`."""

import json
from copy import deepcopy
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from psms.domain.event_catalogue.definitions import CATALOGUE, OFFERED_VERSIONS, SUBSCRIBABLE
from psms.domain.event_catalogue.examples import example_of
from psms.domain.event_catalogue.schemas import event_schema
from psms.domain.event_selection import GROUPS, is_selected, selected_types
from psms.domain.events import ENDPOINT_EVENTS, EventType
from psms.domain.json_schemas import schema_of
from psms.domain.thin_events import thin_form
from psms.encoding import json_bytes
from tests.support.event_schemas import current, problems, published, strictly


def example(event_type: EventType) -> dict[str, Any]:
    """Return the example of a type as a partner reads it."""
    found: dict[str, Any] = json.loads(json_bytes(example_of(event_type)))
    return found


def test_every_type_is_in_the_catalogue() -> None:
    assert list(CATALOGUE) == list(EventType)
    assert OFFERED_VERSIONS == (1,)


@pytest.mark.parametrize("event_type", EventType)
def test_every_example_is_as_its_schema_says(event_type: EventType) -> None:
    Draft202012Validator.check_schema(event_schema(event_type))
    strictly(event_type).validate(example(event_type))

    assert set(CATALOGUE[event_type].changes) >= set(example(event_type)["data"].get("changes", {}))
    assert bool(CATALOGUE[event_type].changes) is bool(example(event_type)["data"].get("changes"))


@pytest.mark.parametrize("event_type", [one for one in EventType if not one.startswith("webhook.")])
def test_the_thin_form_of_every_example_is_as_its_schema_says(event_type: EventType) -> None:
    event = example(event_type)
    event["data"]["ticket"]["description"] = "x" * 300_000
    thin = thin_form(event, "https://desk.example/v1/tickets/1")

    strictly(event_type).validate(thin)
    assert "description" not in thin["data"]["ticket"]
    del thin["truncated"]
    assert not strictly(event_type).is_valid(thin)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("id",), 1),
        (("id",), "no-uuid"),
        (("type",), "ticket.closed"),
        (("schema_version",), 2),
        (("data", "ticket", "priority"), "huge"),
        (("data", "ticket", "created_at"), "yesterday"),
        (("data", "ticket", "secret"), "x"),
        (("data", "changes", "version"), {"before": 1, "after": 2}),
        (("data", "changes", "impact", "after"), 3),
        (("data", "comment"), {}),
        (("data", "sequence"), None),
    ],
    ids=str,
)
def test_an_event_that_is_otherwise_is_noticed(place: tuple[str, ...], value: Any) -> None:
    event = example(EventType.TICKET_UPDATED)
    found = event
    for name in place[:-1]:
        found = found[name]
    found[place[-1]] = value

    assert not strictly(EventType.TICKET_UPDATED).is_valid(event)


def test_partners_need_not_refuse_members_that_come_later() -> None:
    event = example(EventType.TICKET_UPDATED)
    event["data"]["ticket"]["mood"] = "good"

    assert Draft202012Validator(event_schema(EventType.TICKET_UPDATED)).is_valid(event)


def test_no_schema_is_other_than_it_was_published() -> None:
    """What is to be done is in the sentences."""
    assert problems(published(), current()) == []


def test_a_change_of_shape_is_noticed_and_called_a_new_version() -> None:
    now = current()
    ticket = now["ticket.rated"]["1"]["properties"]["data"]["properties"]["ticket"]
    changed = [deepcopy(now) for _ in range(5)]
    data = [one["ticket.rated"]["1"]["properties"]["data"] for one in changed]
    data[0]["required"].remove("actor_id")
    del data[1]["properties"]["ticket"]["properties"]["tags"]
    data[2]["properties"]["ticket"]["properties"]["status"]["enum"].append("new one")
    data[3]["properties"]["sequence"]["type"] = "string"
    del changed[4]["ticket.rated"]

    found = [problems(now, one) for one in changed]

    assert ticket["properties"]["tags"]
    assert [len(one) for one in found] == [1] * 5
    assert all("which is a new version" in one[0] for one in found)
    assert "properties.data.properties.ticket.properties.tags" in found[1][0]


def test_what_was_added_must_be_published_and_is_no_new_version() -> None:
    now, later = current(), current()
    data = later["ticket.rated"]["1"]["properties"]["data"]
    data["properties"]["mood"] = {"type": "string"}
    data["required"].append("mood")
    later["ticket.sung"] = now["ticket.rated"]

    found = problems(now, later)

    assert [sentence.partition(",")[0] for sentence in found] == ["ticket.rated", "ticket.sung"]
    assert all("no new version" in sentence for sentence in found)


def test_a_group_stands_for_all_its_types() -> None:
    assert GROUPS == ("ticket.*", "change.*", "time.*", "sla.*", "ola.*", "page.*", "webhook.*")
    assert selected_types(["page.*", "ticket.rated"]) == {
        "page.triggered",
        "page.acknowledged",
        "page.resolved",
        "ticket.rated",
    }
    assert selected_types(["webhook.*"]) == {kind.value for kind in ENDPOINT_EVENTS}
    assert all(is_selected(name, None) for name in SUBSCRIBABLE)
    assert not is_selected("ticketing.done", ["ticket.*"])


@pytest.mark.parametrize("hint", [int | str, float, tuple[int, ...]])
def test_a_kind_of_value_without_a_schema_is_refused(hint: Any) -> None:
    with pytest.raises(TypeError, match="no JSON Schema"):
        schema_of(hint)
