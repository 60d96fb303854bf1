"""Measures open time: compiled, counted and added, beside every library that does the same sums. Opens no server."""

import json
import random
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from bench.report import Figure
from psms.adapters.zones import PinnedZones
from psms.domain.sla.calendars import Calendar, Shift
from psms.domain.sla.hours import CompiledHours
from psms.domain.sla.instants import DAY, HOUR, MINUTE, SECOND, instant_of, moment_of

ZONE = "America/New_York"
_NINE_TO_FIVE = ((Shift(540, 1020),),) * 5 + ((), ())
_QUESTIONS = 1_000
_ROUNDS = 15
_HERE = Path(__file__).parent
_RIVALS = _HERE / "rivals" / "business_time.txt"


def counting() -> Iterator[Figure]:
    """Yield what compiling, counting and adding cost, and what the same sums cost elsewhere in the same run."""
    around = instant_of(datetime.fromisoformat("2026-11-22T00:00:00Z"))
    calendar = Calendar(time_zone=ZONE, weekly=_NINE_TO_FIVE)
    zone = PinnedZones().zone(ZONE)
    compiling = _best([lambda: CompiledHours(calendar, zone, around)] * _ROUNDS)
    yield Figure(name="SLA calendar compiled for five years", value=compiling * 1_000, unit="ms", target="at most 20")
    yield _memory(calendar, around)
    hours = CompiledHours(calendar, zone, around)
    questions = _questions(around)
    moments = [(moment_of(a), moment_of(b), timedelta(microseconds=c)) for a, b, c in questions]
    # The slow ones pause in between, so that what is measured beside them is measured in the same minute.
    rivals = _rivals(hours, questions)
    sums: list[tuple[str, str, str, Callable[..., Any], list[tuple[Any, ...]]]] = [
        ("elapsed", "integers", "at most 1", hours.elapsed, [(start, end) for start, end, _ in questions]),
        ("add", "integers", "at most 1", hours.add, [(start, budget) for start, _, budget in questions]),
        ("elapsed", "datetimes", "at most 2.5", hours.elapsed_between, [(start, end) for start, end, _ in moments]),
        ("add", "datetimes", "at most 2.5", hours.add_to, [(start, budget) for start, _, budget in moments]),
    ]
    for sum_of, kind, target, ask, asked in sums:
        each = _best([partial(_ask, ask, asked)] * _ROUNDS) / _QUESTIONS
        theirs = {name: found[sum_of]["us"] for name, found in rivals.items() if sum_of in found}
        yield Figure(name=f"SLA {sum_of} on {kind}", value=each * 1e6, unit="us", target=target, details=theirs)
    yield from _agreement(rivals)


def _memory(calendar: Calendar, around: int) -> Figure:
    zone = PinnedZones().zone(ZONE)
    tracemalloc.start()
    kept = [CompiledHours(calendar, zone, around) for _ in range(10)]
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert len(kept) == 10
    return Figure(name="ten SLA calendars in memory", value=held / 1e6, unit="MB", target="under 3")


def _agreement(rivals: dict[str, Any]) -> Iterator[Figure]:
    for name, found in rivals.items():
        if "error" in found:
            sys.stderr.write(f"    {name} could not be measured: {found['error']}\n")
            continue
        shares = {sum_of: one["agrees"] for sum_of, one in found.items()}
        fewest = min(shares.values())
        yield Figure(name=f"answers of {name} that agree", value=fewest, unit="share", details=shares)


def _questions(around: int) -> list[tuple[int, int, int]]:
    """Draw starts, ends up to thirty days later and budgets of whole hours, always the same ones.

    All in whole minutes, since some of the others count no smaller ones.
    """
    chance = random.Random(1)
    starts = [around + chance.randrange(0, 300 * DAY) // MINUTE * MINUTE for _ in range(_QUESTIONS)]
    return [
        (start, start + chance.randrange(30 * DAY) // MINUTE * MINUTE, chance.randrange(1, 80) * HOUR)
        for start in starts
    ]


def _ask(ask: Callable[..., Any], asked: list[tuple[Any, ...]]) -> None:
    for question in asked:
        ask(*question)


def _best(rounds: list[Callable[[], object]]) -> float:
    """Return the seconds of the fastest round: a disturbance only ever adds."""
    took = []
    for one in rounds:
        began = time.perf_counter()
        one()
        took.append(time.perf_counter() - began)
    return min(took)


def _rivals(hours: CompiledHours, questions: list[tuple[int, int, int]]) -> dict[str, Any]:
    """Ask the other libraries the same, in an environment of their own; none where they cannot be installed."""
    asked = {
        "zone": ZONE,
        "questions": [[start / SECOND, end / SECOND, budget / SECOND] for start, end, budget in questions],
        "answers": [[hours.elapsed(a, b) / SECOND, hours.add(a, c) / SECOND] for a, b, c in questions],
    }
    with tempfile.TemporaryDirectory(prefix="psms-bench-rivals-") as directory:
        uv, python = Path(sys.executable).parent / "uv", f"{directory}/bin/python"
        try:
            _run([str(uv), "venv", "--quiet", "--python", sys.executable, directory])
            _run([str(uv), "pip", "install", "--quiet", "--python", python, "--requirement", str(_RIVALS)])
        except subprocess.CalledProcessError as failed:
            sys.stderr.write(f"    no other library is measured, since they cannot be installed: {failed.stderr}\n")
            return {}
        found: dict[str, Any] = json.loads(
            _run([python, str(_HERE / "rivals" / "business_time.py")], json.dumps(asked))
        )
    return found


def _run(command: list[str], given: str = "") -> str:
    return subprocess.run(command, input=given, capture_output=True, text=True, check=True).stdout
