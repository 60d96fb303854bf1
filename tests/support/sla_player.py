"""Plays scripts of worked examples on a running system over HTTP, all of them together along one moved clock.

What a script is stands in `sla_scripts`, how answers are compared with the file in `sla_shown`; nothing is computed.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from itertools import groupby
from typing import Any

import psycopg
import requests
from psycopg import sql

from psms.domain.lifecycle import TRANSITIONS, Action
from psms.domain.tickets import Status
from tests.support import sla_shown
from tests.support.databases import stopped_clock
from tests.support.sla_scripts import Call, Script, Step
from tests.support.waiting import eventually

_UNSWEPT = b"SELECT FROM sla_timers WHERE next_at < psms_now() LIMIT 1"
_UNFOLLOWED = b"SELECT FROM sla_rebases WHERE state <> 'done' LIMIT 1"
# What takes two steps here, in the same instant.
_BY_WAY_OF = {
    (Status.RESOLVED, Status.PENDING): Action.REOPEN,
    (Status.RESOLVED, Status.ON_HOLD): Action.REOPEN,
    (Status.OPEN, Status.CLOSED): Action.RESOLVE,
}


class Caller:
    """Somebody who calls the API with a token; any answer but the expected one is an error."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {token}"

    def call(self, method: str, path: str, expected: int, **options: Any) -> dict[str, Any]:
        """Send one request and return the answer's document."""
        answer = self._session.request(method, f"{self._url}{path}", timeout=60, **options)
        assert answer.status_code == expected, f"{method} {path}: {answer.status_code} {answer.text}"
        document: dict[str, Any] = answer.json()
        return document


class World:
    """A running system with its clock, and the two sides of a conversation in one organization.

    *connection* is the superuser's, *nudge* asks workers to look.
    """

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        nudge: Callable[[], None],
        *,
        desk: Caller,
        customer: Caller,
        customer_id: str,
    ) -> None:
        self.desk, self.customer, self.customer_id = desk, customer, customer_id
        self.calendars: dict[str, str] = {}
        self.looks = 0
        self._connection, self._nudge = connection, nudge
        self._month = ""

    def now_is(self, at: str) -> None:
        """Let the instant *at* begin and last; what is logged in its month has a partition."""
        self._connection.execute(stopped_clock(datetime.fromisoformat(at)))
        if self._month != at[:7]:
            self._month = at[:7]
            self._connection.execute(sql.SQL("SELECT psms_ensure_partitions(0)"))

    def add_calendars(self, calendars: Mapping[str, Any]) -> None:
        """Add the calendars of a file."""
        for name, calendar in calendars.items():
            body = {"name": name, "always_open": False, **calendar}
            self.calendars[name] = self.desk.call("POST", "/v1/calendars", 201, json=body)["id"]

    def until_seen(self) -> None:
        """Return when workers have let every edit be followed, and all take effect that was due before now."""
        for query in (_UNFOLLOWED, _UNSWEPT):
            if self._finds(query):
                self.looks += 1
                self._nudge()
                eventually(partial(self._finds_none, query), within=60, what=f"nothing of {query!r}")

    def _finds_none(self, query: bytes) -> bool:
        return not self._finds(query)

    def _finds(self, query: bytes) -> bool:
        return bool(self._connection.execute(query).rowcount)


class Play:
    """One script, its ticket and its policies."""

    def __init__(self, world: World, script: Script) -> None:
        self.script = script
        self._world = world
        self._policies: dict[str, str] = {}
        self._stands_at = script.first.value
        self._ticket: dict[str, Any] = {}

    def rehearse(self) -> None:
        """Add the policies, each for the tickets that have this script's tag and one priority."""
        for priority, targets in self.script.policies.items():
            conditions = {"tags": [self.script.id], "priorities": [priority]}
            body = {"name": f"{self.script.id} {priority}", "conditions": conditions, "targets": self._named(targets)}
            self._policies[priority] = self._world.desk.call("POST", "/v1/sla-policies", 201, json=body)["id"]

    def perform(self, step: Step) -> None:
        """Do what a step says, and compare what the file says of it."""
        for call in step.calls:
            getattr(self, f"_{call.verb}")(call)
        if not step.calls:
            self._world.until_seen()
        if step.wanted:
            last = {clock["metric"]: clock for clock in self._clocks()}
            shown = {metric: sla_shown.shown_state(last[metric]) for metric in last}
            _compare(shown, {metric: sla_shown.wanted_shown_state(state) for metric, state in step.wanted.items()})

    def finish(self) -> None:
        """Compare every cycle, every level and what the log told of them with the file."""
        clocks = self._clocks()
        wanted = self.script.cycles
        shown = {clock["metric"]: sla_shown.shown_cycles(clocks, clock["metric"]) for clock in clocks}
        _compare(shown, {metric: sla_shown.wanted_shown_cycles(cycles) for metric, cycles in wanted.items()})
        entries = self._entries()
        told, due = sla_shown.told_levels(entries), sla_shown.wanted_levels(wanted)
        # What is reached at the last instant is told then or after it, as acts in that instant go.
        last = self.script.steps[-1].at
        _compare(sla_shown.before(last, told), sla_shown.before(last, due))
        _compare(told - due, Counter())
        _compare([*sla_shown.wrongly_marked(entries), *sla_shown.falling_short(clocks)], [])

    def _named(self, targets: Mapping[str, Any]) -> dict[str, Any]:
        names = self._world.calendars
        return {metric: {**one, "calendar_id": names[one["calendar_id"]]} for metric, one in targets.items()}

    @property
    def _path(self) -> str:
        return f"/v1/tickets/{self._ticket['id']}"

    def _clocks(self) -> list[dict[str, Any]]:
        clocks: list[dict[str, Any]] = self._world.desk.call("GET", f"{self._path}/sla", 200)["clocks"]
        return clocks

    def _entries(self) -> list[dict[str, Any]]:
        query = {"target_id": self._ticket["id"], "action": "sla.", "limit": 100}
        listed = self._world.desk.call("GET", "/v1/logs", 200, params=query)
        assert listed["next_cursor"] is None
        entries: list[dict[str, Any]] = listed["items"]
        return entries

    def _file(self, _: Call) -> None:
        body = {"subject": self.script.id, "tags": [self.script.id], "priority": self._stands_at}
        requester = {"requester_id": self._world.customer_id}
        self._ticket = self._world.desk.call("POST", "/v1/tickets", 201, json=body | requester)

    def _move(self, call: Call) -> None:
        legal = (Status(self._ticket["status"]), Action(call.what)) in TRANSITIONS
        # What does not fit changes nothing: the file says so of its clock, and the API refuses it.
        answer = self._world.desk.call(
            "POST", f"{self._path}/transitions", 200 if legal else 409, json={"action": call.what}
        )
        self._ticket = answer if legal else self._ticket

    def _become(self, call: Call) -> None:
        now, wanted = Status(self._ticket["status"]), Status(call.what)
        fitting = [action for (status, action), after in TRANSITIONS.items() if (status, after) == (now, wanted)]
        if fitting:
            self._move(Call(verb="move", what=fitting[0]))
        elif (now, wanted) in _BY_WAY_OF:
            self._move(Call(verb="move", what=_BY_WAY_OF[now, wanted]))
            self._become(call)
        else:
            assert now is wanted, f"no way from {now} to {wanted}"

    def _priority(self, call: Call) -> None:
        self._ticket = self._world.desk.call("PATCH", self._path, 200, json={"priority": call.what})
        self._stands_at = call.what

    def _rewrite(self, call: Call) -> None:
        body = {"targets": self._named(call.targets), "apply": "recompute"}
        self._world.desk.call("PATCH", f"/v1/sla-policies/{self._policies[self._stands_at]}", 200, json=body)
        self._world.until_seen()

    def _reply(self, _: Call) -> None:
        self._comment(self._world.desk, "public")

    def _note(self, _: Call) -> None:
        self._comment(self._world.desk, "internal")

    def _ask(self, _: Call) -> None:
        self._comment(self._world.customer, "public")
        # It may be open again by that.
        self._ticket = self._world.desk.call("GET", self._path, 200)

    def _comment(self, caller: Caller, visibility: str) -> None:
        caller.call("POST", f"{self._path}/comments", 201, json={"body": "Hm.", "visibility": visibility})


def _compare(shown: object, wanted: object) -> None:
    assert shown == wanted, f"{shown}, but wanted is {wanted}"


def play(world: World, scripts: Sequence[Script]) -> dict[str, str]:
    """Play scripts together, instant by instant, and return by its id how each that went wrong did."""
    wrong: dict[str, str] = {}
    plays = [Play(world, script) for script in scripts]
    world.now_is(min(step.at for script in scripts for step in script.steps))
    for one in plays:
        one.rehearse()
    # Stable: what one example has at one instant stays in its order.
    cues = sorted(((one, step) for one in plays for step in one.script.steps), key=lambda cue: cue[1].at)
    for at, together in groupby(cues, key=lambda cue: cue[1].at):
        world.now_is(at)
        for one, step in together:
            _try(one, partial(one.perform, step), wrong, f"at {at}")
            if step is one.script.steps[-1]:
                _try(one, one.finish, wrong, "at its end")
    return wrong


def _try(one: Play, act: Callable[[], None], wrong: dict[str, str], when: str) -> None:
    if one.script.id not in wrong:
        try:
            act()
        except AssertionError as problem:
            wrong[one.script.id] = f"{when} ({one.script.note}): {problem}"
