"""What each role gets from each route, written down by hand. How it is tried is in `test_matrix`.

It does not ask the code's own matrix: two that were made from one another would agree on every mistake.
"""

from dataclasses import dataclass
from typing import Any

ROLES = ("admin", "manager", "agent", "requester", "integration", "auditor", "custom")
"""The columns. `custom` is an agent who keeps ticket.read, comment.read and service.read."""

CUSTOM_KEEPS = ("ticket.read", "comment.read", "service.read")

SIMULATION = {
    "policy": {"name": "P", "resolution_seconds": 60},
    "from": "2026-01-01T00:00:00Z",
    "to": "2026-01-02T00:00:00Z",
}
"""A policy tried on a day on which nothing was filed."""

RULE = {"on": ["ticket.commented"], "actions": [{"type": "add_tags", "tags": ["answered"]}]}
"""What an automation may say."""
SITE = {"key": "site", "type": "choice", "label": "Site", "choices": ["north", "south"]}
"""A field of a form."""
ROUTING = {"routing": {"strategy": "round_robin"}, "from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"}
"""A way of assigning tried on such a day."""

Route = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The status for each role, on what they see (*own*) and on another team's ticket (*elsewhere*).

    Texts in *body* may have places: {n} is a new number, others are ids of the organization. *fresh* names the
    parameter whose thing is made anew for each call that succeeds, or what else is made then; *of* the thing of the
    world that is the ticket. *not_theirs* are roles that are refused because the thing is somebody else's, and not
    because they may do so never.
    """

    own: str
    elsewhere: str = ""
    body: Any = None
    fresh: str = ""
    query: str = ""
    not_theirs: tuple[str, ...] = ()
    of: str = ""

    def status(self, role: str, *, elsewhere: bool = False) -> int:
        """Return what *role* gets."""
        statuses = (self.elsewhere if elsewhere else self.own).split()
        return int(statuses[ROLES.index(role)])


def filled(template: Any, places: dict[str, Any]) -> Any:
    """Return a body with its places filled in."""
    if isinstance(template, dict):
        return {name: filled(value, places) for name, value in template.items()}
    if isinstance(template, list):
        return [filled(value, places) for value in template]
    return template.format(**places) if isinstance(template, str) else template


_TICKET = "/v1/tickets/<uuid:ticket_id>"
_COMMENTS = f"{_TICKET}/comments"
_WATCHERS = f"{_TICKET}/watchers"
_LINKS = f"{_TICKET}/links"
_ORGANIZATION = "/v1/organizations/<uuid:organization_id>"
_ENDPOINT = "/v1/webhook-endpoints/<uuid:endpoint_id>"
_CALENDAR = "/v1/calendars/<uuid:calendar_id>"
_SERVICE = "/v1/services/<uuid:service_id>"
_ROUTING = "/v1/teams/<uuid:team_id>/routing"
_ABSENCE = "/v1/absences/<uuid:absence_id>"
_APPROVAL = "/v1/approvals/<uuid:approval_id>"
_VOTERS = "200  200  200  200  200  403  403"
_AWAY = {"from": "2126-01-01T00:00:00Z", "to": "2126-01-02T00:00:00Z"}
_SPAN = "?from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z"
_DELIVERIES = f"{_ENDPOINT}/deliveries"
_RUNS = "/v1/workflow-runs"
_RUN = f"{_RUNS}/<uuid:run_id>"

# The order of the columns:
#                 admin mana agen requ inte audi cust
_EVERYBODY = "     200  200  200  200  200  200  200"
_SEE_ELSEWHERE = " 200  200  404  404  200  200  404"
_CHANGE = "        200  200  200  200  200  403  403"
_NOT_ELSEWHERE = " 200  200  404  404  200  403  403"
_DESK = "          200  200  200  403  200  403  403"
_DESK_ELSEWHERE = "200  200  404  403  200  403  403"
_NO_CUSTOM = "     200  200  200  200  200  200  403"
_DIRECTORY = "     200  200  200  403  200  200  403"
_WORKERS = "       200  200  200  403  200  403  403"
_READ_RUNS = "     200  200  200  403  200  200  403"
_NO_REQUESTER_ELSEWHERE = "200  200  404  403  200  200  403"
_LEADERS = "       200  200  403  403  403  403  403"
_MADE = "          201  201  403  403  403  403  403"
_ADMIN = "         200  403  403  403  403  403  403"
_ADMIN_ELSEWHERE = " 404  403  403  403  403  403  403"
_ADMIN_MADE = "    201  403  403  403  403  403  403"
_ADMIN_MANAGER_GONE = "204  204  403  403  403  403  403"
_ADMIN_GONE = "    204  403  403  403  403  403  403"
_TIME = "          200  200  200  403  200  200  403"
_TIME_ELSEWHERE = "200  200  404  403  200  200  403"
_TIME_WRITE = "    200  200  200  403  200  403  403"
_TIME_MADE = "     201  201  201  403  201  403  403"

EXPECT: dict[Route, Row] = {
    ("POST", "/v1/tickets"): Row(own="201  201  201  201  201  403  403", body={"subject": "Printer on fire"}),
    ("GET", "/v1/tickets"): Row(own=_EVERYBODY),
    ("GET", _TICKET): Row(own=_EVERYBODY, elsewhere=_SEE_ELSEWHERE),
    ("PATCH", _TICKET): Row(own=_CHANGE, elsewhere=_NOT_ELSEWHERE, body={"subject": "Edited {n}"}),
    ("POST", f"{_TICKET}/transitions"): Row(
        own=_CHANGE, elsewhere=_NOT_ELSEWHERE, body={"action": "reopen"}, fresh="ticket_id"
    ),
    ("GET", f"{_TICKET}/transitions"): Row(own=_CHANGE, elsewhere=_NOT_ELSEWHERE),
    ("GET", "/v1/lifecycles"): Row(own=_EVERYBODY),
    ("GET", f"{_TICKET}/approvals"): Row(own=_EVERYBODY, of="asked_id"),
    ("POST", f"{_TICKET}/approvals"): Row(
        own="201  201  201  403  201  403  403",
        body={"steps": [{"name": "Consent", "user_ids": ["{user_id}"]}]},
        fresh="request_id",
        of="request_id",
    ),
    ("GET", "/v1/approvals"): Row(own=_EVERYBODY),
    ("GET", _APPROVAL): Row(own=_EVERYBODY),
    # Everybody's vote is asked for, and one more, so that the step stays pending.
    ("POST", f"{_APPROVAL}/votes"): Row(own=_VOTERS, body={"decision": "approve"}),
    ("POST", f"{_APPROVAL}/delegate"): Row(own=_VOTERS, body={"to_user_id": "{user_id}"}),
    ("POST", "/v1/approval-delegations"): Row(
        own="201  201  201  201  201  403  403", body={"delegate_id": "{user_id}", **_AWAY}
    ),
    ("GET", "/v1/approval-delegations"): Row(own=_EVERYBODY),
    # Somebody else's.
    ("DELETE", "/v1/approval-delegations/<uuid:delegation_id>"): Row(
        own="204  204  404  404  404  403  403", fresh="delegation_id"
    ),
    ("GET", "/v1/services/<uuid:service_id>/approvals"): Row(own=_EVERYBODY),
    ("PUT", "/v1/services/<uuid:service_id>/approvals"): Row(own=_LEADERS, body={"steps": []}),
    ("GET", f"{_TICKET}/change"): Row(own=_EVERYBODY, of="change_id"),
    ("PATCH", f"{_TICKET}/change"): Row(
        own="200  200  200  403  200  403  403", body={"plan": "Swap {n}"}, of="change_id"
    ),
    ("GET", "/v1/change-calendar"): Row(own=_EVERYBODY, query=_SPAN),
    ("POST", f"{_TICKET}/take"): Row(
        own="200  200  200  403  200  403  403", elsewhere="200  200  404  403  200  403  403", fresh="ticket_id"
    ),
    # With no team, or with one that assigns by hand: what else comes of it is in `test_routing`.
    ("POST", f"{_TICKET}/route"): Row(
        own="409  409  409  403  409  403  403", elsewhere="409  409  404  403  409  403  403"
    ),
    ("GET", f"{_TICKET}/routing"): Row(own=_DIRECTORY, elsewhere="200  200  404  403  200  200  403"),
    ("GET", f"{_TICKET}/sla"): Row(own=_EVERYBODY, elsewhere=_SEE_ELSEWHERE),
    ("POST", f"{_TICKET}/sla/<uuid:clock_id>/void"): Row(
        own=_ADMIN, elsewhere=_ADMIN_ELSEWHERE, body={"reason": "The customer's own outage."}
    ),
    ("DELETE", f"{_TICKET}/sla/<uuid:clock_id>/void"): Row(own=_ADMIN, elsewhere=_ADMIN_ELSEWHERE),
    ("POST", _COMMENTS): Row(
        own="201  201  201  201  201  403  403", elsewhere="201  201  404  404  201  403  403", body={"body": "Hello"}
    ),
    ("GET", _COMMENTS): Row(own=_EVERYBODY, elsewhere=_SEE_ELSEWHERE),
    ("GET", f"{_COMMENTS}/<uuid:comment_id>"): Row(own=_EVERYBODY, elsewhere=_SEE_ELSEWHERE),
    ("GET", _WATCHERS): Row(own=_EVERYBODY, elsewhere=_SEE_ELSEWHERE),
    ("GET", f"{_TICKET}/timeline"): Row(own=_EVERYBODY, elsewhere=_SEE_ELSEWHERE),
    ("GET", f"{_TICKET}/time-entries"): Row(own=_TIME, elsewhere=_TIME_ELSEWHERE),
    ("POST", f"{_TICKET}/time-entries"): Row(
        own=_TIME_MADE, elsewhere="201  201  404  403  201  403  403", body={"seconds": 60}
    ),
    ("GET", f"{_TICKET}/time-totals"): Row(own=_TIME, elsewhere=_TIME_ELSEWHERE),
    ("GET", f"{_TICKET}/time-entries/<uuid:time_entry_id>"): Row(own=_TIME, elsewhere=_TIME_ELSEWHERE),
    # The entry is an admin's: of their own, agents change what they like, see `test_time_entries`.
    ("PATCH", f"{_TICKET}/time-entries/<uuid:time_entry_id>"): Row(
        own=_LEADERS,
        elsewhere="200  200  404  403  403  403  403",
        body={"note": "Changed {n}"},
        not_theirs=("agent", "integration"),
    ),
    ("DELETE", f"{_TICKET}/time-entries/<uuid:time_entry_id>"): Row(
        own="204  204  403  403  403  403  403",
        elsewhere="204  204  404  403  403  403  403",
        fresh="time_entry_id",
        not_theirs=("agent", "integration"),
    ),
    ("PUT", f"{_TICKET}/timer"): Row(own=_TIME_WRITE),
    ("POST", f"{_TICKET}/timer/stop"): Row(own=_TIME_WRITE),
    ("GET", f"{_TICKET}/satisfaction"): Row(own=_EVERYBODY, elsewhere=_SEE_ELSEWHERE),
    ("PUT", f"{_TICKET}/satisfaction"): Row(
        own="403  403  403  200  403  403  403",
        body={"comment": "Well done", "score": 5},
        fresh="ticket_id",
        not_theirs=("admin", "manager", "agent", "integration"),
    ),
    ("GET", "/v1/satisfaction-reports"): Row(own=_TIME, query="?from=2026-01-01&to=2026-01-31&by=team"),
    ("POST", "/v1/macros"): Row(own=_TIME_MADE, body={"name": "M", "reply": "Hello"}),
    ("GET", "/v1/macros"): Row(own=_TIME_WRITE),
    ("GET", "/v1/macros/<uuid:macro_id>"): Row(own=_TIME_WRITE),
    # The macro is an admin's, for everyone.
    ("PATCH", "/v1/macros/<uuid:macro_id>"): Row(
        own=_LEADERS, body={"name": "Renamed {n}"}, not_theirs=("agent", "integration")
    ),
    ("DELETE", "/v1/macros/<uuid:macro_id>"): Row(
        own="204  204  403  403  403  403  403", fresh="macro_id", not_theirs=("agent", "integration")
    ),
    ("POST", f"{_TICKET}/macros/<uuid:macro_id>"): Row(own=_TIME_MADE, elsewhere="201  201  404  403  201  403  403"),
    ("GET", f"{_TICKET}/macros/<uuid:macro_id>/preview"): Row(
        own=_TIME_WRITE, elsewhere="200  200  404  403  200  403  403"
    ),
    ("GET", "/v1/timers"): Row(own=_TIME_WRITE),
    ("DELETE", "/v1/timers/<uuid:timer_id>"): Row(own="204  204  404  403  404  403  403", fresh="timer_id"),
    ("GET", "/v1/time-reports"): Row(own=_TIME, query="?from=2026-01-01&to=2026-01-31&by=user"),
    # The requester of the ticket is named; of anybody else they may not say it: see `test_watchers`.
    ("PUT", f"{_WATCHERS}/<uuid:watcher_id>"): Row(own=_CHANGE, elsewhere=_NOT_ELSEWHERE),
    ("DELETE", f"{_WATCHERS}/<uuid:watcher_id>"): Row(
        own="204  204  204  204  204  403  403", elsewhere="204  204  404  404  204  403  403"
    ),
    ("POST", _LINKS): Row(
        own="201  201  201  403  201  403  403",
        elsewhere="201  201  404  403  201  403  403",
        body={"kind": "blocks", "ticket_id": "{other_id}"},
        fresh="other_id",
    ),
    ("GET", _LINKS): Row(own=_EVERYBODY, elsewhere=_SEE_ELSEWHERE),
    ("GET", f"{_LINKS}/<uuid:link_id>"): Row(own=_EVERYBODY, elsewhere=_SEE_ELSEWHERE),
    ("DELETE", f"{_LINKS}/<uuid:link_id>"): Row(
        own="204  204  204  403  204  403  403", elsewhere="204  204  404  403  204  403  403", fresh="link_id"
    ),
    ("PUT", f"{_TICKET}/parent"): Row(
        own=_DESK, elsewhere=_DESK_ELSEWHERE, body={"parent_id": "{other_id}"}, fresh="other_id"
    ),
    ("DELETE", f"{_TICKET}/parent"): Row(own=_DESK, elsewhere=_DESK_ELSEWHERE, fresh="ticket_id"),
    ("GET", f"{_TICKET}/children"): Row(own=_EVERYBODY, elsewhere=_SEE_ELSEWHERE),
    ("POST", f"{_TICKET}/resolve-with-incidents"): Row(own=_DESK, elsewhere=_DESK_ELSEWHERE, fresh="problem"),
    ("POST", f"{_TICKET}/merge"): Row(own=_DESK, elsewhere=_DESK_ELSEWHERE, body={"into": "{other_id}"}, fresh="pair"),
    ("POST", f"{_TICKET}/unmerge"): Row(own=_DESK, elsewhere=_DESK_ELSEWHERE, fresh="merged"),
    ("POST", f"{_TICKET}/split"): Row(
        own="201  201  201  403  201  403  403",
        elsewhere="201  201  404  403  201  403  403",
        body={"subject": "The other matter", "comment_ids": ["{comment_id}"]},
        fresh="comment_id",
    ),
    ("DELETE", _TICKET): Row(own=_ADMIN_MANAGER_GONE, elsewhere=_ADMIN_MANAGER_GONE, fresh="ticket_id"),
    ("GET", "/v1/deleted-tickets"): Row(own=_LEADERS),
    ("POST", f"{_TICKET}/restore"): Row(own=_LEADERS, elsewhere=_LEADERS, fresh="deleted"),
    ("POST", f"{_TICKET}/purge"): Row(own=_ADMIN_GONE, elsewhere=_ADMIN_GONE, fresh="deleted"),
    ("GET", f"{_TICKET}/presence"): Row(own=_DIRECTORY, elsewhere=_NO_REQUESTER_ELSEWHERE),
    ("PUT", f"{_TICKET}/presence"): Row(
        own=_DIRECTORY, elsewhere=_NO_REQUESTER_ELSEWHERE, body={"activity": "viewing"}
    ),
    ("POST", "/v1/organizations"): Row(own=_ADMIN_MADE, body={"name": "Subsidiary {n}"}),
    ("GET", "/v1/organizations"): Row(own=_NO_CUSTOM),
    ("GET", _ORGANIZATION): Row(own=_NO_CUSTOM),
    ("PATCH", _ORGANIZATION): Row(own=_ADMIN, body={"name": "Renamed {n}"}),
    ("POST", "/v1/users"): Row(own=_MADE, body={"email": "p{n}@example.com", "name": "P", "role": "agent"}),
    ("GET", "/v1/users"): Row(own=_DIRECTORY),
    ("GET", "/v1/users/<uuid:user_id>"): Row(own=_DIRECTORY),
    ("PATCH", "/v1/users/<uuid:user_id>"): Row(own=_LEADERS, body={"name": "Renamed {n}"}),
    ("POST", "/v1/teams"): Row(own=_MADE, body={"name": "Team no. {n}"}),
    ("GET", "/v1/teams"): Row(own=_DIRECTORY),
    ("GET", "/v1/teams/<uuid:team_id>"): Row(own=_DIRECTORY),
    ("PATCH", "/v1/teams/<uuid:team_id>"): Row(own=_LEADERS, body={"name": "Renamed {n}"}),
    ("GET", _ROUTING): Row(own=_DIRECTORY),
    ("PUT", _ROUTING): Row(own=_LEADERS, body={"strategy": "least_loaded"}),
    ("POST", f"{_ROUTING}/simulations"): Row(own=_LEADERS, body=ROUTING),
    ("GET", "/v1/users/<uuid:user_id>/skills"): Row(own=_DIRECTORY),
    ("PUT", "/v1/users/<uuid:user_id>/skills"): Row(own=_LEADERS, body={"skills": []}),
    ("GET", "/v1/services/<uuid:service_id>/skills"): Row(own=_EVERYBODY),
    ("PUT", "/v1/services/<uuid:service_id>/skills"): Row(own=_LEADERS, body={"skills": []}),
    ("POST", "/v1/absences"): Row(
        own="201  201  201  403  403  403  403", body={"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"}
    ),
    ("GET", "/v1/absences"): Row(own=_DIRECTORY),
    ("GET", _ABSENCE): Row(own=_DIRECTORY),
    ("DELETE", _ABSENCE): Row(own="204  204  204  403  403  403  403", fresh="absence_id"),
    ("POST", "/v1/duties"): Row(
        own=_MADE,
        body={
            "team_id": "{team_id}",
            "user_id": "{user_id}",
            "from": "2026-01-01T00:00:00Z",
            "to": "2026-01-02T00:00:00Z",
        },
        fresh="team_id",
    ),
    ("GET", "/v1/duties"): Row(own=_DIRECTORY),
    ("GET", "/v1/duties/<uuid:duty_id>"): Row(own=_DIRECTORY),
    ("DELETE", "/v1/duties/<uuid:duty_id>"): Row(own="204  204  403  403  403  403  403", fresh="duty_id"),
    ("POST", "/v1/services"): Row(own=_MADE, body={"name": "Service no. {n}"}),
    ("GET", "/v1/services"): Row(own=_EVERYBODY),
    ("GET", _SERVICE): Row(own=_EVERYBODY),
    ("PATCH", _SERVICE): Row(own=_LEADERS, body={"description": "Changed {n}"}),
    ("PUT", f"{_SERVICE}/incident"): Row(own=_WORKERS, body={"text": "Mail is late."}),
    ("DELETE", f"{_SERVICE}/incident"): Row(own="204  204  204  403  204  403  403"),
    ("GET", f"{_SERVICE}/form"): Row(own=_EVERYBODY),
    ("PUT", f"{_SERVICE}/form"): Row(own=_LEADERS, body={"fields": [SITE]}),
    ("GET", f"{_SERVICE}/form-versions"): Row(own=_EVERYBODY),
    ("POST", "/v1/ticket-states"): Row(own=_MADE, body={"name": "State no. {n}", "status": "on_hold"}),
    ("GET", "/v1/ticket-states"): Row(own=_EVERYBODY),
    ("GET", "/v1/ticket-states/<uuid:state_id>"): Row(own=_EVERYBODY),
    ("PATCH", "/v1/ticket-states/<uuid:state_id>"): Row(own=_LEADERS, body={"name": "Renamed {n}"}),
    ("POST", "/v1/assignments"): Row(
        own=_MADE, body={"service_id": "{service_id}", "user_id": "{user_id}"}, fresh="service_id"
    ),
    ("GET", "/v1/assignments"): Row(own=_DIRECTORY),
    ("GET", "/v1/assignments/<uuid:assignment_id>"): Row(own=_DIRECTORY),
    ("DELETE", "/v1/assignments/<uuid:assignment_id>"): Row(
        own="204  204  403  403  403  403  403", fresh="assignment_id"
    ),
    ("POST", "/v1/clients"): Row(own=_ADMIN_MADE, body={"name": "C", "role": "agent", "scopes": ["tickets:read"]}),
    ("GET", "/v1/clients"): Row(own=_ADMIN),
    ("GET", "/v1/clients/<uuid:client_id>"): Row(own=_ADMIN),
    ("PATCH", "/v1/clients/<uuid:client_id>"): Row(own=_ADMIN, body={"name": "Renamed {n}"}),
    ("POST", "/v1/roles"): Row(
        own=_ADMIN_MADE, body={"name": "Role no. {n}", "base_role": "agent", "permissions": ["ticket.read"]}
    ),
    ("GET", "/v1/roles"): Row(own="200  200  403  403  403  200  403"),
    ("GET", "/v1/roles/<uuid:role_id>"): Row(own="200  200  403  403  403  200  403"),
    ("PATCH", "/v1/roles/<uuid:role_id>"): Row(own=_ADMIN, body={"name": "Renamed {n}"}),
    ("DELETE", "/v1/roles/<uuid:role_id>"): Row(own=_ADMIN_GONE, fresh="role_id"),
    ("POST", "/v1/calendars"): Row(
        own=_MADE, body={"name": "Calendar no. {n}", "time_zone": "UTC", "always_open": True}
    ),
    ("GET", "/v1/calendars"): Row(own=_DIRECTORY),
    ("GET", _CALENDAR): Row(own=_DIRECTORY),
    ("PATCH", _CALENDAR): Row(own=_LEADERS, body={"name": "Renamed {n}"}),
    ("DELETE", _CALENDAR): Row(own="204  204  403  403  403  403  403", fresh="calendar_id"),
    ("GET", f"{_CALENDAR}/versions"): Row(own=_DIRECTORY),
    ("GET", f"{_CALENDAR}/holiday-changes"): Row(own=_DIRECTORY),
    ("POST", "/v1/sla-policies"): Row(own=_MADE, body={"name": "P", "resolution_seconds": 60}),
    ("GET", "/v1/sla-policies"): Row(own=_DIRECTORY),
    ("GET", "/v1/sla-policies/<uuid:policy_id>"): Row(own=_DIRECTORY),
    ("PATCH", "/v1/sla-policies/<uuid:policy_id>"): Row(own=_LEADERS, body={"name": "Renamed {n}"}),
    ("GET", "/v1/sla-policies/<uuid:policy_id>/versions"): Row(own=_DIRECTORY),
    ("POST", "/v1/sla-policies/<uuid:policy_id>/preview"): Row(own=_LEADERS, body={"resolution_seconds": 60}),
    ("POST", f"{_CALENDAR}/preview"): Row(own=_LEADERS, body={"name": "Renamed"}),
    ("POST", "/v1/sla-policies/match"): Row(own=_DIRECTORY, body={"service_id": "{service_id}"}),
    ("GET", "/v1/sla-rebases"): Row(own=_DIRECTORY),
    ("GET", "/v1/sla-rebases/<uuid:rebase_id>"): Row(own=_DIRECTORY),
    ("GET", "/v1/sla-reports/attainment"): Row(own=_DIRECTORY, query=f"{_SPAN}&by=team"),
    ("GET", "/v1/sla-reports/attainment/tickets"): Row(own=_DIRECTORY, query=f"{_SPAN}&by=team&figure=missed"),
    ("GET", "/v1/sla-reports/time-in-status"): Row(own=_DIRECTORY, query=f"{_SPAN}&by=team"),
    ("GET", "/v1/sla-reports/time-in-status/tickets"): Row(own=_DIRECTORY, query=f"{_SPAN}&by=team&status=new"),
    ("POST", "/v1/sla-simulations"): Row(own=_LEADERS, body=SIMULATION),
    ("POST", "/v1/automations"): Row(own=_MADE, body={"name": "Rule no. {n}", **RULE}),
    ("GET", "/v1/automations"): Row(own=_DIRECTORY),
    ("GET", "/v1/automations/<uuid:automation_id>"): Row(own=_DIRECTORY),
    ("PATCH", "/v1/automations/<uuid:automation_id>"): Row(own=_LEADERS, body={"name": "Renamed {n}"}),
    ("GET", "/v1/automations/<uuid:automation_id>/versions"): Row(own=_DIRECTORY),
    ("POST", "/v1/automations/preview"): Row(own=_LEADERS, body=RULE),
    ("GET", f"{_TICKET}/automations"): Row(own=_DIRECTORY, elsewhere=_NO_REQUESTER_ELSEWHERE),
    ("POST", "/v1/webhook-endpoints"): Row(own=_ADMIN_MADE, body={"url": "http://127.0.0.1:40009/{n}"}),
    ("GET", "/v1/webhook-endpoints"): Row(own=_ADMIN),
    ("GET", _ENDPOINT): Row(own=_ADMIN),
    ("PATCH", _ENDPOINT): Row(own=_ADMIN, body={"description": "Changed {n}"}),
    ("DELETE", _ENDPOINT): Row(own=_ADMIN_GONE, fresh="endpoint_id"),
    ("POST", f"{_ENDPOINT}/test"): Row(own=_ADMIN),
    ("POST", f"{_ENDPOINT}/rotate-secret"): Row(own=_ADMIN),
    ("GET", _DELIVERIES): Row(own=_ADMIN),
    ("GET", f"{_DELIVERIES}/<uuid:delivery_id>"): Row(own=_ADMIN),
    ("POST", f"{_DELIVERIES}/<uuid:delivery_id>/resend"): Row(own=_ADMIN),
    ("GET", _RUNS): Row(own=_READ_RUNS),
    ("GET", _RUN): Row(own=_READ_RUNS, elsewhere=" 200  200  404  403  200  200  403"),
    ("POST", f"{_RUN}/cancel"): Row(own=_LEADERS, elsewhere=_LEADERS, body={"reason": "Not needed."}, fresh="run_id"),
    ("POST", f"{_RUN}/retry"): Row(own=_LEADERS, elsewhere=_LEADERS, fresh="run_id"),
    ("GET", "/v1/logs"): Row(own="200  403  403  403  403  200  403"),
    ("GET", "/v1/logs/export"): Row(
        own="200  403  403  403  403  200  403", query="?from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z"
    ),
}

PUBLIC: dict[Route, int] = {
    ("POST", "/oauth/token"): 400,
    ("POST", "/oauth/revoke"): 400,
    ("GET", "/.well-known/oauth-authorization-server"): 200,
    ("GET", "/healthz"): 200,
    ("GET", "/readyz"): 200,
    ("GET", "/metrics"): 200,
    ("GET", "/openapi.json"): 200,
    ("GET", "/docs"): 200,
    ("GET", "/docs/<string:name>"): 404,
    ("GET", "/v1/logs/keys"): 200,
}
"""What anybody gets from a route that is open to all, asked for nothing in particular."""

QUESTIONS: set[Route] = {
    ("POST", "/v1/sla-policies/match"),
    ("POST", "/v1/sla-policies/<uuid:policy_id>/preview"),
    ("POST", "/v1/calendars/<uuid:calendar_id>/preview"),
    ("POST", "/v1/automations/preview"),
    ("POST", "/v1/teams/<uuid:team_id>/routing/simulations"),
    # A hint that is kept nowhere but in Redis.
    ("PUT", "/v1/tickets/<uuid:ticket_id>/presence"),
}
"""What is asked with a body, and changes nothing."""
