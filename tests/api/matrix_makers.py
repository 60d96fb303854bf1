"""Things made for the matrix of access, anew for each call that uses one up. What there is at all: `matrix_world`."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from psycopg import sql

from tests.api.conftest import ApiClient
from tests.api.matrix_rows import REPLAY
from tests.support.databases import MigratedDatabase


class Place(Protocol):
    """Where things are made: callers by role, the ids of what is there, numbers that come once."""

    @property
    def callers(self) -> Mapping[str, ApiClient]:
        """By role."""

    @property
    def own(self) -> Mapping[str, str]:
        """By what they are of."""

    @property
    def database(self) -> MigratedDatabase:
        """What is below."""

    @property
    def numbers(self) -> Any:
        """One after the other."""


def linked(boss: ApiClient, ticket_id: str, other_id: str) -> str:
    """Link two tickets and return the link's id."""
    return made(boss, f"tickets/{ticket_id}/links", {"kind": "relates_to", "ticket_id": other_id})


def said(boss: ApiClient, ticket_id: str) -> dict[str, str]:
    """Say something on a ticket, and work on it; return the ids."""
    comment = boss.post(f"/v1/tickets/{ticket_id}/comments", json={"body": "Hello"})
    return {
        "ticket_id": ticket_id,
        "comment_id": comment.json["id"],
        "time_entry_id": made(boss, f"tickets/{ticket_id}/time-entries", {"seconds": 60}),
    }


def day(year: int) -> dict[str, str]:
    """Return the span of a day of a year to come."""
    return {"from": f"{year}-06-01T00:00:00Z", "to": f"{year}-06-02T00:00:00Z"}


def made(boss: ApiClient, kind: str, body: dict[str, Any]) -> str:
    """Make a thing of a kind and return its id."""
    answer = boss.post(f"/v1/{kind}", json=body)
    assert answer.status_code == 201, answer.json
    return str(answer.json["id"])


def _duty(world: Place) -> str:
    body = {"user_id": world.own["user_id"], **day(2100 + next(world.numbers))}
    return made(world.callers["admin"], "duties", body)


def _absence(world: Place) -> str:
    # An agent's own: what is somebody else's they may not take back, see `test_routing`.
    return made(world.callers["agent"], "absences", day(2100))


def _resolved_ticket(world: Place) -> str:
    boss, requester = world.callers["admin"], world.callers["requester"]
    ticket_id = made(requester, "tickets", {"subject": "Done"})
    assert boss.post(f"/v1/tickets/{ticket_id}/transitions", json={"action": "resolve"}).status_code == 200
    return ticket_id


def _new_ticket(world: Place, **fields: str) -> str:
    return made(world.callers["admin"], "tickets", {"subject": "New", **fields})


def _new_link(world: Place) -> str:
    return linked(world.callers["admin"], world.own["ticket_id"], _new_ticket(world))


def _comment(world: Place) -> str:
    return said(world.callers["admin"], world.own["ticket_id"])["comment_id"]


def _problem(world: Place) -> dict[str, str]:
    return {"ticket_id": _new_ticket(world, type="problem")}


def _pair(world: Place) -> dict[str, str]:
    return {"ticket_id": _new_ticket(world), "other_id": _new_ticket(world)}


def _merged(world: Place) -> dict[str, str]:
    pair = _pair(world)
    path = f"/v1/tickets/{pair['ticket_id']}/merge"
    assert world.callers["admin"].post(path, json={"into": pair["other_id"]}).status_code == 200
    return pair


def _deleted(world: Place) -> dict[str, str]:
    ticket_id = _new_ticket(world)
    assert world.callers["admin"].delete(f"/v1/tickets/{ticket_id}").status_code == 204
    return {"ticket_id": ticket_id}


def _request(world: Place) -> str:
    return made(world.callers["admin"], "tickets", {"subject": "A laptop", "type": "request"})


def _delegation(world: Place) -> str:
    ids = {"user_id": world.own["user_id"], "delegate_id": world.own["watcher_id"]}
    return made(world.callers["admin"], "approval-delegations", {**ids, **day(2098)})


def _failed_run(world: Place) -> str:
    query = f"?ticket_id={_resolved_ticket(world)}"
    (run,) = world.callers["admin"].get(f"/v1/workflow-runs{query}").json["items"]
    failed = sql.SQL("UPDATE workflow_runs SET state = 'failed' WHERE id = {}")
    world.database.run(failed.format(sql.Literal(run["id"])))
    return str(run["id"])


def _service(world: Place) -> str:
    return made(world.callers["admin"], "services", {"name": f"New service {next(world.numbers)}"})


def _assignment(world: Place) -> str:
    body = {"service_id": _service(world), "user_id": world.own["user_id"]}
    return made(world.callers["admin"], "assignments", body)


def _team(world: Place) -> str:
    return made(world.callers["admin"], "teams", {"name": f"New team {next(world.numbers)}"})


def _role(world: Place) -> str:
    body = {"name": f"New role {next(world.numbers)}", "base_role": "auditor", "permissions": []}
    return made(world.callers["admin"], "roles", body)


def _endpoint(world: Place) -> str:
    return made(world.callers["admin"], "webhook-endpoints", {"url": "http://127.0.0.1:40009/"})


def _replay(world: Place) -> dict[str, str]:
    endpoint = _endpoint(world)
    made_now = made(world.callers["admin"], f"webhook-endpoints/{endpoint}/replays", REPLAY)
    return {"endpoint_id": endpoint, "replay_id": made_now}


def _calendar(world: Place) -> str:
    body = {"name": f"Calendar {next(world.numbers)}", "time_zone": "UTC", "always_open": True}
    return made(world.callers["admin"], "calendars", body)


def _time_entry(world: Place) -> str:
    return made(world.callers["admin"], f"tickets/{world.own['ticket_id']}/time-entries", {"seconds": 60})


def _macro(world: Place) -> str:
    return made(world.callers["admin"], "macros", {"name": "M", "visibility": "everyone", "reply": "Hello"})


def _timer(world: Place) -> str:
    return str(world.callers["admin"].call("PUT", f"/v1/tickets/{world.own['ticket_id']}/timer").json["id"])


MAKERS: dict[str, Callable[[Place], str | dict[str, str]]] = {
    "other_id": _new_ticket,
    "replay": _replay,
    "link_id": _new_link,
    "comment_id": _comment,
    "problem": _problem,
    "pair": _pair,
    "merged": _merged,
    "deleted": _deleted,
    "time_entry_id": _time_entry,
    "timer_id": _timer,
    "absence_id": _absence,
    "macro_id": _macro,
    "request_id": _request,
    "delegation_id": _delegation,
    "calendar_id": _calendar,
    "duty_id": _duty,
    "team_id": _team,
    "ticket_id": _resolved_ticket,
    "service_id": _service,
    "assignment_id": _assignment,
    "role_id": _role,
    "endpoint_id": _endpoint,
    "run_id": _failed_run,
}
