"""Who may give which rights to whom: nobody gives more than they have. Rights themselves are in `matrix`."""

from psms.domain.access.actor import Actor, require
from psms.domain.access.matrix import MATRIX, Condition, Reach, permissions_of
from psms.domain.access.permissions import Permission
from psms.domain.access.roles import HeldRole, Role
from psms.errors import FieldError, NotAllowed

# By scope is all, once the scope is there.
_RANK = {Reach.NONE: 0, Reach.OWN: 1, Reach.TEAM: 2, Reach.SCOPE: 3, Reach.ALL: 3}
_ASSIGNED_BY_MANAGERS = frozenset({Role.AGENT, Role.REQUESTER})


def require_assignable(actor: Actor, held: HeldRole) -> None:
    """Raise NotAllowed unless *actor* may give a person this role, or take it away."""
    require(actor, Permission.ROLE_ASSIGN)
    condition = MATRIX[Permission.ROLE_ASSIGN].conditions[actor.role]
    if condition is Condition.AGENTS_AND_REQUESTERS and held.role not in _ASSIGNED_BY_MANAGERS:
        message = f"A {actor.role} gives and takes the roles agent and requester only, not {held.role}."
        raise NotAllowed(message, permission=Permission.ROLE_ASSIGN.value)
    _refuse_more(actor, held, Permission.ROLE_ASSIGN)


def require_changeable(actor: Actor, held: HeldRole) -> None:
    """Raise NotAllowed when *actor* would change an admin who may do more than they."""
    if held.role is Role.ADMIN:
        _refuse_more(actor, held, Permission.USER_MANAGE)


def require_grantable(actor: Actor, held: HeldRole, scopes: frozenset[str]) -> None:
    """Raise NotAllowed if *actor* would give a client more than they have themselves."""
    beyond = sorted(scopes - actor.scopes)
    if beyond:
        message = f"You cannot grant scopes that you do not have: {', '.join(beyond)}."
        raise NotAllowed(message, permission=Permission.CLIENT_MANAGE.value)
    _refuse_more(actor, held, Permission.CLIENT_MANAGE)


def require_makeable(actor: Actor, base_role: Role, permissions: frozenset[str]) -> None:
    """Raise unless *actor* may make a role of *base_role* that keeps *permissions*.

    Raises FieldError for what the base role does not include, and NotAllowed for what the maker has not, be it
    for want of a scope.
    """
    foreign = sorted(permissions - permissions_of(base_role))
    if foreign:
        raise FieldError("permissions", f"the role {base_role} does not include {', '.join(foreign)}")
    missing = sorted(p for p in map(Permission, permissions) if not actor.may(p))
    if missing:
        message = f"You cannot put into a role what you may not do: {', '.join(missing)}."
        raise NotAllowed(message, permission=Permission.ROLE_MANAGE.value)
    _refuse_more(actor, HeldRole(role=base_role, kept=permissions), Permission.ROLE_MANAGE)


def _refuse_more(actor: Actor, held: HeldRole, tried: Permission) -> None:
    more = [permission for permission in MATRIX if _RANK[_reach(held, permission)] > _RANK[actor.reach(permission)]]
    if more:
        message = f"This role may do more than yours: {', '.join(more)}."
        raise NotAllowed(message, permission=tried.value)


def _reach(held: HeldRole, permission: Permission) -> Reach:
    if held.kept is not None and permission not in held.kept:
        return Reach.NONE
    return MATRIX[permission].reach[held.role]
