"""The documents agree with the code, and each comparison notices when they do not."""

import pytest

from tests.architecture.documents import (
    incomplete_record,
    missing_files,
    missing_numbers,
    pages,
)
from tests.architecture.sources import ROOT

RECORDS = pages("docs/adr")
GOOD_RECORD = "# 0001 Title\n" + "".join(
    f"\n**{part}** Text.\n" for part in ("Context.", "Decision.", "Consequences.", "Alternatives.", "Enforced by.")
)


def test_decision_records_are_numbered_without_a_gap():
    assert missing_numbers([page.name for page in RECORDS]) == []


@pytest.mark.parametrize("page", RECORDS, ids=lambda page: page.stem)
def test_a_decision_record_is_complete(page):
    assert incomplete_record(page.name, page.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "page",
    [ROOT / "README.md", *pages("docs"), *RECORDS],
    ids=lambda page: page.stem,
)
def test_every_file_that_a_document_names_exists(page):
    assert missing_files(page.name, page.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("0001-title.md", GOOD_RECORD.replace("Enforced by.", "Enforced.")),
        ("0002-title.md", GOOD_RECORD),
    ],
)
def test_an_incomplete_record_is_noticed(name, text):
    assert len(incomplete_record(name, text)) == 1


def test_a_complete_record_passes():
    assert incomplete_record("0001-title.md", GOOD_RECORD) == []


@pytest.mark.parametrize(
    ("names", "missing"), [(["0001-a", "0003-b"], ["0002", "0003"]), (["0001-a", "0001-b"], ["0002"])]
)
def test_a_gap_in_the_numbers_is_noticed(names, missing):
    assert missing_numbers(names) == missing


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("see `psms/no_such_file.py`", 1),
        ("see `no_such_page.md`", 1),
        ("see `psms/errors.py`, `docs/adr/`, `/v1/tickets` and `application/problem+json`", 0),
    ],
)
def test_a_file_that_does_not_exist_is_noticed(text, count):
    assert len(missing_files("page.md", text)) == count
