"""What each role gets from each route, written down by hand. How it is tried is in `test_matrix`.

It does not ask the code's own matrix: two that were made from one another would agree on every mistake.
"""

from tests.api.matrix_rows import (
    ABSENCE,
    ADMIN,
    ADMIN_GONE,
    ADMIN_MADE,
    CALENDAR,
    DELIVERIES,
    DIRECTORY,
    ENDPOINT,
    EVERYBODY,
    LEADERS,
    MADE,
    NO_CUSTOM,
    ORGANIZATION,
    ROUTING,
    ROUTING_PATH,
    RULE,
    SERVICE,
    SIMULATION,
    SITE,
    SPAN,
    WORKERS,
    Route,
    Row,
)
from tests.api.matrix_tickets import TICKETS

EXPECT: dict[Route, Row] = TICKETS | {
    ("POST", "/v1/organizations"): Row(own=ADMIN_MADE, body={"name": "Subsidiary {n}"}),
    ("GET", "/v1/organizations"): Row(own=NO_CUSTOM),
    ("GET", ORGANIZATION): Row(own=NO_CUSTOM),
    ("PATCH", ORGANIZATION): Row(own=ADMIN, body={"name": "Renamed {n}"}),
    ("POST", "/v1/users"): Row(own=MADE, body={"email": "p{n}@example.com", "name": "P", "role": "agent"}),
    ("GET", "/v1/users"): Row(own=DIRECTORY),
    ("GET", "/v1/users/<uuid:user_id>"): Row(own=DIRECTORY),
    ("PATCH", "/v1/users/<uuid:user_id>"): Row(own=LEADERS, body={"name": "Renamed {n}"}),
    ("POST", "/v1/teams"): Row(own=MADE, body={"name": "Team no. {n}"}),
    ("GET", "/v1/teams"): Row(own=DIRECTORY),
    ("GET", "/v1/teams/<uuid:team_id>"): Row(own=DIRECTORY),
    ("PATCH", "/v1/teams/<uuid:team_id>"): Row(own=LEADERS, body={"name": "Renamed {n}"}),
    ("GET", ROUTING_PATH): Row(own=DIRECTORY),
    ("PUT", ROUTING_PATH): Row(own=LEADERS, body={"strategy": "least_loaded"}),
    ("POST", f"{ROUTING_PATH}/simulations"): Row(own=LEADERS, body=ROUTING),
    ("GET", "/v1/users/<uuid:user_id>/skills"): Row(own=DIRECTORY),
    ("PUT", "/v1/users/<uuid:user_id>/skills"): Row(own=LEADERS, body={"skills": []}),
    ("GET", "/v1/services/<uuid:service_id>/skills"): Row(own=EVERYBODY),
    ("PUT", "/v1/services/<uuid:service_id>/skills"): Row(own=LEADERS, body={"skills": []}),
    ("POST", "/v1/absences"): Row(
        own="201  201  201  403  403  403  403", body={"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"}
    ),
    ("GET", "/v1/absences"): Row(own=DIRECTORY),
    ("GET", ABSENCE): Row(own=DIRECTORY),
    ("DELETE", ABSENCE): Row(own="204  204  204  403  403  403  403", fresh="absence_id"),
    ("POST", "/v1/duties"): Row(
        own=MADE,
        body={
            "team_id": "{team_id}",
            "user_id": "{user_id}",
            "from": "2026-01-01T00:00:00Z",
            "to": "2026-01-02T00:00:00Z",
        },
        fresh="team_id",
    ),
    ("GET", "/v1/duties"): Row(own=DIRECTORY),
    ("GET", "/v1/duties/<uuid:duty_id>"): Row(own=DIRECTORY),
    ("DELETE", "/v1/duties/<uuid:duty_id>"): Row(own="204  204  403  403  403  403  403", fresh="duty_id"),
    ("POST", "/v1/services"): Row(own=MADE, body={"name": "Service no. {n}"}),
    ("GET", "/v1/services"): Row(own=EVERYBODY),
    ("GET", SERVICE): Row(own=EVERYBODY),
    ("PATCH", SERVICE): Row(own=LEADERS, body={"description": "Changed {n}"}),
    ("PUT", f"{SERVICE}/incident"): Row(own=WORKERS, body={"text": "Mail is late."}),
    ("DELETE", f"{SERVICE}/incident"): Row(own="204  204  204  403  204  403  403"),
    ("GET", f"{SERVICE}/form"): Row(own=EVERYBODY),
    ("PUT", f"{SERVICE}/form"): Row(own=LEADERS, body={"fields": [SITE]}),
    ("GET", f"{SERVICE}/form-versions"): Row(own=EVERYBODY),
    ("POST", "/v1/ticket-states"): Row(own=MADE, body={"name": "State no. {n}", "status": "on_hold"}),
    ("GET", "/v1/ticket-states"): Row(own=EVERYBODY),
    ("GET", "/v1/ticket-states/<uuid:state_id>"): Row(own=EVERYBODY),
    ("PATCH", "/v1/ticket-states/<uuid:state_id>"): Row(own=LEADERS, body={"name": "Renamed {n}"}),
    ("POST", "/v1/assignments"): Row(
        own=MADE, body={"service_id": "{service_id}", "user_id": "{user_id}"}, fresh="service_id"
    ),
    ("GET", "/v1/assignments"): Row(own=DIRECTORY),
    ("GET", "/v1/assignments/<uuid:assignment_id>"): Row(own=DIRECTORY),
    ("DELETE", "/v1/assignments/<uuid:assignment_id>"): Row(
        own="204  204  403  403  403  403  403", fresh="assignment_id"
    ),
    ("POST", "/v1/clients"): Row(own=ADMIN_MADE, body={"name": "C", "role": "agent", "scopes": ["tickets:read"]}),
    ("GET", "/v1/clients"): Row(own=ADMIN),
    ("GET", "/v1/clients/<uuid:client_id>"): Row(own=ADMIN),
    ("PATCH", "/v1/clients/<uuid:client_id>"): Row(own=ADMIN, body={"name": "Renamed {n}"}),
    ("POST", "/v1/roles"): Row(
        own=ADMIN_MADE, body={"name": "Role no. {n}", "base_role": "agent", "permissions": ["ticket.read"]}
    ),
    ("GET", "/v1/roles"): Row(own="200  200  403  403  403  200  403"),
    ("GET", "/v1/roles/<uuid:role_id>"): Row(own="200  200  403  403  403  200  403"),
    ("PATCH", "/v1/roles/<uuid:role_id>"): Row(own=ADMIN, body={"name": "Renamed {n}"}),
    ("DELETE", "/v1/roles/<uuid:role_id>"): Row(own=ADMIN_GONE, fresh="role_id"),
    ("POST", "/v1/calendars"): Row(
        own=MADE, body={"name": "Calendar no. {n}", "time_zone": "UTC", "always_open": True}
    ),
    ("GET", "/v1/calendars"): Row(own=DIRECTORY),
    ("GET", CALENDAR): Row(own=DIRECTORY),
    ("PATCH", CALENDAR): Row(own=LEADERS, body={"name": "Renamed {n}"}),
    ("DELETE", CALENDAR): Row(own="204  204  403  403  403  403  403", fresh="calendar_id"),
    ("GET", f"{CALENDAR}/versions"): Row(own=DIRECTORY),
    ("GET", f"{CALENDAR}/holiday-changes"): Row(own=DIRECTORY),
    ("POST", "/v1/sla-policies"): Row(own=MADE, body={"name": "P", "resolution_seconds": 60}),
    ("GET", "/v1/sla-policies"): Row(own=DIRECTORY),
    ("GET", "/v1/sla-policies/<uuid:policy_id>"): Row(own=DIRECTORY),
    ("PATCH", "/v1/sla-policies/<uuid:policy_id>"): Row(own=LEADERS, body={"name": "Renamed {n}"}),
    ("GET", "/v1/sla-policies/<uuid:policy_id>/versions"): Row(own=DIRECTORY),
    ("POST", "/v1/sla-policies/<uuid:policy_id>/preview"): Row(own=LEADERS, body={"resolution_seconds": 60}),
    ("POST", f"{CALENDAR}/preview"): Row(own=LEADERS, body={"name": "Renamed"}),
    ("POST", "/v1/sla-policies/match"): Row(own=DIRECTORY, body={"service_id": "{service_id}"}),
    ("GET", "/v1/sla-rebases"): Row(own=DIRECTORY),
    ("GET", "/v1/sla-rebases/<uuid:rebase_id>"): Row(own=DIRECTORY),
    ("GET", "/v1/sla-reports/attainment"): Row(own=DIRECTORY, query=f"{SPAN}&by=team"),
    ("GET", "/v1/sla-reports/attainment/tickets"): Row(own=DIRECTORY, query=f"{SPAN}&by=team&figure=missed"),
    ("GET", "/v1/sla-reports/time-in-status"): Row(own=DIRECTORY, query=f"{SPAN}&by=team"),
    ("GET", "/v1/sla-reports/time-in-status/tickets"): Row(own=DIRECTORY, query=f"{SPAN}&by=team&status=new"),
    ("POST", "/v1/sla-simulations"): Row(own=LEADERS, body=SIMULATION),
    ("POST", "/v1/automations"): Row(own=MADE, body={"name": "Rule no. {n}", **RULE}),
    ("GET", "/v1/automations"): Row(own=DIRECTORY),
    ("GET", "/v1/automations/<uuid:automation_id>"): Row(own=DIRECTORY),
    ("PATCH", "/v1/automations/<uuid:automation_id>"): Row(own=LEADERS, body={"name": "Renamed {n}"}),
    ("GET", "/v1/automations/<uuid:automation_id>/versions"): Row(own=DIRECTORY),
    ("POST", "/v1/automations/preview"): Row(own=LEADERS, body=RULE),
    ("POST", "/v1/webhook-endpoints"): Row(own=ADMIN_MADE, body={"url": "http://127.0.0.1:40009/{n}"}),
    ("GET", "/v1/webhook-endpoints"): Row(own=ADMIN),
    ("GET", ENDPOINT): Row(own=ADMIN),
    ("PATCH", ENDPOINT): Row(own=ADMIN, body={"description": "Changed {n}"}),
    ("DELETE", ENDPOINT): Row(own=ADMIN_GONE, fresh="endpoint_id"),
    ("POST", f"{ENDPOINT}/test"): Row(own=ADMIN),
    ("POST", f"{ENDPOINT}/rotate-secret"): Row(own=ADMIN),
    ("GET", DELIVERIES): Row(own=ADMIN),
    ("GET", f"{DELIVERIES}/<uuid:delivery_id>"): Row(own=ADMIN),
    ("POST", f"{DELIVERIES}/<uuid:delivery_id>/resend"): Row(own=ADMIN),
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
