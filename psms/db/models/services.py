"""Tables of services, their forms' versions, and what tickets are found by; only columns and keys."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from psms.db.base import Base, OfOrganization, Versioned

# What is compared byte by byte, whatever the language.
_PLAIN_TEXT = Text(collation="C")


def _to(table: str, column: str) -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["organization_id", column], [f"{table}.organization_id", f"{table}.id"], ondelete=f"SET NULL ({column})"
    )


class ServiceRow(OfOrganization, Versioned, Base):
    """A service."""

    __tablename__ = "services"

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"), primary_key=True)
    name: Mapped[str]
    description: Mapped[str] = mapped_column(server_default="")
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    version: Mapped[int] = mapped_column(BigInteger, server_default="1")
    owner_id: Mapped[UUID | None]
    default_team_id: Mapped[UUID | None]
    category: Mapped[str | None]
    position: Mapped[int] = mapped_column(server_default="1000")
    visibility: Mapped[str] = mapped_column(server_default="everyone")
    visible_team_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid), server_default="{}")
    sla_policy_id: Mapped[UUID | None]
    form_version: Mapped[int | None]
    incident_text: Mapped[str | None]
    incident_since: Mapped[datetime | None]
    incident_ticket_id: Mapped[UUID | None]
    approval_chain: Mapped[list[dict[str, Any]] | None] = mapped_column(JSONB(none_as_null=True))

    __table_args__ = (
        CheckConstraint("position BETWEEN 1 AND 1000000", name="ck_services_position"),
        CheckConstraint("visibility IN ('everyone', 'agents', 'teams')", name="ck_services_visibility"),
        CheckConstraint(
            "(incident_text IS NULL) = (incident_since IS NULL)"
            " AND (incident_text IS NOT NULL OR incident_ticket_id IS NULL)",
            name="ck_services_incident",
        ),
        _to("users", "owner_id"),
        _to("teams", "default_team_id"),
        _to("sla_policies", "sla_policy_id"),
        # Tickets name services in their turn.
        ForeignKeyConstraint(
            ["organization_id", "incident_ticket_id"],
            ["tickets.organization_id", "tickets.id"],
            name="services_organization_id_incident_ticket_id_fkey",
            ondelete="SET NULL (incident_ticket_id)",
            use_alter=True,
        ),
        Index("uq_services_name", "organization_id", func.lower(text("name")), unique=True),
        *(
            Index(f"ix_services_{name}", "organization_id", column, postgresql_where=text(f"{column} IS NOT NULL"))
            for name, column in (
                ("owner", "owner_id"),
                ("default_team", "default_team_id"),
                ("sla_policy", "sla_policy_id"),
                ("incident", "incident_ticket_id"),
            )
        ),
    )


class FormVersionRow(Base):
    """What a service's form said from an instant on."""

    __tablename__ = "service_form_versions"

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    service_id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    definition: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    requester_keys: Mapped[list[str]]
    filter_keys: Mapped[list[str]]
    created_at: Mapped[datetime]
    created_by: Mapped[UUID | None]

    __table_args__ = (
        ForeignKeyConstraint(["organization_id", "service_id"], ["services.organization_id", "services.id"]),
    )


class TicketFieldValueRow(Base):
    """One value of a custom field by which its ticket is found; a trigger keeps it."""

    __tablename__ = "ticket_field_values"

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(_PLAIN_TEXT, primary_key=True)
    value: Mapped[str] = mapped_column(_PLAIN_TEXT, primary_key=True)
    ticket_id: Mapped[UUID] = mapped_column(primary_key=True)
