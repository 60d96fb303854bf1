"""The demo organization's credentials, as `psms seed` writes them down; making it is a workflow."""

from dataclasses import dataclass
from uuid import UUID

from psms.domain.access import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class SeededUser:
    """A demo user with the password that is shown this once."""

    email: str
    password: str
    role: Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeded:
    """The demo organization's credentials."""

    organization_id: UUID
    client_id: str
    client_secret: str
    users: list[SeededUser]
