"""Nobody gives more than they have: roles to people, rights to clients, permissions to custom roles."""

import pytest

from psms.domain.access import Actor, Permission, Role, Scope
from psms.domain.access.granting import (
    require_assignable,
    require_changeable,
    require_grantable,
    require_makeable,
)
from psms.domain.access.matrix import permissions_of
from psms.domain.access.roles import HeldRole
from psms.errors import FieldError, NotAllowed
from tests.unit.test_access import actor

EVERYTHING = frozenset(permission.value for permission in Permission)


def caller(role: Role, *lacking: Permission) -> Actor:
    """Return a caller with every scope whose role lacks some permissions."""
    return actor(role, *Scope, kept=EVERYTHING - frozenset(lacking) if lacking else None)


def custom(role: Role, *permissions: Permission) -> HeldRole:
    """Return a custom role."""
    return HeldRole(role=role, kept=frozenset(permissions))


@pytest.mark.parametrize("role", Role)
def test_an_admin_gives_every_role(role: Role) -> None:
    require_assignable(caller(Role.ADMIN), HeldRole(role=role))


@pytest.mark.parametrize(
    ("role", "may"),
    [
        (Role.ADMIN, False),
        (Role.MANAGER, False),
        (Role.AGENT, True),
        (Role.REQUESTER, True),
        (Role.INTEGRATION, False),
        (Role.AUDITOR, False),
    ],
)
def test_a_manager_gives_agent_and_requester(role: Role, may: bool) -> None:
    if may:
        require_assignable(caller(Role.MANAGER), HeldRole(role=role))
        return
    with pytest.raises(NotAllowed, match="A manager gives and takes the roles agent and requester only"):
        require_assignable(caller(Role.MANAGER), HeldRole(role=role))


@pytest.mark.parametrize("role", [Role.AGENT, Role.REQUESTER, Role.INTEGRATION, Role.AUDITOR])
def test_nobody_else_gives_any(role: Role) -> None:
    with pytest.raises(NotAllowed, match=r"does not include role\.assign"):
        require_assignable(caller(role), HeldRole(role=Role.REQUESTER))


def test_nobody_gives_more_than_they_have() -> None:
    narrow = caller(Role.ADMIN, Permission.LOG_READ)

    with pytest.raises(NotAllowed, match=r"more than yours: log\.read\."):
        require_assignable(narrow, HeldRole(role=Role.ADMIN))
    with pytest.raises(NotAllowed, match=r"more than yours: log\.read\."):
        require_assignable(narrow, HeldRole(role=Role.AUDITOR))
    require_assignable(narrow, HeldRole(role=Role.MANAGER))
    require_assignable(narrow, custom(Role.AUDITOR, Permission.TICKET_READ))


def test_a_further_reach_is_more() -> None:
    with pytest.raises(NotAllowed, match=r"more than yours: ticket\.read\."):
        require_grantable(caller(Role.AGENT), custom(Role.MANAGER, Permission.TICKET_READ), frozenset())


def test_an_admin_is_changed_by_admins_alone() -> None:
    require_changeable(caller(Role.ADMIN), HeldRole(role=Role.ADMIN))
    require_changeable(caller(Role.MANAGER), HeldRole(role=Role.AUDITOR))
    with pytest.raises(NotAllowed):
        require_changeable(caller(Role.MANAGER), HeldRole(role=Role.ADMIN))
    with pytest.raises(NotAllowed):
        require_changeable(caller(Role.ADMIN, Permission.WEBHOOK_MANAGE), HeldRole(role=Role.ADMIN))


def test_nobody_grants_scopes_that_they_lack() -> None:
    with pytest.raises(NotAllowed, match="audit:read, users:write"):
        require_grantable(
            actor(Role.ADMIN, Scope.CLIENTS_MANAGE), HeldRole(role=Role.AGENT), frozenset({"users:write", "audit:read"})
        )


@pytest.mark.parametrize("role", Role)
def test_a_role_is_made_of_what_its_base_has(role: Role) -> None:
    require_makeable(caller(Role.ADMIN), role, permissions_of(role))
    require_makeable(caller(Role.ADMIN), role, frozenset())
    for foreign in frozenset(Permission) - permissions_of(role):
        with pytest.raises(FieldError, match=f"the role {role} does not include {foreign}"):
            require_makeable(caller(Role.ADMIN), role, frozenset({foreign}))


def test_a_role_is_made_of_what_its_maker_may() -> None:
    narrow = caller(Role.ADMIN, Permission.LOG_READ)
    without_scope = actor(Role.ADMIN, Scope.ROLES_MANAGE)

    for maker in (narrow, without_scope):
        with pytest.raises(NotAllowed, match=r"what you may not do: log\.read\."):
            require_makeable(maker, Role.AUDITOR, frozenset({"log.read"}))
    require_makeable(narrow, Role.AUDITOR, frozenset({"ticket.read"}))
