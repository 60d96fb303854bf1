"""The actor of a request, and the one question that every route and workflow asks about it. No rules here."""

from dataclasses import dataclass
from uuid import UUID

from psms.domain.access.matrix import MATRIX, Reach
from psms.domain.access.permissions import Permission
from psms.domain.access.roles import Role
from psms.errors import NotAllowed

STAFF = frozenset({Role.ADMIN, Role.MANAGER, Role.AGENT, Role.INTEGRATION})
"""Who answers requesters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """The authenticated caller of one request: a client, its service user, and what it may do.

    *kept* is what a custom role keeps of the permissions of *role*; None for one of the six roles.
    """

    organization_id: UUID
    user_id: UUID
    client_id: UUID
    role: Role
    scopes: frozenset[str]
    request_id: str = ""
    kept: frozenset[str] | None = None
    address: str | None = None

    def may(self, permission: Permission) -> bool:
        """Tell whether both the role and the scopes include *permission*."""
        return self.reach(permission) is not Reach.NONE and MATRIX[permission].scope in self.scopes

    def reach(self, permission: Permission) -> Reach:
        """Return on which things the role includes *permission*, whatever the scopes."""
        if self.kept is not None and permission not in self.kept:
            return Reach.NONE
        return MATRIX[permission].reach[self.role]

    @property
    def is_requester(self) -> bool:
        """Tell whether this caller asks for service, and is shown what is for those who ask."""
        return self.role is Role.REQUESTER

    @property
    def works_on_tickets(self) -> bool:
        """Tell whether this caller answers requesters, so that a public reply of theirs is a response."""
        return self.role in STAFF

    @property
    def reads_internal_comments(self) -> bool:
        """Tell whether this caller reads comments that are not for the requester."""
        return self.may(Permission.COMMENT_INTERNAL_READ)


def require(actor: Actor, permission: Permission) -> None:
    """Raise NotAllowed, naming what is missing, unless *actor* has *permission*."""
    if actor.may(permission):
        return
    if actor.reach(permission) is not Reach.NONE:
        message = f"The access token lacks the scope {MATRIX[permission].scope}."
    elif actor.kept is None:
        message = f"The role {actor.role} does not include {permission}."
    else:
        message = f"Your role, a narrower form of {actor.role}, does not include {permission}."
    raise NotAllowed(message, permission=permission.value)
