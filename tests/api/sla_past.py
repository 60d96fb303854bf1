"""Tickets that came to every kind of end, and how reports on them are read; what is in them is tried in the tests."""

from datetime import UTC, datetime, timedelta

from psms.domain.access import Role
from psms.runtime import Runtime
from tests.api.conftest import ApiClient
from tests.support.databases import MigratedDatabase
from tests.support.tenants import Tenant, add_caller
from workflows.sla_sweep import fire_due_timers

CSV = "text/csv; charset=utf-8; header=present"


def span(**query: str) -> str:
    """Return the query of a report over the two days around now."""
    now = datetime.now(UTC)
    named = {"from": _text(now - timedelta(days=1)), "to": _text(now + timedelta(days=1))}
    return "&".join(f"{name}={value}" for name, value in (named | query).items())


def _text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def opened(client: ApiClient, address: str) -> list[str]:
    """Return the ids of all tickets that an address lists, page by page."""
    found: list[str] = []
    cursor = ""
    while True:
        answer = client.get(f"{address}&limit=2{cursor}")
        assert answer.status_code == 200, answer.text
        found += [ticket["id"] for ticket in answer.json["items"]]
        if answer.json["next_cursor"] is None:
            return found
        cursor = f"&cursor={answer.json['next_cursor']}"


def lived(client: ApiClient, rt: Runtime, database: MigratedDatabase, demo: Tenant) -> dict[str, str]:
    """Tickets with a first response within ten minutes and a resolution within an hour, one for each way to end."""
    customer = ApiClient(client._http, add_caller(rt, demo.organization_id, Role.REQUESTER).token)  # noqa: SLF001
    client.post("/v1/sla-policies", json={"name": "P", "first_response_seconds": 600, "resolution_seconds": 3600})
    names = ("in_time", "never_answered", "answered_late", "retargeted", "reopened", "interrupted", "long", "cancelled")
    made = {name: customer.post("/v1/tickets", json={"subject": name}).json["id"] for name in names}

    def reply(name: str) -> None:
        assert client.post(f"/v1/tickets/{made[name]}/comments", json={"body": "Hello"}).status_code == 201

    def move(name: str, action: str) -> None:
        answer = client.post(f"/v1/tickets/{made[name]}/transitions", json={"action": action})
        assert answer.status_code == 200, answer.text

    for name in ("in_time", "retargeted", "reopened", "interrupted", "long"):
        reply(name)
    for name in ("in_time", "reopened"):
        move(name, "resolve")
    move("cancelled", "cancel")
    client.post("/v1/sla-policies", json={"name": "Q", "priority": "critical", "resolution_seconds": 3000})
    client.patch(f"/v1/tickets/{made['retargeted']}", json={"priority": "critical"})
    database.move_clock(timedelta(minutes=20))
    reply("answered_late")
    move("interrupted", "pend")
    move("reopened", "reopen")
    database.move_clock(timedelta(minutes=25))
    move("interrupted", "resume")
    database.move_clock(timedelta(minutes=180))
    fire_due_timers(rt)
    move("long", "resolve")
    return made
