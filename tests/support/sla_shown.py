"""What the API shows of a ticket's clocks, in the form in which the file of worked examples says what is right."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from tests.support.sla_scripts import level_name
from tests.support.sla_vectors import instant, wanted_cycles, wanted_state

_VERDICTS = {"met", "missed"}
_LATE = timedelta(seconds=5)

Clocks = Sequence[Mapping[str, Any]]
Levels = Counter[tuple[str, str, int]]


def shown_state(clock: Mapping[str, Any]) -> dict[str, Any]:
    """Return a cycle as the file shows the state of one."""
    return {
        "cycle": clock["cycle"],
        "state": clock["state"],
        "due_at": instant(clock["due_at"]),
        "elapsed_s": clock["consumed_seconds"],
        "remaining_s": clock["remaining_seconds"],
        "breached": clock["breached_at"] is not None,
    }


def wanted_shown_state(state: dict[str, Any]) -> dict[str, Any]:
    """Return a state of the file without what is not shown: when the sweep is to look next is its own business."""
    return {name: value for name, value in wanted_state(state).items() if name != "next_at"}


def shown_cycles(clocks: Clocks, metric: str) -> list[dict[str, Any]]:
    """Return the cycles of a metric as the file shows cycles, of the levels only which of them were reached."""
    return [
        {
            "cycle": clock["cycle"],
            "state": clock["state"],
            "started_at": instant(clock["started_at"]),
            "due_at": instant(clock["due_at"]),
            "breached_at": instant(clock["breached_at"]),
            "completed_at": instant(clock["completed_at"]),
            "levels": sorted(clock["levels"]),
        }
        for clock in clocks
        if clock["metric"] == metric
    ]


def wanted_shown_cycles(cycles: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return cycles of the file; when a clock was completed is shown where there is a verdict."""
    return [
        {
            **{name: value for name, value in cycle.items() if name != "fires"},
            "completed_at": cycle["completed_at"] if cycle["state"] in _VERDICTS else None,
            "levels": sorted(level_name(level) for _, level in cycle["fires"]),
        }
        for cycle in wanted_cycles(cycles)
    ]


def told_levels(entries: Clocks) -> Levels:
    """Return when which level of which metric was reached, breaches among them, by a ticket's entries in the log."""
    return Counter((one["after"]["metric"], one["after"]["level"], _at(one["after"]["at"])) for one in entries)


def wanted_levels(cycles: Mapping[str, list[dict[str, Any]]]) -> Levels:
    """Return the same, as the file has it."""
    wanted: Levels = Counter()
    for metric, own in cycles.items():
        for cycle in wanted_cycles(own):
            reached = [*cycle["fires"], *([] if cycle["breached_at"] is None else [(cycle["breached_at"], "breach")])]
            wanted.update((metric, level_name(level), at) for at, level in reached)
    return wanted


def before(until: str, levels: Levels) -> Levels:
    """Return those of *levels* that were reached before an instant."""
    return Counter({reached: count for reached, count in levels.items() if reached[2] < _at(until)})


def wrongly_marked(entries: Clocks) -> Clocks:
    """Return the entries that are not marked late although they came late, or are although they did not."""
    return [one for one in entries if one["after"]["late"] != (_when(one["at"]) - _when(one["after"]["at"]) > _LATE)]


def falling_short(clocks: Clocks) -> Clocks:
    """Return the cycles whose segments do not follow each other from begin to end, or do not add up."""
    return [clock for clock in clocks if not _is_whole(clock["segments"], clock)]


def _is_whole(segments: Clocks, clock: Mapping[str, Any]) -> bool:
    follow = all(one["ended_at"] == after["began_at"] for one, after in pairwise(segments))
    ends = [segments[0]["began_at"], segments[-1]["ended_at"], segments[-1]["state"]]
    return follow and ends == [clock["started_at"], None, clock["state"]]


def _at(text: str) -> int:
    found = instant(text)
    assert found is not None
    return found


def _when(text: str) -> datetime:
    return datetime.fromisoformat(text)
