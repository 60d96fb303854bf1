"""The resources of the API, in the order of its documentation; each has its schemas above its views."""

from api.resources import (
    assignments,
    calendars,
    clients,
    comments,
    docs,
    health,
    logs,
    oauth,
    organizations,
    roles,
    services,
    sla_policies,
    teams,
    ticket_sla,
    tickets,
    users,
    webhook_deliveries,
    webhook_endpoints,
)
from api.smorest import Blueprint

BLUEPRINTS: tuple[Blueprint, ...] = (
    oauth.blp,
    tickets.blp,
    comments.blp,
    organizations.blp,
    users.blp,
    teams.blp,
    services.blp,
    assignments.blp,
    clients.blp,
    roles.blp,
    calendars.blp,
    sla_policies.blp,
    ticket_sla.blp,
    webhook_endpoints.blp,
    webhook_deliveries.blp,
    logs.blp,
    health.blp,
    docs.blp,
)
