"""Every test that docs/security-tests.md names exists and bears its number, or is in a file whose docstring does."""

import ast
import re

import pytest

from tests.architecture.sources import ROOT

DOCUMENT = (ROOT / "docs/security-tests.md").read_text(encoding="utf-8")
# What this part of the product answers for.
WANTED = {
    *(f"A{number}" for number in (*range(14, 21), *range(27, 47), 48, 49, 50, 52, 55, *range(58, 65))),
    "A50b",
}

_ROW = re.compile(r"^\| (A\d+[a-z]?) \| .+? \| (.+) \|$", re.MULTILINE)
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def named(text: str) -> dict[str, list[tuple[str, str]]]:
    """Return, by number, the files and names of its tests."""
    return {number: _TEST.findall(tests) for number, tests in _ROW.findall(text)}


def missing(text: str) -> list[str]:
    """Return the tests that *text* names and that are not there."""
    return [
        f"{number}: {file}::{name}"
        for number, tests in named(text).items()
        for file, name in tests
        if name not in _tests_in(file)
    ]


def _tests_in(file: str) -> set[str]:
    path = ROOT / file
    if not path.exists():
        return set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_number_has_tests():
    assert {number for number, tests in named(DOCUMENT).items() if tests} >= WANTED


def test_every_test_that_is_named_exists():
    assert missing(DOCUMENT) == []


@pytest.mark.parametrize("number", sorted(WANTED))
def test_a_number_is_found_in_the_names_of_its_tests(number):
    assert any(f"_{number.lower()}_" in name for _, name in named(DOCUMENT)[number])


def test_a_row_whose_test_is_gone_is_noticed():
    row = "| A1 | x | `tests/api/test_pages.py::test_gone`, `tests/api/gone.py::test_x` |\n"

    assert missing(row) == ["A1: tests/api/test_pages.py::test_gone", "A1: tests/api/gone.py::test_x"]
