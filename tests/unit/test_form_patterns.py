"""Patterns of texts mean what regular expressions mean, and none of them takes long."""

import re
import string
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psms.domain.forms.patterns import matches, pattern_of

_ATOMS = st.sampled_from(["a", "b", "-", r"\d", r"\w", r"\s", r"\.", ".", "[ab]", "[^a]", "[0-9_-]", r"[\d-]", "[a-]"])
_TIMES = st.sampled_from(["", "", "?", "*", "+", "{2}", "{1,3}", "{0,2}", "{1,}"])
_SEQUENCES = st.lists(st.tuples(_ATOMS, _TIMES).map("".join), max_size=5).map("".join)
PATTERNS = st.lists(_SEQUENCES, min_size=1, max_size=3).map("|".join).filter(bool)


@given(pattern=PATTERNS, text=st.text("ab-0._ \n", max_size=8))
def test_a_pattern_means_what_it_means_as_a_regular_expression(pattern: str, text: str) -> None:
    assert matches(pattern_of(pattern), text) is bool(re.fullmatch(pattern, text, re.ASCII))


@given(st.from_regex(r"[A-Z]{2}-\d{4}", fullmatch=True, alphabet=string.printable))
def test_what_is_written_so_is_taken(text: str) -> None:
    assert matches(pattern_of(r"[A-Z]{2}-\d{4}"), text)


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "(a)",
        "(a+)+",
        "(?=a)",
        r"\1",
        r"\bword",
        "^a",
        "a$",
        "a**",
        "a{3,1}",
        "a{1,201}",
        "[z-a]",
        "[",
        "*",
        "a" * 201,
    ],
)
def test_what_could_take_long_or_is_not_known_is_no_pattern(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        pattern_of(pattern)


def test_what_would_take_a_backtracking_engine_years_is_answered_at_once() -> None:
    pattern = pattern_of("a*" * 60 + "b")

    assert not matches(pattern, "a" * 200)
    assert matches(pattern, "a" * 199 + "b")


@given(st.text("ab()[]{}*+?|\\^$.,-0129d", max_size=12))
def test_any_text_is_a_pattern_or_is_refused(text: str) -> None:
    with suppress(ValueError):
        matches(pattern_of(text), "ab")
