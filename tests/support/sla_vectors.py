"""Worked examples of the SLA engine, read from a file and tried on an engine. What is right stands in the file."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from psms.adapters.zones import PinnedZones
from tests.support.sla_engines import Engine

DEFAULT = Path(__file__).parents[1] / "vectors" / "sla.json"
STORIES = DEFAULT.with_name("stories.json")
FORMAT = "sla-vectors/1"
# The examples' words for a status, where they are not ours.
_STATUSES = {"pending_customer": "pending"}
SECOND = 1_000_000

Vector = dict[str, Any]


def read_vectors(path: Path) -> dict[str, Any]:
    """Return the document in *path*; one of another format, or with doubled ids, raises ValueError."""
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if document["format"] != FORMAT:
        raise ValueError(f"{path}: the format is {document['format']}, not {FORMAT}")
    ids = [vector["id"] for vector in document["vectors"]]
    if len(set(ids)) != len(ids):
        raise ValueError(f"{path}: two vectors have the same id")
    return document


def instant(text: str | None) -> int | None:
    """Return an instant of the file in microseconds."""
    return None if text is None else at(text)


def at(text: str) -> int:
    """Return an instant that is there."""
    return int(datetime.fromisoformat(text).timestamp()) * SECOND


class Bench:
    """One engine with the file's calendars."""

    def __init__(self, engine: Engine, calendars: dict[str, Any]) -> None:
        self.engine = engine
        self._calendars = calendars
        self.around = at("2026-06-01T00:00:00Z")
        self._cache = engine.hours_cache.HoursCache(PinnedZones())

    def hours(self, name: str) -> Any:
        """Return the hours of the calendar called *name*, compiled around the first example that asks."""
        return self._cache.hours_of(name, lambda: self._calendar(name), self.around)

    def _calendar(self, name: str) -> Any:
        whole = {"always_open": False, "holidays": [], "exceptions": [], **self._calendars[name]}
        return self.engine.documents.calendar_of(whole)

    def level(self, level: dict[str, Any]) -> Any:
        """Return a level of the file as the engine's."""
        terms = self.engine.terms
        if "percent" in level:
            return terms.PercentLevel(id=level["id"], percent=level["percent"])
        kind = {"wall": terms.WallLevel, "business": terms.OffsetLevel}[level.get("clock", "business")]
        return kind(id=level["id"], offset=level["offset_s"] * SECOND)

    def terms(self, promised: dict[str, Any], levels: list[dict[str, Any]], rules: Vector) -> Any:
        """Return what the file promises as the engine's terms."""
        return self.engine.terms.Terms(
            target=promised["target_s"] * SECOND,
            calendar=promised["calendar"],
            levels=tuple(map(self.level, levels)),
            pause_on=frozenset(map(status, promised.get("pause_on", ()))),
            reopening=self.engine.terms.Reopening(rules.get("reopen", "resume")),
            reopen_floor_percent=rules.get("reopen_floor_percent", 0),
        )

    def state(self, clock: Any, now: int) -> dict[str, Any]:
        """Return a clock as the file shows one."""
        hours = self.hours(clock.terms.calendar)
        return {
            "cycle": clock.cycle,
            "state": clock.state.value,
            "due_at": clock.due_at,
            "elapsed_s": self.engine.clock.elapsed(clock, hours, now) / SECOND,
            "remaining_s": self.engine.clock.remaining(clock, hours, now) / SECOND,
            "breached": clock.breached_at is not None,
            "next_at": self.engine.levels.next_at(clock, hours),
        }

    def change(self, terms: Any, event: dict[str, Any]) -> Any:
        """Return *terms* with what a change event changes."""
        target = event["target_s"] * SECOND if "target_s" in event else terms.target
        return replace(terms, target=target, calendar=event.get("calendar", terms.calendar))


def status(name: str) -> Any:
    """Return the status that the file calls *name*."""
    from psms.domain.tickets import Status  # noqa: PLC0415  (mutants read the same one)

    return Status(_STATUSES.get(name, name))


class Book:
    """What an engine said of one clock, cycle by cycle, and its ledger."""

    def __init__(self) -> None:
        self.cycles: dict[int, Any] = {}
        self.segments: list[Any] = []
        self.fires: list[Any] = []
        self.clock: Any = None

    def write(self, step: Any) -> None:
        """Write down a step."""
        for clock in (step.ended, step.clock):
            if clock is not None:
                self.cycles[clock.cycle] = clock
        if step.segment is not None:
            self.segments.append(step.segment)
        self.fires += step.fires
        self.clock = step.clock

    def ran(self) -> tuple[tuple[int, int], ...]:
        """Return the ended stretches in which the present cycle ran."""
        own = [s for s in self.segments if s.cycle == self.clock.cycle and s.state == "running"]
        return tuple((s.began_at, s.ended_at) for s in own)

    def shown(self) -> list[dict[str, Any]]:
        """Return the cycles as the file shows them."""
        return [
            {
                "cycle": number,
                "state": clock.state.value,
                "started_at": clock.started_at,
                "due_at": clock.due_at,
                "breached_at": clock.breached_at,
                "completed_at": clock.completed_at,
                "fires": sorted((fire.at, fire.level) for fire in self.fires if fire.cycle == number),
            }
            for number, clock in sorted(self.cycles.items())
        ]


def wanted_state(state: dict[str, Any]) -> dict[str, Any]:
    """Return a state of the file with its instants read."""
    return {name: instant(value) if name.endswith("_at") else value for name, value in state.items()}


def wanted_cycles(cycles: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return cycles of the file with their instants read."""
    return [
        wanted_state(cycle) | {"fires": sorted((at(fire["at"]), fire["level"]) for fire in cycle["fires"])}
        for cycle in cycles
    ]


Check = Callable[[Bench, Vector], None]
