"""The SLA engine on worked examples; `--vectors FILE` names another file of them. What a kind is stands in support."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.sla_engines import ENGINE
from tests.support.sla_vector_kinds import book_of, books_of, check
from tests.support.sla_vectors import DEFAULT, Bench, Book, Vector, at, read_vectors


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "vector" not in metafunc.fixturenames:
        return
    document = read_vectors(Path(metafunc.config.getoption("vectors") or DEFAULT))
    bench = Bench(ENGINE, document["calendars"])
    wanted = {"test_ledgers_tell_the_same_as_the_clocks": {"timeline", "ticket"}}.get(metafunc.function.__name__)
    vectors = [vector for vector in document["vectors"] if wanted is None or vector["kind"] in wanted]
    metafunc.parametrize(
        ("bench", "vector"), [(bench, vector) for vector in vectors], ids=[vector["id"] for vector in vectors]
    )


def test_the_engine_agrees_with_the_vector(bench: Bench, vector: Vector) -> None:
    check(bench, vector)


def test_ledgers_tell_the_same_as_the_clocks(bench: Bench, vector: Vector) -> None:
    books = [book_of(bench, vector)[0]] if vector["kind"] == "timeline" else books_of(bench, vector)[0].values()
    closed_at = at(vector["events" if "events" in vector else "log"][-1]["at"])
    for book in books:
        assert recomputed(bench, book, closed_at) == book.shown()


def recomputed(bench: Bench, book: Book, closed_at: int) -> list[dict[str, Any]]:
    """Return what follows from a book's ledger alone, looked at when the book was closed."""
    ledger = bench.engine.ledger
    segments = book.segments + [ledger.open_segment(clock) for clock in book.cycles.values()]
    history = ledger.recompute(sorted(segments, key=lambda one: (one.cycle, one.ended_at is None)), bench.hours)
    again = Book()
    again.cycles = {clock.cycle: clock for clock in history.cycles}
    again.fires = list(history.fires)
    look = bench.engine.timeline.Look(at=closed_at)
    again.write(bench.engine.advance.advance(history.cycles[-1], look, bench.hours))
    return again.shown()


def test_the_file_has_as_many_vectors_as_it_says() -> None:
    document = read_vectors(DEFAULT)
    assert document["count"] == len(document["vectors"]) == sum(document["counts"].values())


def test_a_kind_that_nobody_knows_fails(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="no way to try a vector of the kind 'sundial'"):
        check(Bench(ENGINE, {}), {"id": "X1", "kind": "sundial"})


def test_doubled_ids_and_other_formats_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "vectors.json"
    for document, why in [
        ({"format": "sla-vectors/2", "vectors": []}, "the format is sla-vectors/2"),
        ({"format": "sla-vectors/1", "vectors": [{"id": "A"}, {"id": "A"}]}, "the same id"),
    ]:
        file.write_text(json.dumps(document))
        with pytest.raises(ValueError, match=why):
            read_vectors(file)


def test_a_wrong_vector_fails() -> None:
    document = read_vectors(DEFAULT)
    bench = Bench(ENGINE, document["calendars"])
    wrong = next(v for v in document["vectors"] if v["id"] == "W01") | {"due_at": "2026-06-01T16:00:01Z"}

    with pytest.raises(AssertionError, match="Mon 10:00"):
        check(bench, wrong)
