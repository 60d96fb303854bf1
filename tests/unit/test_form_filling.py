"""Custom fields at filing, at an edit and before resolving; forms made at random are judged as a simple model does."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psms.domain.forms.definitions import Audience, Form, Referent
from psms.domain.forms.documents import field_of, form_of
from psms.domain.forms.filling import UNKNOWN, Named, edited, filed, missing_at_resolving
from psms.domain.forms.refusal import Problem
from psms.domain.forms.values import checked
from psms.domain.tickets import TicketType

Document = dict[str, Any]

REQUEST, INCIDENT = TicketType.REQUEST, TicketType.INCIDENT
USER = "01990000-0000-7000-8000-00000000000a"

SITE = {"key": "site", "type": "choice", "label": "S", "choices": ["north", "south"], "required": "filing"}
ROOM = {
    "key": "room", "type": "text", "label": "R", "required": "filing", "pattern": r"\d+",
    "show_if": {"field": "site", "values": ["north"]},
}  # fmt: skip
COST = {"key": "cost", "type": "number", "label": "C", "visible_to": "agents", "required": "resolving"}
BOSS = {"key": "boss", "type": "reference", "label": "B", "refers_to": "user"}
SEATS = {"key": "seats", "type": "number", "label": "N", "default": 2, "ticket_types": ["request"]}
DESK = form_of(1, [SITE, ROOM, COST, BOSS, SEATS])


def agent_files(given: Document, ticket_type: TicketType = REQUEST) -> tuple[Document, list[Problem]]:
    filled = filed(DESK, given, ticket_type, Audience.AGENTS)
    return filled.values, filled.problems


def test_what_is_left_out_is_filled_in() -> None:
    assert agent_files({"site": "south"}) == ({"site": "south", "seats": 2}, [])
    assert agent_files({"site": "south", "seats": None}, INCIDENT) == ({"site": "south"}, [])


def test_each_field_says_what_is_wrong_with_it() -> None:
    _, problems = agent_files({"site": "north", "seats": "x", "boss": "y", "colour": 1})

    assert problems == [
        ("colour", UNKNOWN),
        ("room", "required"),
        ("boss", "must be an id"),
        ("seats", "must be a number"),
    ]


def test_a_field_is_part_of_the_form_only_where_its_condition_holds() -> None:
    assert agent_files({"site": "south", "room": "4"})[1] == [("room", "leave it out: it is for site north only")]
    assert agent_files({"site": "north", "room": "4"})[1] == []
    assert agent_files({"site": "south", "seats": 3}, INCIDENT)[1] == [
        ("seats", "leave it out: it is not for tickets of this type")
    ]


def test_a_requester_is_not_asked_for_what_they_do_not_see_and_cannot_give_it() -> None:
    form = form_of(1, [{**COST, "required": "filing"}, {**COST, "key": "code", "default": 7}])

    assert filed(form, {}, REQUEST, Audience.EVERYONE).problems == []
    assert filed(form, {}, REQUEST, Audience.EVERYONE).values == {"code": 7}
    assert filed(form, {"cost": 1}, REQUEST, Audience.EVERYONE).problems == [("cost", UNKNOWN)]
    assert filed(form, {}, REQUEST, Audience.AGENTS).problems == [("cost", "required")]


def test_references_are_told_to_be_looked_up() -> None:
    filled = filed(DESK, {"site": "south", "boss": USER.upper()}, REQUEST, Audience.EVERYONE)

    assert filled.references == [Named(field="boss", kind=Referent.USER, id=USER)]
    assert filled.values["boss"] == USER


def test_an_edit_is_judged_by_what_it_changes_and_what_depends_on_that() -> None:
    before = {"site": "north", "room": "4", "former": {"a": 1}, "seats": "many"}

    def problems(**changes: Any) -> list[Problem]:
        return edited(DESK, before, before | changes, REQUEST).problems

    assert problems(cost=5) == []
    assert problems(room="x") == [("room", r"must be written like \d+")]
    assert problems(room=None) == [("room", "required")]
    assert problems(site="south") == [("room", "leave it out: it is for site north only")]
    assert problems(site="south", room=None) == []
    assert problems(former=2, seats="few") == [("former", UNKNOWN), ("seats", "must be a number")]


def test_what_an_edit_leaves_as_it_was_stays_as_it_was() -> None:
    form = form_of(1, [{"key": "vip", "type": "boolean", "label": "V"}])

    assert edited(form, {"vip": True}, {"vip": 1}, REQUEST).values["vip"] is True


def test_before_resolving_every_required_field_has_a_value() -> None:
    message = "required before the ticket is resolved"

    assert missing_at_resolving(DESK, {"site": "north"}, REQUEST) == [("room", message), ("cost", message)]
    assert missing_at_resolving(DESK, {"site": "south", "cost": 0}, REQUEST) == []


@pytest.mark.parametrize(
    ("document", "value", "message"),
    [
        ({"type": "text"}, "two\nlines", "must be one line, without control characters"),
        ({"type": "text"}, "x" * 201, "must have 1 to 200 characters, not all of them blank"),
        ({"type": "text", "min_length": 3}, "ab", "must have 3 to 200 characters, not all of them blank"),
        ({"type": "text"}, 3, "must be text"),
        ({"type": "long_text"}, "  ", "must have 1 to 10000 characters, not all of them blank"),
        ({"type": "number"}, True, "must be a number"),
        ({"type": "number"}, 10**13, "must be from -1000000000000 to 1000000000000"),
        ({"type": "number"}, 0.1234567, "must have 6 decimals at most"),
        ({"type": "number", "minimum": 3}, 2.5, "must be 3 or more"),
        ({"type": "date"}, "2026-02-30", "must be a date such as 2026-12-24"),
        ({"type": "date"}, "20261224", "must be a date such as 2026-12-24"),
        ({"type": "date", "maximum": "2026-01-31"}, "2026-02-01", "until 2026-01-31"),
        ({"type": "boolean"}, 1, "must be true or false"),
        ({"type": "multi_choice", "choices": ["a"]}, [], "must be a list of one or more of the choices"),
        ({"type": "multi_choice", "choices": ["a"]}, ["a", "a"], "must name each choice once"),
        ({"type": "multi_choice", "choices": ["a"]}, [["a"]], "must be one of the choices"),
    ],
)
def test_a_value_that_is_not_right_is_refused(document: Document, value: object, message: str) -> None:
    with pytest.raises(ValueError, match=r"\S") as refused:
        checked(field_of({"key": "k", "label": "K", **document}), value)

    assert str(refused.value) == message


_VALUES = st.sampled_from(["north", "south", True, False, 1, 2.5, "4", "", None, ["north"], [], {"a": 1}])


@st.composite
def forms(draw: st.DrawFn) -> Form:
    documents: list[Document] = []
    for number in range(draw(st.integers(1, 5))):
        kind = draw(st.sampled_from(["choice", "multi_choice", "boolean", "text", "number"]))
        document: Document = {"key": f"k{number}", "type": kind, "label": "L", "choices": ["north", "south"]}
        document["required"] = draw(st.sampled_from(["never", "filing", "resolving"]))
        document["visible_to"] = draw(st.sampled_from(["everyone", "agents"]))
        above = [one for one in documents if one["type"] in {"choice", "boolean"}]
        if bool(above) and draw(st.booleans()):
            asked = draw(st.sampled_from(above))
            values = [True] if asked["type"] == "boolean" else ["north"]
            document[draw(st.sampled_from(["show_if", "required_if"]))] = {"field": asked["key"], "values": values}
        if kind == "boolean" and draw(st.booleans()):
            document["default"] = draw(st.booleans())
        documents.append(document)
    return form_of(1, documents)


def is_right(kind: str, value: Any) -> bool:
    """Say by hand which of `_VALUES` a field of a kind may have."""
    right: dict[str, bool] = {
        "choice": value in ("north", "south"),
        "multi_choice": value == ["north"],
        "boolean": isinstance(value, bool),
        "text": isinstance(value, str) and value != "",
        "number": isinstance(value, int | float) and not isinstance(value, bool),
    }
    return right[kind]


@given(form=forms(), given=st.dictionaries(st.sampled_from([f"k{n}" for n in range(6)]), _VALUES), agent=st.booleans())
def test_any_form_judges_as_the_model_does(form: Form, given: Document, agent: bool) -> None:
    stored: dict[str, Any] = {}
    wrong = {key for key in given if key not in {f.key for f in form.fields if agent or f.visible_to == "everyone"}}
    for field in form.fields:
        value = given.get(field.key) if agent or field.visible_to == "everyone" else None
        shown = field.show_if is None or stored.get(field.show_if.field) in field.show_if.values
        asked = field.required_if is None or stored.get(field.required_if.field) in field.required_if.values
        if value is None and shown and field.default is not None:
            value = field.default
        if value is not None and shown and is_right(field.type, value):
            stored[field.key] = value
        must = shown and asked and field.required == "filing" and (agent or field.visible_to == "everyone")
        if field.key not in stored and (value is not None or must):
            wrong.add(field.key)

    filled = filed(form, given, INCIDENT, Audience.AGENTS if agent else Audience.EVERYONE)

    assert filled.values == stored
    assert {key for key, _ in filled.problems} == wrong
    if not wrong:
        # A requester is not asked for what agents alone see; an agent who changes what it depends on is.
        assert edited(form, {} if agent else filled.values, filled.values, INCIDENT).problems == []
