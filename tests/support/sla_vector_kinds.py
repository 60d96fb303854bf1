"""How each kind of worked example is tried on an engine; a kind, event or fact that is unknown fails."""

from typing import Any

from tests.support.sla_vectors import SECOND, Bench, Book, Check, Vector, at, status, wanted_cycles, wanted_state


def check(bench: Bench, vector: Vector) -> None:
    """Try one example; raise AssertionError where the engine disagrees, or does not know such an example."""
    kind = vector["kind"]
    assert kind in _KINDS, f"{vector['id']}: there is no way to try a vector of the kind {kind!r}"
    bench.around = at(
        vector["start"] if "start" in vector else vector["events" if "events" in vector else "log"][0]["at"]
    )
    _KINDS[kind](bench, vector)


def book_of(bench: Bench, vector: Vector) -> tuple[Book, list[dict[str, Any]]]:
    """Run a timeline and return its book, and the state after each event."""
    timeline, book, states = bench.engine.timeline, Book(), []
    terms = bench.terms(vector, vector["levels"], vector)
    for event in vector["events"]:
        if book.clock is None:
            assert event["type"] == "start", f"{vector['id']} begins with {event['type']}"
            start = timeline.Start(at=at(event["at"]), terms=terms, paused=event.get("paused", False))
            book.write(bench.engine.advance.begin(start, bench.hours))
        else:
            book.write(bench.engine.advance.advance(book.clock, _event(bench, book, event), bench.hours, book.ran()))
        states.append(bench.state(book.clock, at(event["at"])))
    return book, states


def _event(bench: Bench, book: Book, event: dict[str, Any]) -> Any:
    timeline, now = bench.engine.timeline, at(event["at"])
    match event["type"]:
        case "change":
            terms = bench.change(book.clock.terms, event)
            return timeline.Retarget(at=now, terms=terms, mode=timeline.Mode(event["mode"]))
        case "reopen":
            return timeline.Reopen(at=now, paused=event.get("paused", False))
        case name:
            plain = {"pause": "Pause", "resume": "Resume", "complete": "Complete", "cancel": "Cancel", "eval": "Look"}
            return getattr(timeline, plain[name])(at=now)


def _check_add(bench: Bench, vector: Vector) -> None:
    due = bench.hours(vector["calendar"]).add(at(vector["start"]), vector["duration_s"] * SECOND)
    assert due == at(vector["due_at"]), vector["note"]


def _check_between(bench: Bench, vector: Vector) -> None:
    elapsed = bench.hours(vector["calendar"]).elapsed(at(vector["start"]), at(vector["end"]))
    assert elapsed == vector["elapsed_s"] * SECOND, vector["note"]


def _check_timeline(bench: Bench, vector: Vector) -> None:
    book, states = book_of(bench, vector)
    assert states == [wanted_state(state) for state in vector["expected"]], vector["note"]
    assert book.shown() == wanted_cycles(vector["cycles"]), vector["note"]


def _check_ticket(bench: Bench, vector: Vector) -> None:
    books, now = books_of(bench, vector)
    assert {metric.value for metric in books} == set(vector["timers"])
    for metric, book in books.items():
        timer = vector["timers"][metric.value]
        assert book.shown() == wanted_cycles(timer["cycles"]), f"{metric}: {vector['note']}"
        assert bench.state(book.clock, now) == wanted_state(timer["last"]), f"{metric}: {vector['note']}"


def books_of(bench: Bench, vector: Vector) -> tuple[dict[Any, Book], int]:
    """Run a ticket's log and return the book of each metric, and the last instant."""
    books: dict[Any, Book] = {}
    ticket = bench.engine.metrics.TicketClocks(promise=_promise(bench, vector, vector["priority"]))
    for entry in vector["log"]:
        fact = _fact(bench, vector, entry)
        if fact is not None:
            followed = bench.engine.metrics.follow(ticket, fact, bench.hours, lambda metric: books[metric].ran())
            ticket = followed.ticket
            for metric, step in followed.steps:
                books.setdefault(metric, Book()).write(step)
    return books, at(vector["log"][-1]["at"])


def _promise(bench: Bench, vector: Vector, priority: str) -> dict[Any, Any]:
    metric = bench.engine.terms.Metric
    promised = vector["policies"][priority]
    return {metric(name): bench.terms(one, vector["levels"][name], vector) for name, one in promised.items()}


def _fact(bench: Bench, vector: Vector, entry: dict[str, Any]) -> Any:
    facts, now = bench.engine.facts, at(entry["at"])
    match entry["type"]:
        case "created":
            return facts.Filed(at=now, answered=entry["by"] == "agent" and entry.get("public", False))
        case "status":
            return facts.StatusChanged(at=now, to=status(entry["to"]))
        case "priority":
            mode = bench.engine.timeline.Mode(entry.get("mode", "carry"))
            return facts.PromiseChanged(at=now, promise=_promise(bench, vector, entry["to"]), mode=mode)
        case "agent_note":
            return None
        case name:
            plain = {"agent_reply": "Replied", "customer_message": "CustomerWrote", "eval": "Seen"}
            return getattr(facts, plain[name])(at=now)


_KINDS: dict[str, Check] = {
    "add": _check_add,
    "between": _check_between,
    "timeline": _check_timeline,
    "ticket": _check_ticket,
}
