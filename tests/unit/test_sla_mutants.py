"""Wrong SLA engines, each a real one with one fault in it: every one is caught by a worked example or a law."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support.sla_engines import ENGINE, Engine, Mutant, MutantNotApplicable, mutated
from tests.support.sla_vector_kinds import check
from tests.support.sla_vectors import DEFAULT, Bench, at, read_vectors

DOCUMENT = read_vectors(DEFAULT)

# The faults of engines that others run, as far as they are known.
MUTANTS = (
    Mutant(
        name="wall times in a gap are read with the offset before it, as RFC 5545 says",
        module="wall_clock",
        old="return max(self.begins[period], wall - self.offsets[period])",
        new="gap = wall - self.offsets[period] < self.begins[period] and period > 0\n"
        "        return wall - self.offsets[period - gap]",
    ),
    Mutant(
        name="wall times in a fold are read the second time, as PostgreSQL does",
        module="wall_clock",
        old="period = bisect_right(self.reached, wall)",
        new="period = bisect_right([b + o for b, o in zip(self.begins[1:], self.offsets[1:])], wall)",
    ),
    Mutant(
        name="the zone has one offset all year",
        module="wall_clock",
        old="if _offset(zone, after) != offsets[-1]:",
        new="if False:",
    ),
    Mutant(
        name="a budget that ends at closing time is due at the next opening",
        module="hours",
        old="there = bisect_left(table.through, wanted)\n",
        new="there = bisect_right(table.through, wanted)\n",
    ),
    Mutant(
        name="holidays are ignored",
        module="calendars",
        old="holidays: frozenset[date] = frozenset()",
        new="holidays: frozenset[date] = frozenset()\n\n"
        "    def __post_init__(self) -> None:\n"
        "        object.__setattr__(self, 'holidays', frozenset())",
    ),
    Mutant(
        name="what completes at the due instant is missed",
        module="levels",
        old="clock.due_at < at:",
        new="clock.due_at <= at:",
    ),
    Mutant(
        name="the target is always counted from the start",
        module="clock",
        old="return hours.add(clock.since, max(0, consumed - clock.consumed))",
        new="return hours.add(clock.started_at, consumed)",
    ),
    Mutant(
        name="the due instant moves after the breach",
        module="clock",
        old="    if clock.breached_at is not None:\n        return clock.breached_at\n",
        new="",
    ),
    Mutant(
        name="every change carries",
        module="advance",
        old="    if event.mode is Mode.RETROACTIVE:\n",
        new="    if False:\n",
    ),
    Mutant(
        name="every change is retroactive",
        module="advance",
        old="    if event.mode is Mode.RETROACTIVE:\n",
        new="    if True:\n",
    ),
    Mutant(
        name="restarting carries",
        module="advance",
        old="    if event.mode is Mode.RESTART:\n",
        new="    if False:\n",
    ),
    Mutant(
        name="a breach is dated by when it is noticed",
        module="levels",
        old="breached_at=clock.due_at)",
        new="breached_at=at)",
    ),
    Mutant(
        name="a holiday leaves the end of last night's shift",
        module="compiling",
        old="return _table(without(opened, closed), first, last)",
        new="return _table(opened, first, last)",
    ),
    Mutant(
        name="a shift that ends the next day is cut at midnight",
        module="calendars",
        old="else self.end + MINUTES_A_DAY",
        new="else MINUTES_A_DAY",
    ),
    Mutant(
        name="a holiday counts before an exception",
        module="compiling",
        old="        if day in exceptions:\n            edges = exceptions[day]\n        elif day in holidays:\n",
        new="        if day in holidays:\n            continue\n        elif day in exceptions:\n"
        "            edges = exceptions[day]\n        elif False:\n",
    ),
    Mutant(
        name="a pause does not stop the clock",
        module="clock",
        old="return hours.elapsed(clock.since, at) if clock.state is State.RUNNING else 0",
        new="return hours.elapsed(clock.since, at)",
    ),
    Mutant(
        name="a pause hides the level that was reached",
        module="levels",
        old="return clock.since if threshold <= clock.consumed else None",
        new="return None",
    ),
    Mutant(
        name="a level fires again after a change",
        module="levels",
        old="if level.id not in clock.fired]",
        new="if level.id not in clock.fired or clock.cause.value == 'carry']",
    ),
    Mutant(
        name="a missed clock is met after reopening",
        module="advance",
        old="State.MET if clock.breached_at is None else State.MISSED",
        new="State.MET if clock.breached_at is None or event.at > clock.since else State.MISSED",
    ),
    Mutant(
        name="a reopening grants nothing",
        module="advance",
        old="target=max(terms.target, granted)",
        new="target=terms.target",
    ),
    Mutant(
        name="a second message of the customer restarts the next response",
        module="metrics",
        old="return _started(ticket, at, Metric.NEXT_RESPONSE) if due else []",
        new="again = [(Metric.NEXT_RESPONSE, Cancel(at=at))]\n"
        "            return again + _started(ticket, at, Metric.NEXT_RESPONSE) if due else []",
    ),
    Mutant(
        name="updates are due before the first reply",
        module="metrics",
        old="    if ticket.responded:\n",
        new="    if True:\n",
    ),
    Mutant(
        name="time runs as soon as the table ends",
        module="hours",
        old="        if wanted > table.through[-1]:\n            return self._add_later(start, budget)\n",
        new="        if wanted > table.through[-1]:\n            return table.last + wanted - table.through[-1]\n",
    ),
)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_wrong_engine_is_caught(mutant: Mutant, tmp_path: Path) -> None:
    with mutated(mutant, tmp_path) as engine:
        assert next(complaints(engine), None) is not None


def test_the_right_engine_is_not() -> None:
    assert list(complaints(ENGINE)) == []


def test_a_fault_that_cannot_be_put_in_is_an_error(tmp_path: Path) -> None:
    gone = Mutant(name="gone", module="clock", old="no such text", new="")
    with pytest.raises(MutantNotApplicable, match=r"is 0 times in clock\.py, not once"), mutated(gone, tmp_path):
        pass


def complaints(engine: Engine) -> Iterator[str]:
    """Yield the worked examples, and then the laws, that an engine breaks."""
    bench = Bench(engine, DOCUMENT["calendars"])
    for vector in DOCUMENT["vectors"]:
        if not _holds(partial(check, bench, vector)):
            yield vector["id"]
    if not _holds(lambda: _adds_up_beyond_the_horizon(bench)):
        yield "adds up beyond the horizon"


def _holds(claim: Callable[[], Any]) -> bool:
    try:
        claim()
    except AssertionError:
        return False
    return True


def _adds_up_beyond_the_horizon(bench: Bench) -> None:
    hours, start = bench.hours("nyc"), at("2031-06-01T00:00:00Z")
    budget = 3_000 * 3_600 * 1_000_000
    assert hours.elapsed(start, hours.add(start, budget)) == budget
