"""Lists among a statement's parameters: whatever is in them, PostgreSQL reads what psycopg would have written."""

from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.adapt import PyFormat, Transformer
from psycopg.types.array import ListDumper

from psms.db.arrays import QuickListDumper


class Colour(StrEnum):
    """A type of its own, which is left to psycopg."""

    RED = "red"


def written(values: list[object], by: type[ListDumper] = QuickListDumper) -> str:
    """Return the text of an array."""
    transformer = Transformer()
    transformer.adapters.register_dumper(list, by)
    text = transformer.get_dumper(values, PyFormat.TEXT).dump(values)
    assert text is not None
    return bytes(text).decode()


ZONE = timezone(timedelta(hours=-3, minutes=-30))
ID = UUID("0193527c-1000-7000-8000-00000000000a")


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([], "{}"),
        ([None, None], "{NULL,NULL}"),
        ([ID, None], f"{{{ID.hex},NULL}}"),
        ([ID, ID, ID], "{" + ",".join([ID.hex] * 3) + "}"),
        ([1, -2, None], "{1,-2,NULL}"),
        ([datetime(2026, 1, 2, 3, 4, 5, 6, UTC)], "{2026-01-02T03:04:05.000006+00:00}"),
        ([datetime(2026, 1, 2, tzinfo=ZONE)], "{2026-01-02T00:00:00-03:30}"),
        ([timedelta(days=10, seconds=1, microseconds=5)], '{"10 days 1.000005 seconds"}'),
        ([timedelta(microseconds=-1)], '{"-1 days 86399.999999 seconds"}'),
        (["", "null", 'a"b\\c', "{,}"], '{"","null","a\\"b\\\\c","{,}"}'),
        ([b"\x00\xff"], '{"\\\\x00ff"}'),
    ],
)
def test_each_type_is_written_as_postgresql_reads_it(values: list[object], text: str) -> None:
    assert written(values) == text


@pytest.mark.parametrize("values", [[True, False], [Colour.RED], [1.5, None], [["a", "b"], ["c", "d"]]])
def test_what_is_of_no_type_of_ours_is_left_to_psycopg(values: list[object]) -> None:
    assert written(values) == written(values, ListDumper)


@given(st.lists(st.none() | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), max_size=5))
def test_a_text_is_read_back_as_it_was(values: list[object]) -> None:
    assert read_back(written(values)) == values


def read_back(text: str) -> list[object]:
    """Read an array of texts as the manual says: quoted, or NULL; a backslash stands before what it protects."""
    found: list[object] = []
    rest = text[1:-1]
    while rest:
        if rest.startswith("NULL"):
            found.append(None)
            rest = rest[4:]
        else:
            value, end = "", 1
            while rest[end] != '"':
                end += rest[end] == "\\"
                value += rest[end]
                end += 1
            found.append(value)
            rest = rest[end + 1 :]
        rest = rest.removeprefix(",")
    return found
