"""What may be wrong with a form, setting by setting."""

from typing import Any

import pytest

from psms.domain.forms.checks import problems_of
from psms.domain.forms.documents import document_of, field_of, form_of

SITE = {"key": "site", "type": "choice", "label": "Site", "choices": ["north", "south"]}
INNER = {"key": "inner", "type": "boolean", "label": "Inner", "visible_to": "agents"}
ROOM = {"key": "room", "type": "text", "label": "Room", "max_length": 10, "pattern": r"\d+", "default": "1"}
SEATS = {"key": "seats", "type": "number", "label": "Seats", "minimum": 1, "maximum": 50, "default": 2}
BEGINS = {"key": "begins", "type": "date", "label": "From", "minimum": "2026-01-01", "maximum": "2026-12-31"}


def problems(*documents: dict[str, Any]) -> list[tuple[str, str]]:
    return problems_of([field_of(one) for one in documents])


def test_a_form_that_makes_sense_has_no_problem() -> None:
    notes = {"key": "notes", "type": "long_text", "label": "Notes"}
    apps = {"key": "apps", "type": "multi_choice", "label": "Apps", "choices": ["mail"], "default": ["mail"]}
    boss = {"key": "boss", "type": "reference", "label": "Boss", "refers_to": "user"}
    shown = {**ROOM, "show_if": {"field": "site", "values": ["north"]}}
    needed = {
        **SEATS,
        "required": "filing",
        "required_if": {"field": "inner", "values": [True]},
        "visible_to": "agents",
    }

    assert problems(SITE, INNER, shown, needed, BEGINS, notes, apps, boss) == []


@pytest.mark.parametrize(
    ("document", "place", "message"),
    [
        ({**SITE, "key": "Site"}, "key", "use a to z, 0 to 9 and _, 40 at most, beginning with a letter"),
        ({**SITE, "choices": []}, "choices", "required: give one or more"),
        ({**SITE, "choices": ["a", "a"]}, "choices", "give each once"),
        ({**SITE, "default": "east"}, "default", "must be one of the choices"),
        ({**SITE, "minimum": 1}, "minimum", "leave it out: it does not go with choice"),
        ({**ROOM, "choices": ["a"]}, "choices", "leave it out: it does not go with text"),
        ({**ROOM, "max_length": 201}, "max_length", "must be 200 or less"),
        ({**ROOM, "min_length": 11}, "min_length", "must not be more than max_length"),
        ({**ROOM, "pattern": "(a+)+"}, "pattern", None),
        ({**ROOM, "default": "x"}, "default", r"must be written like \d+"),
        ({**SEATS, "minimum": "1"}, "minimum", "must be a number, as the field's values are"),
        ({**SEATS, "minimum": 51}, "maximum", "must not be less than minimum"),
        ({**SEATS, "default": 51}, "default", "must be 50 or less"),
        ({**SEATS, "default": "2"}, "default", "must be a number"),
        ({**BEGINS, "maximum": "2026-02-30"}, "maximum", "must be a date, as the field's values are"),
        ({**BEGINS, "maximum": 3}, "maximum", "must be a date, as the field's values are"),
        ({"key": "to", "type": "reference", "label": "To"}, "refers_to", "required: say what it refers to"),
        (
            {"key": "t", "type": "long_text", "label": "T", "filterable": True},
            "filterable",
            "tickets cannot be found by a long_text",
        ),
        (
            {**INNER, "required_if": {"field": "site", "values": ["north"]}},
            "required_if",
            "say in required when: filing or resolving",
        ),
    ],
)
def test_a_setting_that_makes_no_sense_is_named(document: dict[str, Any], place: str, message: str | None) -> None:
    (problem,) = problems(SITE, {**document, "key": document["key"].replace("site", "other")})

    assert problem[0] == f"fields.1.{place}"
    assert message is None or problem[1] == message


@pytest.mark.parametrize(
    ("asks", "message"),
    [
        ({"field": "later", "values": [True]}, "must name a choice, multi_choice or boolean field that stands above"),
        ({"field": "room", "values": [True]}, "must name a choice, multi_choice or boolean field that stands above"),
        ({"field": "seats", "values": [True]}, "must name a choice, multi_choice or boolean field that stands above"),
        ({"field": "inner", "values": [True]}, "requesters see this field, and do not see the one that it asks for"),
        ({"field": "site", "values": ["east"]}, "must give values of the field that it asks for"),
        ({"field": "site", "values": [True]}, "must give values of the field that it asks for"),
        ({"field": "open", "values": ["north"]}, "must give values of the field that it asks for"),
    ],
)
def test_a_condition_asks_for_a_field_above_that_whoever_is_asked_sees(asks: dict[str, Any], message: str) -> None:
    is_open = {"key": "open", "type": "boolean", "label": "Open"}
    later = {"key": "later", "type": "boolean", "label": "Later"}

    (problem,) = problems(SITE, INNER, SEATS, is_open, {**ROOM, "show_if": asks}, later)

    assert problem[0] == "fields.4.show_if"
    assert problem[1].startswith(message)


def test_a_key_is_one_fields_alone() -> None:
    message = "another field has this key too"

    assert problems(SITE, ROOM, SITE) == [("fields.0.key", message), ("fields.2.key", message)]


def test_a_form_is_what_its_document_says() -> None:
    fields = [field_of(one) for one in (SITE, INNER, ROOM, SEATS, BEGINS)]
    form = form_of(3, [document_of(one) for one in fields])

    assert form.fields == tuple(fields)
    assert form.requester_keys == {"site", "room", "seats", "begins"}
    assert form.filter_keys == {"site", "inner", "room", "seats", "begins"}
