"""What the rows of the matrix of access are made of: roles, columns, addresses and bodies. The rows: `matrix`."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
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

YESTERDAY = (datetime.now(UTC) - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
REPLAY = {"mode": "failed", "since": YESTERDAY}
"""What a replay may be asked for, which reaches back some days only."""

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


TICKET = "/v1/tickets/<uuid:ticket_id>"
COMMENTS = f"{TICKET}/comments"
WATCHERS = f"{TICKET}/watchers"
LINKS = f"{TICKET}/links"
ORGANIZATION = "/v1/organizations/<uuid:organization_id>"
ENDPOINT = "/v1/webhook-endpoints/<uuid:endpoint_id>"
CALENDAR = "/v1/calendars/<uuid:calendar_id>"
SERVICE = "/v1/services/<uuid:service_id>"
ROUTING_PATH = "/v1/teams/<uuid:team_id>/routing"
ABSENCE = "/v1/absences/<uuid:absence_id>"
APPROVAL = "/v1/approvals/<uuid:approval_id>"
VOTERS = "200  200  200  200  200  403  403"
AWAY = {"from": "2126-01-01T00:00:00Z", "to": "2126-01-02T00:00:00Z"}
SPAN = "?from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z"
DELIVERIES = f"{ENDPOINT}/deliveries"
REPLAYS = f"{ENDPOINT}/replays"
RUNS = "/v1/workflow-runs"
RUN = f"{RUNS}/<uuid:run_id>"

# The order of the columns:
#                 admin mana agen requ inte audi cust
EVERYBODY = "     200  200  200  200  200  200  200"
SEE_ELSEWHERE = " 200  200  404  404  200  200  404"
CHANGE = "        200  200  200  200  200  403  403"
NOT_ELSEWHERE = " 200  200  404  404  200  403  403"
DESK = "          200  200  200  403  200  403  403"
DESK_ELSEWHERE = "200  200  404  403  200  403  403"
NO_CUSTOM = "     200  200  200  200  200  200  403"
DIRECTORY = "     200  200  200  403  200  200  403"
WORKERS = "       200  200  200  403  200  403  403"
READ_RUNS = "     200  200  200  403  200  200  403"
NO_REQUESTER_ELSEWHERE = "200  200  404  403  200  200  403"
LEADERS = "       200  200  403  403  403  403  403"
MADE = "          201  201  403  403  403  403  403"
ADMIN = "         200  403  403  403  403  403  403"
ADMIN_ELSEWHERE = " 404  403  403  403  403  403  403"
ADMIN_MADE = "    201  403  403  403  403  403  403"
ADMIN_MANAGER_GONE = "204  204  403  403  403  403  403"
ADMIN_GONE = "    204  403  403  403  403  403  403"
TIME = "          200  200  200  403  200  200  403"
TIME_ELSEWHERE = "200  200  404  403  200  200  403"
TIME_WRITE = "    200  200  200  403  200  403  403"
TIME_MADE = "     201  201  201  403  201  403  403"
