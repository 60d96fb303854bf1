"""Worked examples of the SLA engine as scripts for a running system: policies to add, and calls at instants.

What a call is over HTTP is in `sla_player`; what the examples mean is in `sla_vectors`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from psms.domain.tickets import Priority
from tests.support.sla_vectors import Vector

_PRIORITY_OF = {"P1": Priority.CRITICAL, "P2": Priority.HIGH, "P3": Priority.MEDIUM, "P4": Priority.LOW}
# One after the other, so that a change of a timeline is a change of priority.
_IN_TURN = (Priority.MEDIUM, Priority.HIGH, Priority.CRITICAL, Priority.LOW)
_STATUS_OF = {"pending_customer": "pending"}
_ACTIONS = {"pause": "pend", "resume": "resume", "complete": "resolve", "cancel": "cancel", "reopen": "reopen"}
_SPOKEN = {"agent_reply": "reply", "agent_note": "note", "customer_message": "ask"}
_RESOLUTION, _FIRST_RESPONSE = "resolution", "first_response"


class CannotBePlayed(Exception):
    """There is no way to bring this about through the API; says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Something that somebody does to the ticket, or to its policy."""

    verb: str
    what: str = ""
    targets: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The calls of one event, and each metric's state after it as the file has it; none where the file says nothing."""

    at: str
    calls: tuple[Call, ...]
    wanted: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """An example: the targets by the priority that they are for, what happens, and the cycles of each metric."""

    id: str
    note: str
    first: Priority
    policies: dict[Priority, dict[str, Any]]
    steps: tuple[Step, ...]
    cycles: dict[str, list[dict[str, Any]]]


def script_of(vector: Vector) -> Script:
    """Return the script of a timeline or a ticket; raise CannotBePlayed where there is none."""
    return _script_of_timeline(vector) if vector["kind"] == "timeline" else _script_of_ticket(vector)


def target_of(promised: dict[str, Any], levels: list[dict[str, Any]], rules: Vector) -> dict[str, Any]:
    """Return a target as the API takes one, but with the calendar's name in the place of its id."""
    seconds = promised["target_s"]
    return {
        "seconds": seconds,
        "calendar_id": promised["calendar"],
        "pause_on": [_STATUS_OF.get(one, one) for one in promised.get("pause_on", ())],
        "reopening": rules.get("reopen", "resume"),
        "reopen_floor_percent": rules.get("reopen_floor_percent", 0),
        "levels": [_level_of(one) for one in sorted(levels, key=lambda one: _reached_at(one, seconds))],
    }


def _level_of(level: dict[str, Any]) -> dict[str, Any]:
    where = {"percent": level["percent"]} if "percent" in level else {"offset_seconds": level["offset_s"]}
    clock = {"clock": level["clock"]} if "clock" in level else {}
    return {"id": level_name(level["id"]), **where, **clock, "actions": [{"type": "event"}]}


def level_name(level: str) -> str:
    """Return a level's name as the API takes it."""
    return level.lower().replace("+", "_after_").replace("-", "_before_")


def _reached_at(level: dict[str, Any], seconds: int) -> tuple[bool, float]:
    if level.get("clock") == "wall":
        return True, level["offset_s"]
    return False, seconds * level["percent"] / 100 if "percent" in level else max(0, seconds + level["offset_s"])


def _script_of_timeline(vector: Vector) -> Script:
    metric = _metric_for(vector)
    terms = {"target_s": vector["target_s"], "calendar": vector["calendar"], "pause_on": ["pending"]}
    policies: dict[Priority, dict[str, Any]] = {}
    steps, at_priority = [], 0
    policies[_IN_TURN[0]] = {metric: target_of(terms, vector["levels"], vector)}
    for event, state in zip(vector["events"], vector["expected"], strict=True):
        if event["type"] == "change":
            terms |= {name: event[name] for name in ("target_s", "calendar") if name in event}
            targets = {metric: target_of(terms, vector["levels"], vector)}
            at_priority += event["mode"] == "carry"
            calls = _changed(event["mode"], at_priority, targets, policies)
        else:
            calls = tuple(_calls_of(event, metric))
        steps.append(Step(at=event["at"], calls=calls, wanted={metric: state}))
    return Script(
        id=vector["id"],
        note=vector["note"],
        first=_IN_TURN[0],
        policies=policies,
        steps=tuple(steps),
        cycles={metric: vector["cycles"]},
    )


def _changed(
    mode: str, number: int, targets: dict[str, Any], policies: dict[Priority, dict[str, Any]]
) -> tuple[Call, ...]:
    # No policy, and no edit of one, asks for a cycle to begin again.
    if mode == "restart":
        raise CannotBePlayed("restarts")
    if mode == "retroactive":
        return (Call(verb="rewrite", targets=targets),)
    # Each change is to another priority, of which there are four.
    if number == len(_IN_TURN):
        raise CannotBePlayed("changes too often")
    policies[_IN_TURN[number]] = targets
    return (Call(verb="priority", what=_IN_TURN[number]),)


def _metric_for(vector: Vector) -> str:
    """Return the promise that the timeline is of: a resolution, or a first response where what is cancelled goes on."""
    ended, revived = "", set()
    for event in vector["events"]:
        if event["type"] == "reopen" and ended:
            revived.add(ended)
            ended = ""
        elif event["type"] in {"complete", "cancel"}:
            ended = ended or event["type"]
    # A resolution is reopened once it was completed, a first response once it was cancelled.
    if revived == {"complete", "cancel"}:
        raise CannotBePlayed("revives both")
    return _FIRST_RESPONSE if "cancel" in revived else _RESOLUTION


def _calls_of(event: dict[str, Any], metric: str) -> Iterator[Call]:
    kind = event["type"]
    if kind == "start":
        yield Call(verb="file")
    elif metric == _FIRST_RESPONSE and kind in {"complete", "cancel"}:
        yield Call(verb="reply") if kind == "complete" else Call(verb="move", what="resolve")
    elif kind in _ACTIONS:
        yield Call(verb="move", what=_ACTIONS[kind])
    elif kind != "eval":
        raise CannotBePlayed(f"{kind}: an event that nobody knows")
    if event.get("paused"):
        yield Call(verb="move", what="pend")


def _script_of_ticket(vector: Vector) -> Script:
    policies = {
        _PRIORITY_OF[name]: {
            metric: target_of({**one, "pause_on": one.get("pause_on") or ()}, vector["levels"][metric], vector)
            for metric, one in promised.items()
        }
        for name, promised in vector["policies"].items()
    }
    log = vector["log"]
    if _stays_resolved(log):
        raise CannotBePlayed("writes on what stays resolved")
    last = {metric: timer["last"] for metric, timer in vector["timers"].items()}
    return Script(
        id=vector["id"],
        note=vector["note"],
        first=_PRIORITY_OF[vector["priority"]],
        policies=policies,
        steps=tuple(
            Step(at=entry["at"], calls=tuple(_calls_in(entry, policies)), wanted=last if entry is log[-1] else {})
            for entry in log
        ),
        cycles={metric: timer["cycles"] for metric, timer in vector["timers"].items()},
    )


def _stays_resolved(log: list[dict[str, Any]]) -> bool:
    """Tell whether a customer writes on a resolved ticket and does not reopen it by that."""
    status = ""
    for entry, later in zip(log, [*log[1:], {}], strict=True):
        status = entry["to"] if entry["type"] == "status" else status
        reopens = later.get("to") == "open" and later["at"] == entry["at"]
        if entry["type"] == "customer_message" and status == "resolved" and not reopens:
            return True
    return False


def _calls_in(entry: dict[str, Any], policies: dict[Priority, dict[str, Any]]) -> Iterator[Call]:
    match entry["type"]:
        case "created":
            yield Call(verb="file")
            if entry.get("public"):
                yield Call(verb="reply")
        case "status":
            yield Call(verb="become", what=_STATUS_OF.get(entry["to"], entry["to"]))
        case "priority":
            priority = _PRIORITY_OF[entry["to"]]
            retroactive = Call(verb="rewrite", targets=policies[priority])
            yield retroactive if entry.get("mode") == "retroactive" else Call(verb="priority", what=priority)
        case "eval":
            return
        case kind:
            yield Call(verb=_SPOKEN[kind])
