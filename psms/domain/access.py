"""Who may do what: roles, scopes, permissions and the actor of a request. Tokens are not read here."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from psms.errors import NotAllowed


class Role(StrEnum):
    """What somebody is in their organization."""

    ADMIN = "admin"
    MANAGER = "manager"
    AGENT = "agent"
    REQUESTER = "requester"
    INTEGRATION = "integration"
    AUDITOR = "auditor"


class Scope(StrEnum):
    """What a client may ask for on behalf of its role; a scope never adds a right."""

    TICKETS_READ = "tickets:read"
    TICKETS_WRITE = "tickets:write"
    COMMENTS_WRITE = "comments:write"
    SERVICES_READ = "services:read"
    SERVICES_WRITE = "services:write"
    USERS_READ = "users:read"
    USERS_WRITE = "users:write"
    CLIENTS_MANAGE = "clients:manage"
    SLA_MANAGE = "sla:manage"
    WEBHOOKS_MANAGE = "webhooks:manage"
    AUDIT_READ = "audit:read"
    ORGANIZATIONS_READ = "organizations:read"
    ORGANIZATIONS_WRITE = "organizations:write"
    # Founding an organization crosses the walls between tenants, so it is a scope of its own.
    ORGANIZATIONS_CREATE = "organizations:create"


class Permission(StrEnum):
    """One thing that a route lets its caller do."""

    TICKET_CREATE = "ticket.create"
    TICKET_READ = "ticket.read"
    TICKET_UPDATE = "ticket.update"
    TICKET_TRANSITION = "ticket.transition"
    COMMENT_READ = "comment.read"
    COMMENT_CREATE = "comment.create"
    COMMENT_INTERNAL = "comment.internal"
    SERVICE_READ = "service.read"
    SERVICE_MANAGE = "service.manage"
    USER_READ = "user.read"
    USER_MANAGE = "user.manage"
    CLIENT_MANAGE = "client.manage"
    SLA_READ = "sla.read"
    SLA_MANAGE = "sla.manage"
    WEBHOOK_MANAGE = "webhook.manage"
    LOG_READ = "log.read"
    LOG_EXPORT = "log.export"
    ORGANIZATION_READ = "organization.read"
    ORGANIZATION_UPDATE = "organization.update"
    ORGANIZATION_CREATE = "organization.create"


_EVERYONE = frozenset(Role)
_STAFF = frozenset({Role.ADMIN, Role.MANAGER, Role.AGENT, Role.INTEGRATION})
_READERS = _STAFF | {Role.AUDITOR}
_LEADERS = frozenset({Role.ADMIN, Role.MANAGER})
_ADMIN = frozenset({Role.ADMIN})

POLICY: dict[Permission, tuple[Scope, frozenset[Role]]] = {
    Permission.TICKET_CREATE: (Scope.TICKETS_WRITE, _STAFF | {Role.REQUESTER}),
    Permission.TICKET_READ: (Scope.TICKETS_READ, _EVERYONE),
    Permission.TICKET_UPDATE: (Scope.TICKETS_WRITE, _STAFF),
    Permission.TICKET_TRANSITION: (Scope.TICKETS_WRITE, _STAFF),
    Permission.COMMENT_READ: (Scope.TICKETS_READ, _EVERYONE),
    Permission.COMMENT_CREATE: (Scope.COMMENTS_WRITE, _STAFF | {Role.REQUESTER}),
    Permission.COMMENT_INTERNAL: (Scope.COMMENTS_WRITE, _STAFF),
    Permission.SERVICE_READ: (Scope.SERVICES_READ, _EVERYONE),
    Permission.SERVICE_MANAGE: (Scope.SERVICES_WRITE, _LEADERS),
    Permission.USER_READ: (Scope.USERS_READ, _READERS),
    Permission.USER_MANAGE: (Scope.USERS_WRITE, _LEADERS),
    Permission.CLIENT_MANAGE: (Scope.CLIENTS_MANAGE, _ADMIN),
    Permission.SLA_READ: (Scope.TICKETS_READ, _READERS),
    Permission.SLA_MANAGE: (Scope.SLA_MANAGE, _LEADERS),
    Permission.WEBHOOK_MANAGE: (Scope.WEBHOOKS_MANAGE, _ADMIN),
    Permission.LOG_READ: (Scope.AUDIT_READ, _ADMIN | {Role.AUDITOR}),
    Permission.LOG_EXPORT: (Scope.AUDIT_READ, _ADMIN | {Role.AUDITOR}),
    Permission.ORGANIZATION_READ: (Scope.ORGANIZATIONS_READ, _EVERYONE),
    Permission.ORGANIZATION_UPDATE: (Scope.ORGANIZATIONS_WRITE, _ADMIN),
    Permission.ORGANIZATION_CREATE: (Scope.ORGANIZATIONS_CREATE, _ADMIN),
}

# Who may read what was said between those who work on a ticket, and not to its requester.
_READS_INTERNAL = _READERS


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """The authenticated caller of one request: a client, its service user, and what it may do."""

    organization_id: UUID
    user_id: UUID
    client_id: UUID
    role: Role
    scopes: frozenset[str]
    request_id: str = ""
    address: str | None = None

    def may(self, permission: Permission) -> bool:
        """Tell whether both the role and the scopes include *permission*."""
        scope, roles = POLICY[permission]
        return self.role in roles and scope in self.scopes

    @property
    def sees_only_own_tickets(self) -> bool:
        """Tell whether this caller sees only tickets that they requested."""
        return self.role is Role.REQUESTER

    @property
    def works_on_tickets(self) -> bool:
        """Tell whether this caller answers requesters, so that a public reply of theirs is a response."""
        return self.role in _STAFF

    @property
    def reads_internal_comments(self) -> bool:
        """Tell whether this caller reads comments that are not for the requester."""
        return self.role in _READS_INTERNAL


def require(actor: Actor, permission: Permission) -> None:
    """Raise NotAllowed, naming what is missing, unless *actor* has *permission*."""
    if actor.may(permission):
        return
    scope, roles = POLICY[permission]
    if actor.role not in roles:
        message = f"The role {actor.role} does not include {permission}."
    else:
        message = f"The access token lacks the scope {scope}."
    raise NotAllowed(message, permission=permission.value)


def grantable(actor: Actor, role: Role, scopes: frozenset[str]) -> None:
    """Raise NotAllowed if *actor* would grant a client more than it has itself."""
    beyond = sorted(scopes - actor.scopes)
    if beyond:
        message = f"You cannot grant scopes that you do not have: {', '.join(beyond)}."
        raise NotAllowed(message)
    if role is Role.ADMIN and actor.role is not Role.ADMIN:
        message = "Only an admin can make an admin."
        raise NotAllowed(message)
