"""Every error has a code of its own, a sentence, and a row in docs/errors.md that tells the truth."""

import re

from api.errors import STATUS
from psms import errors
from psms.domain import endpoint_errors, relation_errors, replay_errors, routing_errors, run_errors
from psms.errors import Kind, PsmsError
from tests.architecture.documents import documented_errors
from tests.architecture.sources import PRODUCT, ROOT, python_files

DOCUMENT = (ROOT / "docs/errors.md").read_text(encoding="utf-8")


def _every_error():
    return [
        thing
        for module in (errors, endpoint_errors, relation_errors, replay_errors, routing_errors, run_errors)
        for thing in vars(module).values()
        if isinstance(thing, type) and issubclass(thing, PsmsError) and thing is not PsmsError
    ]


def test_no_two_errors_share_a_code():
    codes = [error.code for error in _every_error()]

    assert sorted(codes) == sorted(set(codes))


def test_the_document_lists_every_error_with_its_status_and_sentence():
    raised = {error.code: (STATUS[error.kind], error.__doc__.strip()) for error in _every_error()}

    assert documented_errors(DOCUMENT) == raised


def test_every_kind_has_a_status():
    assert set(STATUS) == set(Kind)


def test_every_sentence_ends_as_one():
    assert [error.code for error in _every_error() if not re.search(r"\S\.$", error.__doc__)] == []


OF_PARTS = ("endpoint", "relation", "replay", "routing", "run")
FILES = {"psms/errors.py", *(f"psms/domain/{part}_errors.py" for part in OF_PARTS)}


def test_errors_are_defined_in_two_files():
    elsewhere = [
        source.path
        for source in python_files(PRODUCT)
        if source.path not in FILES and re.search(r"class \w+\((?:\w+\.)?PsmsError\b", source.text)
    ]

    assert elsewhere == []


def test_a_missing_row_is_noticed():
    rows = documented_errors(DOCUMENT.replace("| `not_found` | 404 |", "| not_found | 404 |"))

    assert set(documented_errors(DOCUMENT)) - set(rows) == {"not_found"}
