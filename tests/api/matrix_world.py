"""Two organizations with one thing of every kind, callers of every role, and tokens that are no good."""

import re
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
from tests.api.matrix_makers import MAKERS, day, linked, made, said
from tests.api.matrix_rows import CUSTOM_KEEPS, REPLAY, RULE, SITE, Row, filled
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
        new = MAKERS[name](self)
        return self.own | (new if isinstance(new, dict) else {name: new})

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
    own |= _asked(boss, [*everybody, own["user_id"]]) | {"event_type": "ticket.rated"}
    for user_id in everybody:
        made(boss, "approval-delegations", {"user_id": user_id, "delegate_id": own["user_id"], **day(2099)})
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
        # The catalogue of events is everybody's: this is nobody's. As long as an id: answers quote it.
        foreign=_things(rt, ApiClient(http, other.boss.token), other) | {"event_type": "theirs.alone".ljust(36, "x")},
    )


def _ticket_elsewhere(boss: ApiClient, office: Office) -> dict[str, str]:
    ticket_id, other_id = (str(office.tickets[name]) for name in ("with their team", "of nobody's service"))
    return said(boss, ticket_id) | {"link_id": linked(boss, ticket_id, other_id)}


def _relations(boss: ApiClient, ticket_id: str, ticket: dict[str, str]) -> dict[str, str]:
    """Link a ticket, give it a child, and leave a deleted one behind."""
    child, deleted = (made(boss, "tickets", ticket) for _ in "ab")
    parent = {"json": {"parent_id": ticket_id}}
    assert boss.call("PUT", f"/v1/tickets/{child}/parent", **parent).status_code == 200
    assert boss.delete(f"/v1/tickets/{deleted}").status_code == 204
    return {"other_id": child, "link_id": linked(boss, ticket_id, child)}


def _asked(boss: ApiClient, user_ids: list[str]) -> dict[str, str]:
    ticket_id = made(boss, "tickets", {"subject": "A laptop", "type": "request"})
    step = {"name": "Consent", "user_ids": user_ids, "quorum": "all", "own_requests": True}
    return {
        "asked_id": ticket_id,
        "approval_id": made(boss, f"tickets/{ticket_id}/approvals", {"steps": [step]}),
    }


def _consent(boss: ApiClient, office: Office, ticket: dict[str, str], user: str) -> dict[str, str]:
    away = {"user_id": user, "delegate_id": str(office.boss.actor.user_id), **day(2098)}
    return _asked(boss, [user]) | {
        "request_id": made(boss, "tickets", ticket | {"type": "request"}),
        "change_id": made(boss, "tickets", ticket | {"type": "change"}),
        "delegation_id": made(boss, "approval-delegations", away),
    }


def _settings(boss: ApiClient) -> dict[str, str]:
    return {
        "client_id": made(boss, "clients", {"name": "A", "role": "agent", "scopes": []}),
        "role_id": made(boss, "roles", {"name": "Reader", "base_role": "agent", "permissions": []}),
        "calendar_id": made(boss, "calendars", {"name": "A", "time_zone": "UTC", "always_open": True}),
    }


def _followed(rt: Runtime, boss: ApiClient, ticket_id: str, policy: str, watchers: tuple[str, ...]) -> None:
    """Let a policy's edit, watchers, partners and rules follow a ticket."""
    edit = {"resolution_seconds": 172800, "apply": "open_tickets"}
    assert boss.patch(f"/v1/sla-policies/{policy}", json=edit).status_code == 200
    for watcher in watchers:
        assert boss.call("PUT", f"/v1/tickets/{ticket_id}/watchers/{watcher}").status_code == 200
    relay_outbox(rt)
    run_automations(rt)


def _delivered(boss: ApiClient, endpoint: str) -> dict[str, str]:
    (delivery, *_) = boss.get(f"/v1/webhook-endpoints/{endpoint}/deliveries").json["items"]
    replay = made(boss, f"webhook-endpoints/{endpoint}/replays", REPLAY)
    return {"endpoint_id": endpoint, "delivery_id": delivery["id"], "replay_id": replay}


def _things(rt: Runtime, boss: ApiClient, office: Office) -> dict[str, str]:
    # With no team and of a service that nobody answers for: every agent sees it, and it is the requester's.
    ticket = {"subject": "Printer on fire", "requester_id": str(office.requester.actor.user_id)}
    service = made(boss, "services", {"name": "Printing"})
    assert boss.call("PUT", f"/v1/services/{service}/form", json={"fields": [SITE]}).status_code == 200
    user = made(boss, "users", {"email": "ada@example.com", "name": "Ada", "role": "agent"})
    endpoint = made(boss, "webhook-endpoints", {"url": "http://127.0.0.1:40009/"})
    policy = made(boss, "sla-policies", {"name": "A", "resolution_seconds": 86400})
    # It looks at the ticket, and does nothing.
    rule = {"on": ["ticket.created"], "conditions": {"tags": ["none"]}, "actions": RULE["actions"]}
    automation = made(boss, "automations", {"name": "A", **rule})
    ticket_id = made(boss, "tickets", ticket)
    _followed(rt, boss, ticket_id, policy, (user, ticket["requester_id"]))
    return (
        said(boss, ticket_id)
        | _settings(boss)
        | _relations(boss, ticket_id, ticket)
        | _consent(boss, office, ticket, user)
        | _delivered(boss, endpoint)
        | {
            "organization_id": str(office.boss.organization_id),
            "user_id": user,
            "team_id": made(boss, "teams", {"name": "Printers"}),
            "watcher_id": str(office.requester.actor.user_id),
            "duty_id": made(boss, "duties", {"user_id": user, **day(2099)}),
            "absence_id": made(boss, "absences", {"user_id": user, **day(2099)}),
            "macro_id": made(boss, "macros", {"name": "M", "visibility": "everyone", "reply": "Hello"}),
            "service_id": service,
            "assignment_id": made(boss, "assignments", {"service_id": service, "user_id": user}),
            "policy_id": policy,
            "rebase_id": boss.get("/v1/sla-rebases").json["items"][0]["id"],
            "clock_id": boss.get(f"/v1/tickets/{ticket_id}/sla").json["clocks"][0]["id"],
            "automation_id": automation,
            "timer_id": boss.call("PUT", f"/v1/tickets/{ticket_id}/timer").json["id"],
            "run_id": _errand(rt, office, UUID(ticket_id)),
            "state_id": made(boss, "ticket-states", {"name": "A", "status": "on_hold"}),
        }
    )


def _errand(rt: Runtime, office: Office, ticket_id: UUID) -> str:
    return str(begin(rt, office.boss, two_steps(), key=str(ticket_id), ticket_id=ticket_id))


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
