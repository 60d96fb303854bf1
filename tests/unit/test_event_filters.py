"""Filters of events: what each operator asks, how judgments combine, and documents that are refused."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psms.domain.event_filters import DEEPEST, MOST_TERMS, AllOf, AnyOf, Filter, Term, filter_of, judge, wants
from psms.errors import FieldError

EVENT: dict[str, Any] = {
    "type": "ticket.updated",
    "timestamp": "2026-11-23T08:30:00.250000Z",
    "data": {
        "ticket": {
            "priority": "high",
            "assignee_id": None,
            "tags": ["vip", "printer"],
            "version": 7,
            "custom_fields": {"site": "north", "floor": 2.5, "vip": True, "empty": []},
        },
        "changes": {"priority": {"before": "medium", "after": "high"}},
    },
}
_SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "ab", "high", "7"])
_TERMS = st.builds(
    lambda path, op_and_value: {"path": path, "op": op_and_value[0], "value": op_and_value[1]},
    st.sampled_from(["a", "a.b", "list", "data.ticket.priority", "none"]),
    st.tuples(st.sampled_from(["eq", "neq"]), _SCALARS)
    | st.tuples(st.just("in"), st.lists(_SCALARS, min_size=1, max_size=3))
    | st.tuples(st.just("exists"), st.booleans())
    | st.tuples(st.sampled_from(["gt", "lt"]), st.integers(-3, 3) | st.sampled_from(["a", "b"]))
    | st.tuples(st.just("prefix"), st.sampled_from(["", "a", "h"])),
)
_DOCUMENTS = st.recursive(
    _TERMS,
    lambda parts: st.builds(
        lambda name, inner: {name: inner}, st.sampled_from(["all", "any"]), st.lists(parts, min_size=1, max_size=2)
    ),
    max_leaves=4,
)
_JSON = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b"]), inner),
    max_leaves=5,
)
_EVENTS = st.dictionaries(st.sampled_from(["a", "list", "data", "truncated"]), _JSON)


def asked(path: str, op: str, value: Any) -> bool | None:
    """Return what one term says of EVENT."""
    return judge(filter_of({"path": path, "op": op, "value": value}), EVENT)


@pytest.mark.parametrize(
    ("path", "op", "value", "holds"),
    [
        ("type", "eq", "ticket.updated", True),
        ("data.ticket.priority", "eq", "low", False),
        ("data.ticket.priority", "neq", "low", True),
        ("data.ticket.priority", "in", ["high", "critical"], True),
        ("data.ticket.priority", "prefix", "hi", True),
        ("data.ticket.priority", "prefix", "igh", False),
        ("data.ticket.tags", "eq", "vip", True),
        ("data.ticket.tags", "neq", "vip", False),
        ("data.ticket.tags", "in", ["x"], False),
        ("data.ticket.tags", "prefix", "prin", True),
        ("data.ticket.custom_fields.empty", "eq", "x", False),
        ("data.ticket.custom_fields.empty", "neq", "x", True),
        ("data.ticket.assignee_id", "exists", True, False),
        ("data.ticket.assignee_id", "eq", None, True),
        ("data.ticket.nothing.there", "exists", False, True),
        ("data.ticket.nothing", "eq", None, True),
        ("data.ticket.nothing", "gt", 1, False),
        ("data.changes.priority", "exists", True, True),
        ("data.ticket.version", "gt", 6, True),
        ("data.ticket.version", "eq", 7.0, True),
        ("data.ticket.custom_fields.floor", "lt", 3, True),
        ("data.ticket.custom_fields.vip", "eq", True, True),
        ("data.ticket.custom_fields.vip", "eq", 1, False),
        ("data.ticket.version", "eq", True, False),
        ("timestamp", "gt", "2026-11-23T08:30:00Z", True),
        ("timestamp", "lt", "2026-11-23T09:30:00+01:00", False),
        ("data.ticket.version", "gt", "6", None),
        ("data.ticket.custom_fields.vip", "gt", 0, None),
        ("data.ticket.version", "prefix", "7", None),
    ],
)
def test_a_term_asks_of_what_is_at_its_path(path: str, op: str, value: Any, holds: bool | None) -> None:
    assert asked(path, op, value) is holds


def test_what_cannot_be_told_is_delivered() -> None:
    unclear = {"path": "data.ticket.version", "op": "gt", "value": "6"}
    refused = {"path": "type", "op": "eq", "value": "x"}

    assert wants(filter_of(unclear), EVENT)
    assert wants(filter_of({"any": [refused, unclear]}), EVENT)
    assert not wants(filter_of({"all": [unclear, refused]}), EVENT)


def test_what_the_thin_form_lacks_cannot_be_told() -> None:
    thin = {"truncated": True, "data": {"ticket": {"version": 7}}}

    assert judge(filter_of({"path": "data.ticket.description", "op": "prefix", "value": "x"}), thin) is None
    assert judge(filter_of({"path": "data.ticket.version", "op": "lt", "value": 7}), thin) is False


def deep(levels: int) -> dict[str, Any]:
    """Return a filter so many levels deep."""
    found: dict[str, Any] = {"path": "type", "op": "exists"}
    for _ in range(levels - 1):
        found = {"all": [found]}
    return found


def test_five_levels_and_twenty_terms_are_the_most() -> None:
    term = {"path": "type", "op": "exists"}
    assert isinstance(filter_of(deep(DEEPEST)), AllOf)
    assert isinstance(filter_of({"any": [term] * MOST_TERMS}), AnyOf)

    with pytest.raises(FieldError, match="more than 5 levels deep"):
        filter_of(deep(DEEPEST + 1))
    with pytest.raises(FieldError, match="more than 20 terms"):
        filter_of({"any": [{"all": [term] * 11}, {"all": [term] * 10}]})


@pytest.mark.parametrize(
    ("document", "place"),
    [
        ([], "event_filter"),
        ({}, "event_filter.path"),
        ({"all": []}, "event_filter.all"),
        ({"all": [{}], "any": [{}]}, "event_filter.all"),
        ({"any": {}}, "event_filter.any"),
        ({"any": [1]}, "event_filter.any.0"),
        ({"path": "", "op": "exists"}, "event_filter.path"),
        ({"path": "a..b", "op": "exists"}, "event_filter.path"),
        ({"path": "x" * 201, "op": "exists"}, "event_filter.path"),
        ({"path": "a", "op": "regex", "value": "x"}, "event_filter.op"),
        ({"path": "a", "op": None, "value": "x"}, "event_filter.op"),
        ({"path": "a", "op": "eq"}, "event_filter.value"),
        ({"path": "a", "op": "eq", "value": {}}, "event_filter.value"),
        ({"path": "a", "op": "eq", "value": "x" * 1001}, "event_filter.value"),
        ({"path": "a", "op": "in", "value": "x"}, "event_filter.value"),
        ({"path": "a", "op": "in", "value": []}, "event_filter.value"),
        ({"path": "a", "op": "in", "value": [[]]}, "event_filter.value.0"),
        ({"path": "a", "op": "exists", "value": 1}, "event_filter.value"),
        ({"path": "a", "op": "gt", "value": None}, "event_filter.value"),
        ({"path": "a", "op": "prefix", "value": 1}, "event_filter.value"),
        ({"path": "a", "op": "eq", "value": 1, "not": True}, "event_filter.not"),
    ],
    ids=str,
)
def test_a_filter_that_makes_no_sense_is_refused_by_its_place(document: Any, place: str) -> None:
    with pytest.raises(FieldError) as refused:
        filter_of(document)

    assert refused.value.context["errors"][0]["field"] == place  # type: ignore[index]


@given(_DOCUMENTS, _EVENTS)
def test_every_filter_judges_every_event_and_delivers_unless_it_says_no(document: Any, event: dict[str, Any]) -> None:
    found = filter_of(document)

    assert judge(found, event) in {True, False, None}
    assert wants(found, event) is (judge(found, event) is not False)


@given(_DOCUMENTS, _EVENTS)
def test_a_filter_that_was_stored_says_the_same(document: Any, event: dict[str, Any]) -> None:
    stored = json.loads(json.dumps(document, sort_keys=True))

    assert judge(filter_of(stored), event) == judge(filter_of(document), event)


@given(_DOCUMENTS, _EVENTS)
def test_the_order_of_parts_never_matters(document: Any, event: dict[str, Any]) -> None:
    found = filter_of(document)

    assert judge(_reversed(found), event) == judge(found, event)


@given(st.lists(_DOCUMENTS, min_size=1, max_size=2), _EVENTS)
def test_any_is_not_all_of_the_opposites(documents: list[Any], event: dict[str, Any]) -> None:
    judged = [judge(filter_of(one), event) for one in documents]
    some, every = judge(filter_of({"any": documents}), event), judge(filter_of({"all": documents}), event)

    assert some is (True if True in judged else None if None in judged else False)
    assert every is (False if False in judged else None if None in judged else True)


@given(_SCALARS, _EVENTS)
def test_eq_and_neq_are_opposites_unless_that_cannot_be_told(value: Any, event: dict[str, Any]) -> None:
    same = judge(filter_of({"path": "a", "op": "eq", "value": value}), event)
    other = judge(filter_of({"path": "a", "op": "neq", "value": value}), event)

    assert (same is None) is (other is None)
    assert same is None or same is not other


def _reversed(found: Filter) -> Filter:
    if isinstance(found, Term):
        return found
    return type(found)(parts=tuple(_reversed(part) for part in reversed(found.parts)))
