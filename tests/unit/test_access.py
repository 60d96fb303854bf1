"""Effective right = role and scope; a custom role only takes away."""

from uuid import UUID

import pytest

from psms.domain.access import MATRIX, Actor, Permission, Reach, Role, Scope, require
from psms.domain.access.matrix import ORDER, permissions_of
from psms.errors import NotAllowed

ID = UUID(int=1)
EVERY_SCOPE = frozenset(Scope)


def actor(role: Role, *scopes: Scope, kept: frozenset[str] | None = None) -> Actor:
    """Return a caller of *role* whose token has *scopes*."""
    return Actor(organization_id=ID, user_id=ID, client_id=ID, role=role, scopes=frozenset(scopes), kept=kept)


def test_every_permission_has_a_row_and_every_role_a_column() -> None:
    assert set(MATRIX) == set(Permission)
    assert set(ORDER) == set(Role)
    assert all(set(rule.reach) == set(Role) for rule in MATRIX.values())


def test_every_scope_opens_something_and_every_permission_is_somebodys() -> None:
    assert {rule.scope for rule in MATRIX.values()} == set(Scope)
    assert all(set(rule.reach.values()) != {Reach.NONE} for rule in MATRIX.values())


def test_a_condition_is_on_something_that_the_role_has() -> None:
    for permission, rule in MATRIX.items():
        assert all(rule.reach[role] is not Reach.NONE for role in rule.conditions), permission


@pytest.mark.parametrize("role", Role)
def test_nobody_may_do_more_to_a_ticket_than_they_see(role: Role) -> None:
    seen = MATRIX[Permission.TICKET_READ].reach[role]
    of_tickets = [p for p in Permission if p.startswith(("ticket.", "comment.")) and p is not Permission.TICKET_CREATE]

    assert {MATRIX[permission].reach[role] for permission in of_tickets} <= {seen, Reach.NONE}


@pytest.mark.parametrize("permission", Permission)
@pytest.mark.parametrize("role", Role)
def test_role_and_scope_are_both_needed(permission: Permission, role: Role) -> None:
    rule = MATRIX[permission]
    others = [other for other in Scope if other is not rule.scope]

    assert actor(role, rule.scope).may(permission) == (rule.reach[role] is not Reach.NONE)
    assert not actor(role, *others).may(permission)


@pytest.mark.parametrize("permission", Permission)
@pytest.mark.parametrize("role", Role)
def test_a_custom_role_keeps_what_it_names_and_never_adds(permission: Permission, role: Role) -> None:
    everything = actor(role, *Scope, kept=frozenset(Permission))
    without = actor(role, *Scope, kept=frozenset(Permission) - {permission})

    assert everything.may(permission) == actor(role, *Scope).may(permission)
    assert not without.may(permission)


def test_permissions_of_a_role_are_those_that_reach_anything() -> None:
    assert Permission.CLIENT_MANAGE in permissions_of(Role.ADMIN)
    assert permissions_of(Role.ADMIN) == set(Permission)
    read = {p for p in Permission if p.endswith(".read")}
    assert permissions_of(Role.AUDITOR) == read | {Permission.LOG_EXPORT}


def test_a_refusal_names_what_is_missing() -> None:
    with pytest.raises(NotAllowed, match="lacks the scope tickets:write"):
        require(actor(Role.AGENT, Scope.TICKETS_READ), Permission.TICKET_CREATE)
    with pytest.raises(NotAllowed, match=r"The role auditor does not include ticket\.create"):
        require(actor(Role.AUDITOR, Scope.TICKETS_WRITE), Permission.TICKET_CREATE)
    with pytest.raises(NotAllowed, match=r"Your role, a narrower form of agent, does not include ticket\.create"):
        require(actor(Role.AGENT, Scope.TICKETS_WRITE, kept=frozenset()), Permission.TICKET_CREATE)
