"""The table of roles that organizations make; who has one says so in `accounts`."""

from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from psms.db.base import Base, OfOrganization, Versioned


class RoleRow(OfOrganization, Versioned, Base):
    """A narrower form of one of the six roles."""

    __tablename__ = "roles"

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"), primary_key=True)
    name: Mapped[str]
    base_role: Mapped[str]
    permissions: Mapped[list[str]]
    version: Mapped[int] = mapped_column(BigInteger, server_default="1")

    __table_args__ = (
        CheckConstraint(
            "base_role IN ('admin', 'manager', 'agent', 'requester', 'integration', 'auditor')",
            name="ck_roles_base_role",
        ),
        UniqueConstraint("organization_id", "id", "base_role", name="uq_roles_base_role"),
        Index("uq_roles_name", "organization_id", func.lower(text("name")), unique=True),
    )


def custom_role_key(table: str) -> ForeignKeyConstraint:
    """Return the key by which *table* refers to a custom role, whose base its column `role` must name."""
    return ForeignKeyConstraint(
        ["organization_id", "role_id", "role"],
        ["roles.organization_id", "roles.id", "roles.base_role"],
        name=f"{table}_organization_id_role_id_fkey",
    )
