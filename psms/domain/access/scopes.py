"""The OAuth scopes. A scope never adds a right: it says which of its role's rights a token may use."""

from enum import StrEnum


class Scope(StrEnum):
    """What a client may ask for on behalf of its role."""

    TICKETS_READ = "tickets:read"
    TICKETS_WRITE = "tickets:write"
    COMMENTS_WRITE = "comments:write"
    SERVICES_READ = "services:read"
    SERVICES_WRITE = "services:write"
    USERS_READ = "users:read"
    USERS_WRITE = "users:write"
    ROLES_MANAGE = "roles:manage"
    CLIENTS_MANAGE = "clients:manage"
    SLA_MANAGE = "sla:manage"
    WEBHOOKS_MANAGE = "webhooks:manage"
    AUDIT_READ = "audit:read"
    ORGANIZATIONS_READ = "organizations:read"
    ORGANIZATIONS_WRITE = "organizations:write"
    # Founding an organization crosses the walls between tenants, so it is a scope of its own.
    ORGANIZATIONS_CREATE = "organizations:create"
