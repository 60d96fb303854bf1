"""Tables of organizations, people, teams, services and clients; only columns and keys."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from psms.db.base import Base, OfOrganization, Versioned
from psms.db.models.roles import custom_role_key

_IS_ROLE = "role IN ('admin', 'manager', 'agent', 'requester', 'integration', 'auditor')"

_HAS_ADDRESS = "num_nonnulls(email, email_encrypted) = 1 OR (is_service AND num_nonnulls(email, email_encrypted) = 0)"
_IS_INDEXED = "(email_encrypted IS NULL) = (num_nonnulls(email_index, email_index_even) = 0)"


class OrganizationRow(Versioned, Base):
    """A tenant."""

    __tablename__ = "organizations"

    name: Mapped[str]
    default_service_id: Mapped[UUID | None]
    priority_matrix: Mapped[dict[str, dict[str, str]] | None] = mapped_column(JSONB(none_as_null=True))
    auto_close_after_seconds: Mapped[int | None] = mapped_column(server_default="604800")
    # Counted by each save of a calendar, a policy or the matrix of priorities.
    sla_revision: Mapped[int] = mapped_column(BigInteger, server_default="0")
    version: Mapped[int] = mapped_column(BigInteger, server_default="1")

    __table_args__ = (
        ForeignKeyConstraint(
            ["id", "default_service_id"],
            ["services.organization_id", "services.id"],
            name="fk_organizations_default_service",
            ondelete="SET NULL (default_service_id)",
            use_alter=True,
        ),
        Index("ix_organizations_default_service", "id", "default_service_id"),
        CheckConstraint("jsonb_typeof(priority_matrix) = 'object'", name="ck_organizations_priority_matrix"),
        CheckConstraint("auto_close_after_seconds > 0", name="ck_organizations_auto_close"),
    )


class UserRow(OfOrganization, Versioned, Base):
    """A person, or the service user of a client."""

    __tablename__ = "users"

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"), primary_key=True)
    # In clear only until it is encrypted; a service user has no address.
    email: Mapped[str | None]
    email_encrypted: Mapped[bytes | None]
    # Under the index keys of odd and of even version: both while that key changes, otherwise one.
    email_index: Mapped[bytes | None]
    email_index_even: Mapped[bytes | None]
    name: Mapped[str]
    role: Mapped[str]
    role_id: Mapped[UUID | None]
    is_service: Mapped[bool] = mapped_column(server_default=text("false"))
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    password_hash: Mapped[str | None]
    version: Mapped[int] = mapped_column(BigInteger, server_default="1")

    __table_args__ = (
        CheckConstraint(_IS_ROLE, name="ck_users_role"),
        CheckConstraint(_HAS_ADDRESS, name="ck_users_email"),
        CheckConstraint(_IS_INDEXED, name="ck_users_email_index"),
        custom_role_key("users"),
        Index("ix_users_role", "organization_id", "role_id", "role", postgresql_where=text("role_id IS NOT NULL")),
        Index("uq_users_email", "organization_id", func.lower(text("email")), unique=True),
        Index("uq_users_email_index", "organization_id", "email_index", unique=True),
        Index("uq_users_email_index_even", "organization_id", "email_index_even", unique=True),
    )


class TeamRow(OfOrganization, Versioned, Base):
    """People who share work."""

    __tablename__ = "teams"

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"), primary_key=True)
    name: Mapped[str]
    version: Mapped[int] = mapped_column(BigInteger, server_default="1")

    __table_args__ = (Index("uq_teams_name", "organization_id", func.lower(text("name")), unique=True),)


class MembershipRow(Base):
    """A user in a team."""

    __tablename__ = "memberships"

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    team_id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(primary_key=True)

    __table_args__ = (
        ForeignKeyConstraint(["organization_id", "team_id"], ["teams.organization_id", "teams.id"], ondelete="CASCADE"),
        ForeignKeyConstraint(["organization_id", "user_id"], ["users.organization_id", "users.id"], ondelete="CASCADE"),
        Index("ix_memberships_user", "organization_id", "user_id"),
    )


class ServiceRow(OfOrganization, Versioned, Base):
    """Something that tickets are about."""

    __tablename__ = "services"

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"), primary_key=True)
    name: Mapped[str]
    description: Mapped[str] = mapped_column(server_default="")
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    version: Mapped[int] = mapped_column(BigInteger, server_default="1")
    approval_chain: Mapped[list[dict[str, Any]] | None] = mapped_column(JSONB(none_as_null=True))

    __table_args__ = (Index("uq_services_name", "organization_id", func.lower(text("name")), unique=True),)


class AssignmentRow(OfOrganization, Base):
    """One user or one team answers for a service."""

    __tablename__ = "assignments"

    service_id: Mapped[UUID]
    user_id: Mapped[UUID | None]
    team_id: Mapped[UUID | None]
    created_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(
            ["organization_id", "service_id"], ["services.organization_id", "services.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(["organization_id", "user_id"], ["users.organization_id", "users.id"], ondelete="CASCADE"),
        ForeignKeyConstraint(["organization_id", "team_id"], ["teams.organization_id", "teams.id"], ondelete="CASCADE"),
        CheckConstraint("num_nonnulls(user_id, team_id) = 1", name="ck_assignments_one_party"),
        Index(
            "uq_assignments_user",
            "organization_id",
            "service_id",
            "user_id",
            unique=True,
            postgresql_where=text("user_id IS NOT NULL"),
        ),
        Index(
            "uq_assignments_team",
            "organization_id",
            "service_id",
            "team_id",
            unique=True,
            postgresql_where=text("team_id IS NOT NULL"),
        ),
        Index("ix_assignments_service", "organization_id", "service_id"),
        Index("ix_assignments_user", "organization_id", "user_id"),
        Index("ix_assignments_team", "organization_id", "team_id"),
    )


class ClientRow(OfOrganization, Versioned, Base):
    """A service account."""

    __tablename__ = "oauth_clients"

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"), primary_key=True)
    client_id: Mapped[str]
    name: Mapped[str]
    secret_hash: Mapped[bytes]
    role: Mapped[str]
    role_id: Mapped[UUID | None]
    scopes: Mapped[list[str]]
    user_id: Mapped[UUID]
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    version: Mapped[int] = mapped_column(BigInteger, server_default="1")

    __table_args__ = (
        CheckConstraint(_IS_ROLE, name="ck_oauth_clients_role"),
        custom_role_key("oauth_clients"),
        Index(
            "ix_oauth_clients_role", "organization_id", "role_id", "role", postgresql_where=text("role_id IS NOT NULL")
        ),
        ForeignKeyConstraint(["organization_id", "user_id"], ["users.organization_id", "users.id"]),
        Index("uq_oauth_clients_client_id", "client_id", unique=True),
        Index("ix_oauth_clients_user", "organization_id", "user_id"),
    )


class TokenRow(OfOrganization, Base):
    """An access token, of which only the hash is kept."""

    __tablename__ = "oauth_tokens"

    client_id: Mapped[UUID]
    token_hash: Mapped[bytes]
    scopes: Mapped[list[str]]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]

    __table_args__ = (
        ForeignKeyConstraint(
            ["organization_id", "client_id"],
            ["oauth_clients.organization_id", "oauth_clients.id"],
            ondelete="CASCADE",
        ),
        Index("uq_oauth_tokens_hash", "token_hash", unique=True),
        Index("ix_oauth_tokens_client", "organization_id", "client_id"),
        Index("ix_oauth_tokens_expiry", "expires_at"),
    )
