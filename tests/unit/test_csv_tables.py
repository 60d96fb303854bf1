"""Tables as CSV: nothing in them is a formula, and everything else comes back as it was."""

import csv
import io

import pytest

from psms.domain.csv_tables import csv_table


def read(table: bytes) -> list[list[str]]:
    """Return the cells of a table."""
    return list(csv.reader(io.StringIO(table.decode(), newline="")))


@pytest.mark.parametrize("trigger", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20"])
def test_a50b_a_cell_that_begins_as_a_formula_begins_with_an_apostrophe(trigger: str) -> None:
    assert read(csv_table(["name"], [[f"{trigger}1+1"]])) == [["name"], [f"'{trigger}1+1"]]


def test_a50b_no_cell_begins_within_another() -> None:
    sly = 'x",=1+1,"y'

    assert csv_table(["name"], [[sly]]) == b'"name"\r\n"x"",=1+1,""y"\r\n'
    assert read(csv_table(["name"], [[sly]])) == [["name"], [sly]]


def test_a50b_numbers_stay_numbers_also_negative_ones() -> None:
    assert read(csv_table(["a", "b", "c"], [[-1, 0.25, None], ["x, y", "ü=", "a\nb"]])) == [
        ["a", "b", "c"],
        ["-1", "0.25", ""],
        ["x, y", "ü=", "a\nb"],
    ]
