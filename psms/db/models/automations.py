"""Tables of automations, of the events that wait for them and of what became of them; only columns and keys."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    SmallInteger,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from psms.db.base import Base, OfOrganization, Versioned


def _to(table: str, column: str, ondelete: str | None = None) -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["organization_id", column], [f"{table}.organization_id", f"{table}.id"], ondelete=ondelete
    )


class AutomationRow(OfOrganization, Versioned, Base):
    """A rule; what it says is in its versions."""

    __tablename__ = "automations"

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"), primary_key=True)
    name: Mapped[str]
    position: Mapped[int] = mapped_column(server_default="1000")
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    definition_version: Mapped[int] = mapped_column(BigInteger, server_default="1")
    version: Mapped[int] = mapped_column(BigInteger, server_default="1")

    __table_args__ = (
        CheckConstraint("position BETWEEN 1 AND 1000000", name="ck_automations_position"),
        Index(
            "uq_automations_name",
            "organization_id",
            func.lower(text("name")),
            unique=True,
            postgresql_where=text("active"),
        ),
    )


class AutomationVersionRow(Base):
    """What a rule said from an instant on."""

    __tablename__ = "automation_versions"

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    automation_id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    definition: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    created_by: Mapped[UUID | None]

    __table_args__ = (_to("automations", "automation_id"),)


class AutomationRunRow(Base):
    """An event that an automation is for, until all of them are applied."""

    __tablename__ = "automation_runs"

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"), primary_key=True)
    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    event_type: Mapped[str]
    ticket_id: Mapped[UUID]
    depth: Mapped[int] = mapped_column(SmallInteger)
    occurred_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(server_default="waiting")
    failures: Mapped[int] = mapped_column(server_default="0")
    error: Mapped[str | None]
    next_attempt_at: Mapped[datetime]
    created_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'dead')", name="ck_automation_runs_state"),
        Index("ix_automation_runs_waiting", "position", postgresql_where=text("state = 'waiting'")),
        Index("ix_automation_runs_ticket", "organization_id", "ticket_id", "position"),
        Index("ix_automation_runs_dead", "organization_id", "event_id", postgresql_where=text("state = 'dead'")),
    )


class AutomationFiringRow(OfOrganization, Base):
    """What became of one version of a rule for one event."""

    __tablename__ = "automation_firings"

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"), primary_key=True)
    automation_id: Mapped[UUID]
    automation_version: Mapped[int] = mapped_column(BigInteger)
    event_id: Mapped[UUID]
    event_type: Mapped[str]
    ticket_id: Mapped[UUID]
    outcome: Mapped[str]
    depth: Mapped[int] = mapped_column(SmallInteger)
    refusals: Mapped[list[dict[str, Any]]] = mapped_column(JSONB())
    actions: Mapped[list[dict[str, Any]]] = mapped_column(JSONB())
    at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint(
            "outcome IN ('done', 'not_matched', 'passed_over', 'stopped: loop')", name="ck_automation_firings_outcome"
        ),
        _to("automations", "automation_id"),
        _to("tickets", "ticket_id", "CASCADE"),
        Index("uq_automation_firings_event", "organization_id", "event_id", "automation_id", unique=True),
        Index("ix_automation_firings_ticket", "organization_id", "ticket_id", "id"),
        Index("ix_automation_firings_automation", "organization_id", "automation_id", "id"),
        Index("ix_automation_firings_at", "at"),
    )
