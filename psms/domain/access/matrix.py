"""The permission matrix, as data: how far each role's permission reaches, and on which condition.

What a reach means for the rows of tickets is in `psms.db.queries.visibility`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from psms.domain.access.permissions import Permission
from psms.domain.access.roles import Role
from psms.domain.access.scopes import Scope


class Reach(StrEnum):
    """On which of the organization's things a role may use a permission."""

    NONE = "none"
    OWN = "own"
    TEAM = "team"
    SCOPE = "by scope"
    ALL = "all"


class Condition(StrEnum):
    """What else must hold, in words that follow the reach."""

    WHILE_NEW = "while it is new, subject and description"
    CLOSE_OR_REOPEN = "close, reopen, and cancel a request not begun"
    FOR_ONESELF = "for oneself"
    LIMITED_FIELDS = "limited fields"
    AS_REQUESTER = "as its requester"
    NO_ADMINS = "no admins"
    AGENTS_AND_REQUESTERS = "agent and requester"
    NOT_ABOVE_ONESELF = "never above oneself"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One row of the matrix.

    *step_up* asks a person in a browser to prove anew who they are; it does not bind a client, which proves
    it with every token.
    """

    scope: Scope
    reach: Mapping[Role, Reach]
    conditions: Mapping[Role, Condition]
    step_up: bool


ORDER = (Role.ADMIN, Role.MANAGER, Role.AGENT, Role.REQUESTER, Role.INTEGRATION, Role.AUDITOR)
"""The columns, as every row below has them."""

_LETTERS = {"A": Reach.ALL, "T": Reach.TEAM, "O": Reach.OWN, "S": Reach.SCOPE, "-": Reach.NONE}


def _row(
    scope: Scope, letters: str, conditions: Mapping[Role, Condition] | None = None, *, step_up: bool = False
) -> Rule:
    reach = dict(zip(ORDER, map(_LETTERS.__getitem__, letters.split()), strict=True))
    return Rule(scope=scope, reach=reach, conditions=conditions or {}, step_up=step_up)


# A all of the organization, T own teams, O own, S all, by the scopes that the organization gave the client, - none.
MATRIX: Mapping[Permission, Rule] = {
    Permission.TICKET_CREATE: _row(Scope.TICKETS_WRITE, "A A A O S -", {Role.REQUESTER: Condition.FOR_ONESELF}),
    Permission.TICKET_READ: _row(Scope.TICKETS_READ, "A A T O S A", {Role.REQUESTER: Condition.LIMITED_FIELDS}),
    Permission.TICKET_UPDATE: _row(Scope.TICKETS_WRITE, "A A T O S -", {Role.REQUESTER: Condition.WHILE_NEW}),
    Permission.TICKET_TRANSITION: _row(Scope.TICKETS_WRITE, "A A T O S -", {Role.REQUESTER: Condition.CLOSE_OR_REOPEN}),
    Permission.TICKET_ASSIGN: _row(Scope.TICKETS_WRITE, "A A T - S -"),
    Permission.TICKET_PRIORITY: _row(Scope.TICKETS_WRITE, "A A T - S -"),
    Permission.TICKET_WATCH: _row(Scope.TICKETS_WRITE, "A A T O S -", {Role.REQUESTER: Condition.FOR_ONESELF}),
    Permission.TICKET_LINK: _row(Scope.TICKETS_WRITE, "A A T - S -"),
    Permission.TICKET_MERGE: _row(Scope.TICKETS_WRITE, "A A T - S -"),
    Permission.TICKET_DELETE: _row(Scope.TICKETS_WRITE, "A A - - - -"),
    Permission.TICKET_PURGE: _row(Scope.TICKETS_WRITE, "A - - - - -"),
    Permission.APPROVAL_REQUEST: _row(Scope.TICKETS_WRITE, "A A T - S -"),
    Permission.CHANGE_PLAN: _row(Scope.TICKETS_WRITE, "A A T - S -"),
    Permission.APPROVAL_VOTE: _row(Scope.TICKETS_WRITE, "O O O O O -"),
    Permission.COMMENT_READ: _row(Scope.TICKETS_READ, "A A T O S A"),
    Permission.COMMENT_CREATE: _row(Scope.COMMENTS_WRITE, "A A T O S -"),
    Permission.COMMENT_INTERNAL_READ: _row(Scope.TICKETS_READ, "A A T - S A"),
    Permission.COMMENT_INTERNAL_CREATE: _row(Scope.COMMENTS_WRITE, "A A T - S -"),
    Permission.TICKET_RATE: _row(
        Scope.TICKETS_WRITE,
        "A A T O S -",
        dict.fromkeys((Role.ADMIN, Role.MANAGER, Role.AGENT, Role.INTEGRATION), Condition.AS_REQUESTER),
    ),
    Permission.SATISFACTION_READ: _row(Scope.TICKETS_READ, "A A T - S A"),
    Permission.MACRO_USE: _row(Scope.TICKETS_WRITE, "A A A - S -"),
    Permission.MACRO_MANAGE: _row(Scope.TICKETS_WRITE, "A A - - - -"),
    Permission.TIME_READ: _row(Scope.TICKETS_READ, "A A T - S A"),
    Permission.TIME_CREATE: _row(Scope.TICKETS_WRITE, "A A T - S -"),
    Permission.TIME_MANAGE: _row(Scope.TICKETS_WRITE, "A A - - - -"),
    Permission.SERVICE_READ: _row(Scope.SERVICES_READ, "A A A A S A"),
    Permission.SERVICE_MANAGE: _row(Scope.SERVICES_WRITE, "A A - - - -"),
    Permission.SERVICE_ANNOUNCE: _row(Scope.SERVICES_WRITE, "A A A - S -"),
    Permission.ASSIGNMENT_READ: _row(Scope.SERVICES_READ, "A A A - S A"),
    Permission.ASSIGNMENT_MANAGE: _row(Scope.SERVICES_WRITE, "A A - - - -"),
    Permission.USER_READ: _row(Scope.USERS_READ, "A A A - S A", {Role.AGENT: Condition.LIMITED_FIELDS}),
    Permission.USER_MANAGE: _row(Scope.USERS_WRITE, "A A - - - -", {Role.MANAGER: Condition.NO_ADMINS}),
    Permission.TEAM_READ: _row(Scope.USERS_READ, "A A A - S A"),
    Permission.TEAM_MANAGE: _row(Scope.USERS_WRITE, "A A - - - -"),
    Permission.ABSENCE_MANAGE: _row(Scope.USERS_WRITE, "A A O - - -", {Role.AGENT: Condition.FOR_ONESELF}),
    Permission.ROLE_READ: _row(Scope.USERS_READ, "A A - - - A"),
    Permission.ROLE_ASSIGN: _row(
        Scope.USERS_WRITE,
        "A A - - - -",
        {Role.ADMIN: Condition.NOT_ABOVE_ONESELF, Role.MANAGER: Condition.AGENTS_AND_REQUESTERS},
        step_up=True,
    ),
    Permission.ROLE_MANAGE: _row(
        Scope.ROLES_MANAGE, "A - - - - -", {Role.ADMIN: Condition.NOT_ABOVE_ONESELF}, step_up=True
    ),
    Permission.CLIENT_MANAGE: _row(
        Scope.CLIENTS_MANAGE, "A - - - - -", {Role.ADMIN: Condition.NOT_ABOVE_ONESELF}, step_up=True
    ),
    Permission.SLA_READ: _row(Scope.TICKETS_READ, "A A A - S A"),
    Permission.SLA_MANAGE: _row(Scope.SLA_MANAGE, "A A - - - -"),
    Permission.SLA_VOID: _row(Scope.SLA_MANAGE, "A - - - - -"),
    Permission.AUTOMATION_READ: _row(Scope.TICKETS_READ, "A A A - S A"),
    Permission.AUTOMATION_MANAGE: _row(Scope.SERVICES_WRITE, "A A - - - -"),
    Permission.RUN_READ: _row(Scope.TICKETS_READ, "A A T - S A"),
    Permission.RUN_MANAGE: _row(Scope.TICKETS_WRITE, "A A - - - -"),
    Permission.WEBHOOK_MANAGE: _row(Scope.WEBHOOKS_MANAGE, "A - - - - -", step_up=True),
    Permission.LOG_READ: _row(Scope.AUDIT_READ, "A - - - - A"),
    Permission.LOG_EXPORT: _row(Scope.AUDIT_READ, "A - - - - A"),
    Permission.ORGANIZATION_READ: _row(Scope.ORGANIZATIONS_READ, "A A A A S A"),
    Permission.ORGANIZATION_UPDATE: _row(Scope.ORGANIZATIONS_WRITE, "A - - - - -", step_up=True),
    Permission.ORGANIZATION_CREATE: _row(Scope.ORGANIZATIONS_CREATE, "A - - - - -", step_up=True),
}


def permissions_of(role: Role) -> frozenset[Permission]:
    """Return what one of the six roles may do at all."""
    return frozenset(permission for permission, rule in MATRIX.items() if rule.reach[role] is not Reach.NONE)
