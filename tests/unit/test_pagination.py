"""Cursors say where a page begins; anything that is not one of ours is refused."""

import re
from base64 import urlsafe_b64encode
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.pagination import decode_cursor, encode_cursor, page_request
from psms.domain.pages import PageRequest
from psms.errors import CursorInvalid

LAST = UUID("0192f0c1-0000-7000-8000-000000000001")
KEY, OTHER_KEY = b"k" * 32, b"o" * 32
CURSOR = encode_cursor(LAST, KEY)


@given(st.uuids())
def test_a_cursor_leads_back_to_its_id(last):
    assert decode_cursor(encode_cursor(last, KEY), KEY) == last


def test_a_cursor_can_stand_in_an_address_as_it_is():
    assert re.fullmatch(r"[A-Za-z0-9_-]{44}", CURSOR)


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "é",
        "null",
        str(LAST),
        CURSOR[:-1],
        CURSOR + "A",
        CURSOR + "=",
        CURSOR + "\n",
        CURSOR.lower(),
        "A" * len(CURSOR),
        "B" + CURSOR[1:],
        urlsafe_b64encode(LAST.bytes).decode(),
        "A" * 10_000,
    ],
)
def test_any_other_text_is_refused(cursor):
    with pytest.raises(CursorInvalid):
        decode_cursor(cursor, KEY)


@given(st.integers(0, len(CURSOR) - 1), st.sampled_from("ABCxyz019-_"))
def test_a_mistyped_cursor_is_refused(place, character):
    mistyped = CURSOR[:place] + character + CURSOR[place + 1 :]
    if mistyped != CURSOR:
        with pytest.raises(CursorInvalid):
            decode_cursor(mistyped, KEY)


def test_a_cursor_of_another_key_is_refused():
    with pytest.raises(CursorInvalid):
        decode_cursor(CURSOR, OTHER_KEY)


def test_the_limit_is_taken_out_of_the_query_and_filters_stay():
    query = {"limit": 7, "status": "open"}

    assert page_request(query) == PageRequest(limit=7, after=None)
    assert query == {"status": "open"}


def test_without_a_cursor_the_first_page_is_meant():
    assert page_request({"limit": 50}) == PageRequest(limit=50, after=None)
