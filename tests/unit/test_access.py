"""Effective right = role and scope; nobody grants more than they have."""

from uuid import UUID

import pytest

from psms.domain.access import POLICY, Actor, Permission, Role, Scope, grantable, require
from psms.errors import NotAllowed

ID = UUID(int=1)


def actor(role: Role, *scopes: Scope) -> Actor:
    """Return a caller of *role* whose token has *scopes*."""
    return Actor(organization_id=ID, user_id=ID, client_id=ID, role=role, scopes=frozenset(scopes))


def test_every_permission_has_a_scope_and_a_role() -> None:
    assert set(POLICY) == set(Permission)
    assert {scope for scope, _ in POLICY.values()} == set(Scope)
    assert all(roles for _, roles in POLICY.values())


@pytest.mark.parametrize("permission", Permission)
@pytest.mark.parametrize("role", Role)
def test_role_and_scope_are_both_needed(permission: Permission, role: Role) -> None:
    scope, roles = POLICY[permission]
    others = [other for other in Scope if other is not scope]

    assert actor(role, scope).may(permission) == (role in roles)
    assert not actor(role, *others).may(permission)


def test_a_refusal_names_what_is_missing() -> None:
    with pytest.raises(NotAllowed, match="lacks the scope tickets:write"):
        require(actor(Role.AGENT, Scope.TICKETS_READ), Permission.TICKET_CREATE)
    with pytest.raises(NotAllowed, match=r"The role auditor does not include ticket\.create"):
        require(actor(Role.AUDITOR, Scope.TICKETS_WRITE), Permission.TICKET_CREATE)


def test_nobody_grants_scopes_that_they_lack() -> None:
    with pytest.raises(NotAllowed, match="audit:read, users:write"):
        grantable(actor(Role.ADMIN, Scope.CLIENTS_MANAGE), Role.AGENT, frozenset({"users:write", "audit:read"}))


def test_only_an_admin_makes_an_admin() -> None:
    with pytest.raises(NotAllowed, match="Only an admin"):
        grantable(actor(Role.MANAGER, Scope.TICKETS_READ), Role.ADMIN, frozenset())
