"""A ticket's clocks told minute by minute, from its log alone. Shares nothing with the engine but what a calendar is.

For worked examples of the kind `ticket` in which everything happens at whole minutes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from psms.domain.sla.documents import calendar_of
from tests.support.sla_brute import MINUTE, brute_add, open_minutes, walk

_MARGIN = timedelta(days=12)
_OVER = {"resolved", "closed"}


class Wall:
    """The open minutes of a file's calendars about a story."""

    def __init__(self, calendars: Mapping[str, Any], first: datetime, last: datetime) -> None:
        self.first, self._last, self._calendars = first, last + _MARGIN, calendars
        self._opened: dict[str, list[bool]] = {}

    def opened(self, name: str) -> list[bool]:
        """Return for each minute whether it counts."""
        if name not in self._opened:
            whole: Any = {"always_open": False, "holidays": [], "exceptions": [], **self._calendars[name]}
            minutes = int((self._last - self.first) / MINUTE)
            self._opened[name] = (
                [True] * minutes
                if whole["always_open"]
                else open_minutes(calendar_of(whole), walk(whole["time_zone"], self.first, self._last))
            )
        return self._opened[name]

    def is_open(self, name: str, at: datetime) -> bool:
        """Tell whether the minute that begins at *at* counts."""
        return self.opened(name)[int((at - self.first) / MINUTE)]

    def add(self, name: str, at: datetime, minutes: int) -> datetime:
        """Return when so many more minutes have counted."""
        found = brute_add(self.opened(name), self.first, at, minutes * MINUTE)
        assert found is not None, "the story needs a longer walk"
        return found


@dataclass
class Ticking:
    """One cycle of a clock that counts minutes."""

    wall: Wall
    cycle: int
    started: datetime
    calendar: str
    target: int
    levels: Mapping[str, int]
    paused: bool
    counted: int = 0
    breached: datetime | None = None
    completed: datetime | None = None
    ended: str = ""
    due: datetime | None = None
    fires: dict[str, datetime] = field(default_factory=dict)

    def thresholds(self) -> dict[str, int]:
        """Return how many minutes each level takes, rounded up."""
        return {level: -(-self.target * percent // 100) for level, percent in self.levels.items()}

    def look(self, at: datetime) -> None:
        """Note what has been reached at the instant *at*, after all that happened in it."""
        if self.ended:
            return
        for level, minutes in self.thresholds().items():
            if self.counted >= minutes:
                self.fires.setdefault(level, at)
        if not self.paused and self.breached is None and self.counted >= self.target:
            self.breached = self.due = at

    def tick(self, at: datetime) -> None:
        """Let the minute that begins at *at* pass."""
        self.counted += not self.ended and not self.paused and self.wall.is_open(self.calendar, at)

    def due_at(self, at: datetime) -> datetime | None:
        """Return when it is due, as of *at*."""
        if self.breached or self.ended:
            return self.due
        return None if self.paused else self.wall.add(self.calendar, at, self.target - self.counted)

    def end(self, at: datetime, how: str) -> None:
        """End it: `met` is `missed` where it was breached before."""
        if not self.ended:
            self.due = self.due_at(at)
            self.completed, self.ended = at, "missed" if how == "met" and self.breached else how

    def go_on(self, floor: int) -> None:
        """Go on after a reopening, with at least *floor* percent of the target left unless it was missed."""
        if self.breached is None:
            self.target = max(self.target, self.counted - (-self.target * floor // 100))
        self.ended, self.completed, self.paused = "", None, False

    @property
    def state(self) -> str:
        """The state as the file has it."""
        return self.ended or ("paused" if self.paused else "running")

    def next_at(self, at: datetime) -> datetime | None:
        """Return when something will be reached if nothing happens."""
        if self.ended or self.paused:
            return None
        missing = [minutes for level, minutes in self.thresholds().items() if level not in self.fires]
        missing += [] if self.breached else [self.target]
        return min((self.wall.add(self.calendar, at, one - self.counted) for one in missing), default=None)


class TickingTicket:
    """All clocks of a ticket, and what is to be known of its conversation."""

    def __init__(self, wall: Wall, vector: Mapping[str, Any]) -> None:
        self.cycles: dict[str, list[Ticking]] = {}
        self._wall, self._vector = wall, vector
        self._priority, self._status = vector["priority"], "new"
        self._responded = self._unanswered = False

    def happen(self, entry: Mapping[str, Any], at: datetime) -> None:
        """Let an entry of the log happen."""
        match entry["type"]:
            case "created":
                self._start("first_response", at)
                self._start("resolution", at)
            case "agent_reply":
                self._replied(at)
            case "customer_message":
                self._asked(at)
            case "status":
                self._became(entry["to"], at)
            case "priority":
                self._changed(entry["to"])

    def active(self) -> list[tuple[str, Ticking]]:
        """Return the clocks that have not ended, by metric."""
        return [(metric, own[-1]) for metric, own in self.cycles.items() if not own[-1].ended]

    def _promised(self, metric: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._vector["policies"][self._priority][metric]
        return found

    def _start(self, metric: str, at: datetime) -> None:
        own, promised = self.cycles.setdefault(metric, []), self._promised(metric)
        if own and not own[-1].ended:
            return
        fresh = Ticking(
            wall=self._wall,
            cycle=len(own) + 1,
            started=at,
            calendar=promised["calendar"],
            target=promised["target_s"] // 60,
            levels={one["id"]: one["percent"] for one in self._vector["levels"][metric]},
            paused=self._stands_still(metric),
        )
        own.append(fresh)

    def _stands_still(self, metric: str) -> bool:
        return self._status in (self._promised(metric).get("pause_on") or ())

    def _replied(self, at: datetime) -> None:
        for metric, clock in self.active():
            if metric != "resolution":
                clock.end(at, "met")
        self._responded, self._unanswered = True, False
        self._start("periodic_update", at)

    def _asked(self, at: datetime) -> None:
        self._unanswered = self._responded
        if self._responded and self._status not in _OVER:
            self._start("next_response", at)

    def _changed(self, priority: str) -> None:
        self._priority = priority
        for metric, clock in self.active():
            clock.calendar, clock.target = self._promised(metric)["calendar"], self._promised(metric)["target_s"] // 60

    def _became(self, status: str, at: datetime) -> None:
        before, self._status = self._status, status
        if status in _OVER:
            for metric, clock in self.active():
                clock.end(at, "met" if metric == "resolution" else "cancelled")
        elif before in _OVER:
            self._reopened(at)
        else:
            for metric, clock in self.active():
                clock.paused = self._stands_still(metric)

    def _reopened(self, at: datetime) -> None:
        self.cycles["resolution"][-1].go_on(self._vector.get("reopen_floor_percent", 0))
        if self._unanswered:
            self._start("next_response", at)
        if self._responded:
            self._start("periodic_update", at)


def told_by_ticks(calendars: Mapping[str, Any], vector: Mapping[str, Any]) -> dict[str, Any]:
    """Return the `timers` of a worked example."""
    log = [(datetime.fromisoformat(entry["at"]), entry) for entry in vector["log"]]
    at, last = log[0][0], log[-1][0]
    ticket = TickingTicket(Wall(calendars, at, last), vector)
    while at <= last:
        for _, entry in [one for one in log if one[0] == at]:
            ticket.happen(entry, at)
        # A look at the very end sees what came before it.
        if at < last:
            for _, clock in ticket.active():
                clock.look(at)
                clock.tick(at)
        at += MINUTE
    return {metric: _timer(own, last) for metric, own in ticket.cycles.items()}


def _timer(own: list[Ticking], at: datetime) -> dict[str, Any]:
    clock = own[-1]
    last = {
        "cycle": clock.cycle,
        "state": clock.state,
        "due_at": _text(clock.due_at(at)),
        "elapsed_s": 60 * clock.counted,
        "remaining_s": 60 * (clock.target - clock.counted),
        "breached": clock.breached is not None,
        "next_at": _text(clock.next_at(at)),
    }
    return {"cycles": [_cycle(one, at) for one in own], "last": last}


def _cycle(clock: Ticking, at: datetime) -> dict[str, Any]:
    fires = sorted((_text(fired_at), level) for level, fired_at in clock.fires.items())
    return {
        "cycle": clock.cycle,
        "state": clock.state,
        "started_at": _text(clock.started),
        "due_at": _text(clock.due_at(at)),
        "breached_at": _text(clock.breached),
        "completed_at": _text(clock.completed),
        "fires": [{"level": level, "at": fired_at} for fired_at, level in fires],
    }


def _text(at: datetime | None) -> str | None:
    return None if at is None else f"{at:%Y-%m-%dT%H:%M:%SZ}"
