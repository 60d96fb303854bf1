"""Tables of calendars and SLA policies, and of their versions, which never change; only columns and keys."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from psms.db.base import Base, OfOrganization, Versioned


def _of(table: str, column: str) -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["organization_id", column], [f"{table}.organization_id", f"{table}.id"])


class CalendarRow(OfOrganization, Versioned, Base):
    """A calendar; what it says is in its versions."""

    __tablename__ = "calendars"

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"), primary_key=True)
    name: Mapped[str]
    definition_version: Mapped[int] = mapped_column(server_default="1")
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    version: Mapped[int] = mapped_column(BigInteger, server_default="1")

    __table_args__ = (
        Index(
            "uq_calendars_name",
            "organization_id",
            func.lower(text("name")),
            unique=True,
            postgresql_where=text("active"),
        ),
    )


class CalendarVersionRow(Base):
    """What a calendar said from an instant on."""

    __tablename__ = "calendar_versions"

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    calendar_id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    definition: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    created_by: Mapped[UUID | None]
    applies: Mapped[str] = mapped_column(server_default="open_tickets")

    __table_args__ = (
        CheckConstraint("applies IN ('new_tickets', 'open_tickets', 'recompute')", name="ck_calendar_versions_applies"),
        _of("calendars", "calendar_id"),
    )


class SlaPolicyRow(OfOrganization, Versioned, Base):
    """A policy; what it says is in its versions."""

    __tablename__ = "sla_policies"

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"), primary_key=True)
    name: Mapped[str]
    position: Mapped[int] = mapped_column(server_default="1000")
    definition_version: Mapped[int] = mapped_column(BigInteger, server_default="1")
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    version: Mapped[int] = mapped_column(BigInteger, server_default="1")

    __table_args__ = (CheckConstraint("position BETWEEN 1 AND 1000000", name="ck_sla_policies_position"),)


class SlaPolicyVersionRow(Base):
    """What a policy said from an instant on."""

    __tablename__ = "sla_policy_versions"

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    policy_id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    definition: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    created_by: Mapped[UUID | None]

    __table_args__ = (_of("sla_policies", "policy_id"),)


class SlaRebaseRow(OfOrganization, Base):
    """An edit that holds for open tickets, and how far it has got."""

    __tablename__ = "sla_rebases"

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"), primary_key=True)
    calendar_id: Mapped[UUID | None]
    policy_id: Mapped[UUID | None]
    applies: Mapped[str]
    state: Mapped[str] = mapped_column(server_default="waiting")
    done_through: Mapped[UUID | None]
    tickets: Mapped[int] = mapped_column(BigInteger, server_default="0")
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    revision: Mapped[int] = mapped_column(BigInteger, server_default="0")
    book: Mapped[dict[str, Any] | None]
    started_at: Mapped[datetime | None]
    expected: Mapped[int | None] = mapped_column(BigInteger)
    failures: Mapped[int] = mapped_column(server_default="0")
    error: Mapped[str | None]
    retry_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("applies IN ('open_tickets', 'recompute')", name="ck_sla_rebases_applies"),
        CheckConstraint("state IN ('waiting', 'done')", name="ck_sla_rebases_state"),
        CheckConstraint("num_nonnulls(calendar_id, policy_id) = 1", name="ck_sla_rebases_one"),
        CheckConstraint("revision = 0 OR book IS NOT NULL", name="ck_sla_rebases_book"),
        _of("calendars", "calendar_id"),
        _of("sla_policies", "policy_id"),
        Index(
            "uq_sla_rebases_revision",
            "organization_id",
            "revision",
            unique=True,
            postgresql_where=text("revision > 0"),
        ),
        Index("ix_sla_rebases_waiting", "created_at", postgresql_where=text("state = 'waiting'")),
        Index(
            "ix_sla_rebases_calendar",
            "organization_id",
            "calendar_id",
            postgresql_where=text("calendar_id IS NOT NULL"),
        ),
        Index("ix_sla_rebases_policy", "organization_id", "policy_id", postgresql_where=text("policy_id IS NOT NULL")),
    )
