"""The JSON guard takes what RFC 8259 allows, and refuses what a database or another parser trips over."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.json_guard import MAX_DEPTH, parse_json
from psms.errors import MalformedJson

_TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
_NUMBERS = st.integers(-(2**63) + 1, 2**63 - 1) | st.floats(-(2.0**62), 2.0**62, allow_nan=False, allow_infinity=False)
_VALUES = st.recursive(
    st.none() | st.booleans() | _NUMBERS | _TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=20,
)


def nested(depth):
    return b"[" * depth + b"]" * depth


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"{", "not JSON: expecting property name"),
        (b"{} {}", "not JSON: extra data at line 1, column 4"),
        (b"nothing", "not JSON: expecting value"),
        (b"\xef\xbb\xbf{}", "not JSON: expecting value"),
        (b'{"a": NaN}', "NaN, which is not JSON"),
        (b'{"a": Infinity}', "Infinity, which is not JSON"),
        (b'{"a": -Infinity}', "-Infinity, which is not JSON"),
        (b'{"a": 1, "b": {"c": 1, "c": 2}}', "the same name twice"),
        (rb'{"a": 1, "\u0061": 2}', "the same name twice"),
        (b'{"a": "\xff"}', "not UTF-8"),
        (b'{"a": "\xed\xa0\x80"}', "not UTF-8"),
        ('{"a": "ä"}'.encode("latin-1"), "not UTF-8"),
        ('{"a": 1}'.encode("utf-16"), "not UTF-8"),
        (b'{"a": "\0"}', "not JSON: invalid control character"),
        (rb'{"a": "\u0000"}', "a NUL character or half of a surrogate pair"),
        (rb'{"\u0000": 1}', "a NUL character or half of a surrogate pair"),
        (rb'{"a": [{"b": "x\ud83d"}]}', "a NUL character or half of a surrogate pair"),
        (rb'{"a": "\udc00\ud800"}', "a NUL character or half of a surrogate pair"),
        (b'{"a": %s}' % (b"9" * 5000), "does not fit into 64 bits"),
        (b'{"a": -%s}' % (b"9" * 5000), "does not fit into 64 bits"),
        (b'{"a": 1%s}' % (b"0" * 40), "does not fit into 64 bits"),
        (b'{"a": 9223372036854775808}', "does not fit into 64 bits"),
        (b'{"a": 1e400}', "does not fit into 64 bits"),
        (b'{"a": -1e19}', "does not fit into 64 bits"),
        (nested(MAX_DEPTH + 1), "deeper than 32 levels"),
        (nested(10_000), "deeper than 32 levels"),
        (nested(100_000), "deeper than 32 levels"),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "deeper than 32 levels"),
    ],
)
def test_a_body_is_refused_with_what_is_wrong_with_it(body, says):
    with pytest.raises(MalformedJson, match=r"^The body \w") as refusal:
        parse_json(body)

    assert says in refusal.value.detail


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"null", None),
        (b' {"a": [1, 2.5, "x", true, null]} ', {"a": [1, 2.5, "x", True, None]}),
        (b'{"a": 9223372036854775807, "b": -9223372036854775807}', {"a": 2**63 - 1, "b": 1 - 2**63}),
        (b'{"a": 1e18}', {"a": 1e18}),
        (rb'{"a": "\ud83d\ude00"}', {"a": "😀"}),
        (rb'{"a": "\\u0000 \\ud800"}', {"a": r"\u0000 \ud800"}),
        ('{"ä": "😀"}'.encode(), {"ä": "😀"}),
        (nested(MAX_DEPTH), json.loads(nested(MAX_DEPTH))),
        (b"[" + b"[]," * 1000 + b"[]]", [[]] * 1001),
    ],
)
def test_a_body_is_read(body, value):
    assert parse_json(body) == value


@given(_VALUES)
def test_what_another_encoder_wrote_is_read_back(value):
    assert parse_json(json.dumps(value).encode()) == value
    assert parse_json(json.dumps(value, ensure_ascii=False).encode()) == value


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body):
    with suppress(MalformedJson):
        parse_json(body)
