"""A life in which every type of event happens, over the API and the drains. What is asserted is the test's."""

from datetime import timedelta
from functools import partial
from typing import Any

from psms.domain.attempts import SendResult
from psms.runtime import Runtime
from tests.support.answers import ACCEPTED, GONE, REFUSED
from tests.support.databases import MigratedDatabase
from tests.support.partners import answer_all
from tests.support.relations import Tickets
from workflows.delivery_jobs import Job
from workflows.endpoint_watch import watch_endpoints
from workflows.relay import relay_outbox
from workflows.run_drain import advance_runs
from workflows.sla_sweep import fire_due_timers

_ACTIONS: list[dict[str, Any]] = [{"type": "event"}, {"type": "raise_priority"}, {"type": "page"}]
_LEVELS: list[dict[str, Any]] = [
    {"id": "soon", "percent": 80, "actions": [{"type": "event"}]},
    {"id": "breach", "percent": 100, "actions": [{"type": "raise_priority"}]},
    {"id": "long", "offset_seconds": 600, "clock": "wall", "actions": _ACTIONS},
]


def _always(answer: SendResult, _: Job) -> SendResult:
    return answer


class EveryEvent:
    """Tickets of an organization whose caller may everything."""

    def __init__(self, tickets: Tickets, user_id: str, rt: Runtime, database: MigratedDatabase) -> None:
        """Act as the client of *tickets*, who is the user *user_id*."""
        self._tickets = tickets
        self._user_id = user_id
        self._rt = rt
        self._database = database

    def happen(self, endpoint: str) -> None:
        """Let everything happen; *endpoint* is the address of a webhook endpoint."""
        self._ok("POST", f"{endpoint}/test")
        self._ok("POST", f"{endpoint}/verify")
        self._lived()
        self._related()
        self._worked()
        self._approved()
        self._changed()
        # Last: the others are promised nothing.
        self._promises_broken()
        self._partner_fared()

    def _ok(self, method: str, path: str, **body: Any) -> Any:
        answer = self._tickets.client.call(method, path, **({"json": body} if body else {}))
        assert answer.status_code < 300, (path, answer.text)
        return answer.json

    def _do(self, ticket_id: str, what: str, method: str = "POST", /, **body: Any) -> Any:
        return self._ok(method, f"/v1/tickets/{ticket_id}/{what}", **body)

    def _move(self, ticket_id: str, *actions: str) -> None:
        for action in actions:
            self._do(ticket_id, "transitions", action=action)

    def _lived(self) -> None:
        ticket = self._tickets.file(tags=["vip"], custom_fields={"site": "north"})
        edited = {"subject": "Fire", "description": "Smoke.", "impact": "high", "tags": [], "custom_fields": {"a": 1.5}}
        self._ok("PATCH", f"/v1/tickets/{ticket}", **edited, assignee_id=self._user_id)
        self._ok("PATCH", f"/v1/tickets/{ticket}", priority="low", priority_reason="It is out.")
        self._do(ticket, "comments", body="On the way.")
        self._do(ticket, "comments", body="Between us.", visibility="internal")
        self._do(ticket, f"watchers/{self._user_id}", "PUT")
        self._do(ticket, f"watchers/{self._user_id}", "DELETE")
        self._move(ticket, "open", "resolve")
        self._do(ticket, "satisfaction", "PUT", score=5)
        self._move(ticket, "close")
        deleted = self._tickets.file()
        self._ok("DELETE", f"/v1/tickets/{deleted}")
        self._do(deleted, "restore")

    def _related(self) -> None:
        ticket, other, child = (self._tickets.file() for _ in "abc")
        link = self._do(ticket, "links", kind="blocks", ticket_id=other)["id"]
        self._do(ticket, f"links/{link}", "DELETE")
        self._do(child, "parent", "PUT", parent_id=ticket)
        self._do(other, "merge", into=ticket)
        self._do(other, "unmerge")
        comment = self._do(ticket, "comments", body="Another matter.")["id"]
        self._do(ticket, "split", subject="Another matter", comment_ids=[comment])

    def _worked(self) -> None:
        ticket = self._tickets.file()
        entry = self._do(ticket, "time-entries", seconds=900, activity="repair")["id"]
        self._do(ticket, f"time-entries/{entry}", "PATCH", seconds=1200, billable=True)
        self._do(ticket, f"time-entries/{entry}", "DELETE")

    def _approved(self) -> None:
        ticket = self._tickets.file(type="request")
        step = {"name": "Consent", "user_ids": [self._user_id], "own_requests": True}
        approval = self._do(ticket, "approvals", steps=[step])["id"]
        self._ok("POST", f"/v1/approvals/{approval}/votes", decision="approve")

    def _changed(self) -> None:
        change = self._tickets.file(type="change")
        self._move(change, "plan")
        self._do(change, "change", "PATCH", plan="Swap.", backout_plan="Swap back.", risk="low")
        now = self._rt.db.ask(self._rt.clock.now)
        window = {"planned_start": now + timedelta(minutes=1), "planned_end": now + timedelta(minutes=2)}
        self._do(change, "transitions", action="schedule", **{name: at.isoformat() for name, at in window.items()})
        for minutes in (1.1, 2.1):
            self._pass(minutes)
            advance_runs(self._rt)

    def _promises_broken(self) -> None:
        team = self._ok("POST", "/v1/teams", name="First line")["id"]
        target = {"seconds": 600, "levels": _LEVELS}
        self._ok("POST", "/v1/sla-policies", name="Customers", targets={"resolution": target})
        self._ok("POST", "/v1/sla-policies", name="Teams", targets={"with_team": target})
        ticket = self._tickets.file(team_id=team)
        self._pass(2.1 + 25)
        while fire_due_timers(self._rt):
            pass
        (clock,) = [one for one in self._do(ticket, "sla", "GET")["clocks"] if one["metric"] == "resolution"]
        self._do(ticket, f"sla/{clock['id']}/void", reason="The customer was away.")
        self._do(ticket, f"sla/{clock['id']}/void", "DELETE")
        self._ok("PATCH", f"/v1/tickets/{ticket}", assignee_id=self._user_id)
        self._move(ticket, "open", "resolve")

    def _partner_fared(self) -> None:
        for answer in (REFUSED, ACCEPTED, GONE):
            self._tickets.file()
            relay_outbox(self._rt)
            answer_all(self._rt, partial(_always, answer))
            self._pass(2.1 + 25 + 61)
            watch_endpoints(self._rt)

    def _pass(self, minutes: float) -> None:
        self._database.move_clock(timedelta(minutes=minutes))
