"""Tables of SLA policies, clocks, timers, fires and notifications; only columns and keys."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import BigInteger as BigInt
from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from psms.db.base import Base, OfOrganization, Versioned


def _to(table: str, column: str, ondelete: str | None = "CASCADE") -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["organization_id", column], [f"{table}.organization_id", f"{table}.id"], ondelete=ondelete
    )


class SlaPolicyRow(OfOrganization, Versioned, Base):
    """What is promised for tickets of a priority."""

    __tablename__ = "sla_policies"

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"), primary_key=True)
    name: Mapped[str]
    priority: Mapped[str | None]
    first_response_seconds: Mapped[int | None]
    resolution_seconds: Mapped[int | None]
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    version: Mapped[int] = mapped_column(BigInt, server_default="1")

    __table_args__ = (
        CheckConstraint("priority IN ('critical', 'high', 'medium', 'low')", name="ck_sla_policies_priority"),
        CheckConstraint("first_response_seconds > 0", name="ck_sla_policies_first_response"),
        CheckConstraint("resolution_seconds > 0", name="ck_sla_policies_resolution"),
        CheckConstraint(
            "num_nonnulls(first_response_seconds, resolution_seconds) > 0", name="ck_sla_policies_promises"
        ),
    )


class SlaClockRow(OfOrganization, Base):
    """One target of one ticket."""

    __tablename__ = "sla_clocks"

    ticket_id: Mapped[UUID]
    metric: Mapped[str]
    cycle: Mapped[int] = mapped_column(SmallInteger, server_default="1")
    policy_id: Mapped[UUID]
    policy_version: Mapped[int] = mapped_column(BigInt)
    target: Mapped[timedelta]
    consumed: Mapped[timedelta] = mapped_column(server_default=text("'00:00:00'::interval"))
    segment_started_at: Mapped[datetime | None]
    state: Mapped[str]
    due_at: Mapped[datetime | None]
    breached_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    started_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("metric IN ('first_response', 'resolution')", name="ck_sla_clocks_metric"),
        CheckConstraint("state IN ('running', 'paused', 'met', 'missed', 'cancelled')", name="ck_sla_clocks_state"),
        _to("tickets", "ticket_id"),
        _to("sla_policies", "policy_id", None),
        Index("uq_sla_clocks_cycle", "organization_id", "ticket_id", "metric", "cycle", unique=True),
        Index("ix_sla_clocks_policy", "organization_id", "policy_id"),
    )


class SlaTimerRow(Base):
    """When to look at a clock next."""

    __tablename__ = "sla_timers"

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    clock_id: Mapped[UUID] = mapped_column(primary_key=True)
    ticket_id: Mapped[UUID]
    next_at: Mapped[datetime | None]

    __table_args__ = (
        _to("sla_clocks", "clock_id"),
        Index("ix_sla_timers_next", "next_at", postgresql_where=text("next_at IS NOT NULL")),
        Index("ix_sla_timers_ticket", "organization_id", "ticket_id"),
    )


class SlaFireRow(Base):
    """A level that fired, and when that was noticed."""

    __tablename__ = "sla_fires"

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    clock_id: Mapped[UUID] = mapped_column(primary_key=True)
    level: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    noticed_at: Mapped[datetime]

    __table_args__ = (_to("sla_clocks", "clock_id"),)


class NotificationRow(OfOrganization, Base):
    """Something that a person is to be told."""

    __tablename__ = "notifications"

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"), primary_key=True)
    ticket_id: Mapped[UUID]
    clock_id: Mapped[UUID | None]
    kind: Mapped[str]
    user_id: Mapped[UUID | None]
    team_id: Mapped[UUID | None]
    created_at: Mapped[datetime]
    # Null until its mails are made.
    fanned_out_at: Mapped[datetime | None]

    __table_args__ = (
        _to("tickets", "ticket_id"),
        _to("sla_clocks", "clock_id"),
        _to("users", "user_id", "SET NULL (user_id)"),
        _to("teams", "team_id", "SET NULL (team_id)"),
        Index("ix_notifications_ticket", "organization_id", "ticket_id"),
        Index("ix_notifications_clock", "organization_id", "clock_id"),
        Index("ix_notifications_user", "organization_id", "user_id"),
        Index("ix_notifications_team", "organization_id", "team_id"),
        Index("ix_notifications_new", "created_at", "id", postgresql_where=text("fanned_out_at IS NULL")),
    )
