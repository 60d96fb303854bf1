"""Organizations, people, teams, assignments and clients as the API shows them, and what changes them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psms.domain.access import Role
from psms.domain.access.roles import RoleChoice
from psms.domain.priorities import MatrixDocument


@dataclass(frozen=True, slots=True, kw_only=True)
class Organization:
    """A tenant: everything else belongs to one."""

    id: UUID
    name: str
    default_service_id: UUID | None
    priority_matrix: MatrixDocument
    auto_close_after_seconds: int | None
    purge_deleted_after_seconds: int
    ask_satisfaction: bool
    version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person, or the service user of a client, in one organization; *role* is the base of the role *role_id*."""

    id: UUID
    email: str
    name: str
    role: Role
    role_id: UUID | None
    is_service: bool
    active: bool
    version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """People who share work."""

    id: UUID
    name: str
    member_ids: list[UUID]
    version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """One user or one team answers for a service."""

    id: UUID
    service_id: UUID
    user_id: UUID | None
    team_id: UUID | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A service account: a program that calls the API in its own name."""

    id: UUID
    client_id: str
    name: str
    role: Role
    role_id: UUID | None
    scopes: list[str]
    user_id: UUID
    active: bool
    version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientWithSecret:
    """A client with the secret that is shown this once."""

    client: Client
    client_secret: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundedOrganization:
    """A new organization with the credentials of its first client, shown this once."""

    organization: Organization
    client_id: str
    client_secret: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUser:
    """Add a person."""

    email: str
    name: str
    role: RoleChoice


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTeam:
    """Make a team of *member_ids*."""

    name: str
    member_ids: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAssignment:
    """Make one user or one team answer for a service: exactly one of the two is given."""

    service_id: UUID
    user_id: UUID | None = None
    team_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewClient:
    """Make a client with a role and scopes of its own."""

    name: str
    role: RoleChoice
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """Change *fields* of a resource, provided its version is still *if_version* where one is given."""

    fields: dict[str, Any]
    if_version: int | None = None
