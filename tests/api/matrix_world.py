"""Two organizations with one thing of every kind, callers of every role, and tokens that are no good."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from uuid import UUID, uuid4

from flask.testing import FlaskClient
from psycopg import sql

from api.app import create_app
from psms.domain.access import MATRIX, Permission, Role, Scope
from psms.runtime import Runtime
from tests.api.conftest import ApiClient
from tests.api.matrix_rows import CUSTOM_KEEPS, RULE, SITE, Row, filled
from tests.support.databases import MigratedDatabase
from tests.support.offices import Office, add_custom_caller, furnish
from tests.support.played_runs import begin, two_steps
from tests.support.tenants import EVERY_SCOPE, add_caller
from workflows import accounts
from workflows.automation_runs import run_automations
from workflows.relay import relay_outbox

_PARAMETER = re.compile(r"<\w+:(\w+)>")
_TAKEN_BY_TEXT = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What `test_matrix` calls, and with what."""

    http: FlaskClient
    database: MigratedDatabase
    callers: dict[str, ApiClient]
    without_scope: dict[str, ApiClient]
    no_good: dict[str, ApiClient]
    own: dict[str, str]
    elsewhere: dict[str, str]
    foreign: dict[str, str]
    numbers: Any = field(default_factory=count)

    @property
    def unknown(self) -> dict[str, str]:
        """Ids of nothing at all."""
        return {name: str(uuid4()) for name in self.own}

    def renewed(self, name: str) -> dict[str, str]:
        """Return the organization's own ids, with a new thing for *name*, to be used up."""
        if not name:
            return self.own
        made = _MAKERS[name](self)
        return self.own | (made if isinstance(made, dict) else {name: made})

    def call(self, caller: ApiClient, method: str, rule: str, row: Row, ids: dict[str, str]) -> Any:
        """Send the request of *row*."""
        if row.of:
            ids = ids | {"ticket_id": ids[row.of]}
        path = _PARAMETER.sub(lambda found: ids.get(found[1], _TAKEN_BY_TEXT), rule) + row.query
        options = {} if row.body is None else {"json": filled(row.body, {**ids, "n": next(self.numbers)})}
        return caller.call(method, path, **options)

    def denials(self) -> int:
        """Return how many refusals are written down."""
        ((found,),) = self.database.rows("SELECT count(*) FROM logs WHERE outcome = 'denied'")
        return int(str(found))


def make_world(rt: Runtime, database: MigratedDatabase) -> World:
    """Make both organizations."""
    http = create_app(rt).test_client()
    office, other = furnish(rt), furnish(rt, "Other")
    organization = office.boss.organization_id
    kept = tuple(map(Permission, CUSTOM_KEEPS))
    tenants = {
        "admin": office.boss,
        "agent": office.agent,
        "requester": office.requester,
        "custom": add_custom_caller(rt, office.boss, Role.AGENT, kept),
    }
    tenants |= {role: add_caller(rt, organization, role) for role in (Role.MANAGER, Role.INTEGRATION, Role.AUDITOR)}
    boss = ApiClient(http, office.boss.token)
    own = _things(rt, boss, office)
    everybody = [str(tenant.actor.user_id) for tenant in tenants.values()]
    own |= _asked(boss, [*everybody, own["user_id"]])
    for user_id in everybody:
        _made(boss, "approval-delegations", {"user_id": user_id, "delegate_id": own["user_id"], **_day(2099)})
    # As the sweep would find it in a day.
    database.run(
        sql.SQL("UPDATE sla_clocks SET breached_at = due_at WHERE id = {}").format(sql.Literal(own["clock_id"]))
    )
    return World(
        http=http,
        database=database,
        callers={role: ApiClient(http, tenant.token) for role, tenant in tenants.items()},
        without_scope={scope: ApiClient(http, _without(rt, organization, scope)) for scope in Scope},
        no_good={name: ApiClient(http, token) for name, token in _no_good(rt, database, organization).items()},
        own=own,
        elsewhere=own
        | _ticket_elsewhere(ApiClient(http, office.boss.token), office)
        | {"run_id": _errand(rt, office, office.tickets["with their team"])},
        foreign=_things(rt, ApiClient(http, other.boss.token), other),
    )


def _ticket_elsewhere(boss: ApiClient, office: Office) -> dict[str, str]:
    ticket_id, other_id = (str(office.tickets[name]) for name in ("with their team", "of nobody's service"))
    return _said(boss, ticket_id) | {"link_id": _linked(boss, ticket_id, other_id)}


def _linked(boss: ApiClient, ticket_id: str, other_id: str) -> str:
    return _made(boss, f"tickets/{ticket_id}/links", {"kind": "relates_to", "ticket_id": other_id})


def _relations(boss: ApiClient, ticket_id: str, ticket: dict[str, str]) -> dict[str, str]:
    """Link a ticket, give it a child, and leave a deleted one behind."""
    child, deleted = (_made(boss, "tickets", ticket) for _ in "ab")
    parent = {"json": {"parent_id": ticket_id}}
    assert boss.call("PUT", f"/v1/tickets/{child}/parent", **parent).status_code == 200
    assert boss.delete(f"/v1/tickets/{deleted}").status_code == 204
    return {"other_id": child, "link_id": _linked(boss, ticket_id, child)}


def _said(boss: ApiClient, ticket_id: str) -> dict[str, str]:
    comment = boss.post(f"/v1/tickets/{ticket_id}/comments", json={"body": "Hello"})
    return {
        "ticket_id": ticket_id,
        "comment_id": comment.json["id"],
        "time_entry_id": _made(boss, f"tickets/{ticket_id}/time-entries", {"seconds": 60}),
    }


def _asked(boss: ApiClient, user_ids: list[str]) -> dict[str, str]:
    ticket_id = _made(boss, "tickets", {"subject": "A laptop", "type": "request"})
    step = {"name": "Consent", "user_ids": user_ids, "quorum": "all", "own_requests": True}
    return {
        "asked_id": ticket_id,
        "approval_id": _made(boss, f"tickets/{ticket_id}/approvals", {"steps": [step]}),
    }


def _consent(boss: ApiClient, office: Office, ticket: dict[str, str], user: str) -> dict[str, str]:
    away = {"user_id": user, "delegate_id": str(office.boss.actor.user_id), **_day(2098)}
    return _asked(boss, [user]) | {
        "request_id": _made(boss, "tickets", ticket | {"type": "request"}),
        "change_id": _made(boss, "tickets", ticket | {"type": "change"}),
        "delegation_id": _made(boss, "approval-delegations", away),
    }


def _things(rt: Runtime, boss: ApiClient, office: Office) -> dict[str, str]:
    # With no team and of a service that nobody answers for: every agent sees it, and it is the requester's.
    ticket = {"subject": "Printer on fire", "requester_id": str(office.requester.actor.user_id)}
    service = _made(boss, "services", {"name": "Printing"})
    assert boss.call("PUT", f"/v1/services/{service}/form", json={"fields": [SITE]}).status_code == 200
    user = _made(boss, "users", {"email": "ada@example.com", "name": "Ada", "role": "agent"})
    endpoint = _made(boss, "webhook-endpoints", {"url": "http://127.0.0.1:40009/"})
    policy = _made(boss, "sla-policies", {"name": "A", "resolution_seconds": 86400})
    # It looks at the ticket, and does nothing.
    rule = {"on": ["ticket.created"], "conditions": {"tags": ["none"]}, "actions": RULE["actions"]}
    automation = _made(boss, "automations", {"name": "A", **rule})
    ticket_id = _made(boss, "tickets", ticket)
    edit = {"resolution_seconds": 172800, "apply": "open_tickets"}
    assert boss.patch(f"/v1/sla-policies/{policy}", json=edit).status_code == 200
    for watcher in (user, str(office.requester.actor.user_id)):
        assert boss.call("PUT", f"/v1/tickets/{ticket_id}/watchers/{watcher}").status_code == 200
    relay_outbox(rt)
    run_automations(rt)
    (delivery, *_) = boss.get(f"/v1/webhook-endpoints/{endpoint}/deliveries").json["items"]
    return (
        _said(boss, ticket_id)
        | _relations(boss, ticket_id, ticket)
        | _consent(boss, office, ticket, user)
        | {
            "organization_id": str(office.boss.organization_id),
            "user_id": user,
            "team_id": _made(boss, "teams", {"name": "Printers"}),
            "watcher_id": str(office.requester.actor.user_id),
            "duty_id": _made(boss, "duties", {"user_id": user, **_day(2099)}),
            "absence_id": _made(boss, "absences", {"user_id": user, **_day(2099)}),
            "macro_id": _made(boss, "macros", {"name": "M", "visibility": "everyone", "reply": "Hello"}),
            "service_id": service,
            "assignment_id": _made(boss, "assignments", {"service_id": service, "user_id": user}),
            "client_id": _made(boss, "clients", {"name": "A", "role": "agent", "scopes": []}),
            "role_id": _made(boss, "roles", {"name": "Reader", "base_role": "agent", "permissions": []}),
            "calendar_id": _made(boss, "calendars", {"name": "A", "time_zone": "UTC", "always_open": True}),
            "policy_id": policy,
            "rebase_id": boss.get("/v1/sla-rebases").json["items"][0]["id"],
            "clock_id": boss.get(f"/v1/tickets/{ticket_id}/sla").json["clocks"][0]["id"],
            "automation_id": automation,
            "timer_id": boss.call("PUT", f"/v1/tickets/{ticket_id}/timer").json["id"],
            "run_id": _errand(rt, office, UUID(ticket_id)),
            "state_id": _made(boss, "ticket-states", {"name": "A", "status": "on_hold"}),
            "endpoint_id": endpoint,
            "delivery_id": delivery["id"],
        }
    )


def _errand(rt: Runtime, office: Office, ticket_id: UUID) -> str:
    return str(begin(rt, office.boss, two_steps(), key=str(ticket_id), ticket_id=ticket_id))


def _day(year: int) -> dict[str, str]:
    return {"from": f"{year}-06-01T00:00:00Z", "to": f"{year}-06-02T00:00:00Z"}


def _duty(world: World) -> str:
    body = {"user_id": world.own["user_id"], **_day(2100 + next(world.numbers))}
    return _made(world.callers["admin"], "duties", body)


def _made(boss: ApiClient, kind: str, body: dict[str, Any]) -> str:
    answer = boss.post(f"/v1/{kind}", json=body)
    assert answer.status_code == 201, answer.json
    return str(answer.json["id"])


def _absence(world: World) -> str:
    # An agent's own: what is somebody else's they may not take back, see `test_routing`.
    return _made(world.callers["agent"], "absences", _day(2100))


def _resolved_ticket(world: World) -> str:
    boss, requester = world.callers["admin"], world.callers["requester"]
    ticket_id = _made(requester, "tickets", {"subject": "Done"})
    assert boss.post(f"/v1/tickets/{ticket_id}/transitions", json={"action": "resolve"}).status_code == 200
    return ticket_id


def _new_ticket(world: World, **fields: str) -> str:
    return _made(world.callers["admin"], "tickets", {"subject": "New", **fields})


def _new_link(world: World) -> str:
    return _linked(world.callers["admin"], world.own["ticket_id"], _new_ticket(world))


def _comment(world: World) -> str:
    return _said(world.callers["admin"], world.own["ticket_id"])["comment_id"]


def _problem(world: World) -> dict[str, str]:
    return {"ticket_id": _new_ticket(world, type="problem")}


def _pair(world: World) -> dict[str, str]:
    return {"ticket_id": _new_ticket(world), "other_id": _new_ticket(world)}


def _merged(world: World) -> dict[str, str]:
    pair = _pair(world)
    path = f"/v1/tickets/{pair['ticket_id']}/merge"
    assert world.callers["admin"].post(path, json={"into": pair["other_id"]}).status_code == 200
    return pair


def _deleted(world: World) -> dict[str, str]:
    ticket_id = _new_ticket(world)
    assert world.callers["admin"].delete(f"/v1/tickets/{ticket_id}").status_code == 204
    return {"ticket_id": ticket_id}


def _request(world: World) -> str:
    return _made(world.callers["admin"], "tickets", {"subject": "A laptop", "type": "request"})


def _delegation(world: World) -> str:
    ids = {"user_id": world.own["user_id"], "delegate_id": world.own["watcher_id"]}
    return _made(world.callers["admin"], "approval-delegations", {**ids, **_day(2098)})


def _failed_run(world: World) -> str:
    query = f"?ticket_id={_resolved_ticket(world)}"
    (run,) = world.callers["admin"].get(f"/v1/workflow-runs{query}").json["items"]
    failed = sql.SQL("UPDATE workflow_runs SET state = 'failed' WHERE id = {}")
    world.database.run(failed.format(sql.Literal(run["id"])))
    return str(run["id"])


def _service(world: World) -> str:
    return _made(world.callers["admin"], "services", {"name": f"New service {next(world.numbers)}"})


def _assignment(world: World) -> str:
    body = {"service_id": _service(world), "user_id": world.own["user_id"]}
    return _made(world.callers["admin"], "assignments", body)


def _team(world: World) -> str:
    return _made(world.callers["admin"], "teams", {"name": f"New team {next(world.numbers)}"})


def _role(world: World) -> str:
    body = {"name": f"New role {next(world.numbers)}", "base_role": "auditor", "permissions": []}
    return _made(world.callers["admin"], "roles", body)


def _endpoint(world: World) -> str:
    return _made(world.callers["admin"], "webhook-endpoints", {"url": "http://127.0.0.1:40009/"})


def _calendar(world: World) -> str:
    body = {"name": f"Calendar {next(world.numbers)}", "time_zone": "UTC", "always_open": True}
    return _made(world.callers["admin"], "calendars", body)


def _time_entry(world: World) -> str:
    return _made(world.callers["admin"], f"tickets/{world.own['ticket_id']}/time-entries", {"seconds": 60})


def _macro(world: World) -> str:
    return _made(world.callers["admin"], "macros", {"name": "M", "visibility": "everyone", "reply": "Hello"})


def _timer(world: World) -> str:
    return str(world.callers["admin"].call("PUT", f"/v1/tickets/{world.own['ticket_id']}/timer").json["id"])


_MAKERS: dict[str, Callable[[World], str | dict[str, str]]] = {
    "other_id": _new_ticket,
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


def _without(rt: Runtime, organization_id: UUID, scope: str) -> str:
    others = tuple(other for other in EVERY_SCOPE if other != scope)
    return add_caller(rt, organization_id, Role.ADMIN, others).token


def _no_good(rt: Runtime, database: MigratedDatabase, organization_id: UUID) -> dict[str, str | None]:
    expired, revoked = (add_caller(rt, organization_id, Role.ADMIN) for _ in "ab")
    database.run(
        sql.SQL("UPDATE oauth_tokens SET expires_at = created_at WHERE client_id = {}").format(
            sql.Literal(expired.client.id)
        )
    )
    accounts.revoke_token(rt, revoked.client, revoked.token)
    return {"anonymous": None, "expired": expired.token, "revoked": revoked.token, "made up": "sda_" + "x" * 51}


def scope_of(view: Any) -> Scope:
    """Return the scope that a view asks for."""
    return MATRIX[view.permission].scope


def parameters_of(rule: str) -> list[str]:
    """Return the names of a rule's parameters."""
    return _PARAMETER.findall(rule)
