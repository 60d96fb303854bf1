"""The six roles that every organization has, and the narrower ones that it makes of them. What they may: `matrix`."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class Role(StrEnum):
    """What somebody is in their organization."""

    ADMIN = "admin"
    MANAGER = "manager"
    AGENT = "agent"
    REQUESTER = "requester"
    INTEGRATION = "integration"
    AUDITOR = "auditor"


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomRole:
    """A role of one organization: of what *base_role* may do, only *permissions*."""

    id: UUID
    name: str
    base_role: Role
    permissions: list[str]
    version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRole:
    """Make a role that keeps *permissions* of those of *base_role*."""

    name: str
    base_role: Role
    permissions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleChoice:
    """Which role somebody is to have: one of the six, or a custom one. Exactly one of the two is given."""

    role: Role | None = None
    role_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldRole:
    """The role that somebody has: *kept* is None for one of the six, which keep all that is theirs."""

    role: Role
    role_id: UUID | None = None
    kept: frozenset[str] | None = None
