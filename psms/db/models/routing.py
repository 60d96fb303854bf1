"""Tables of automatic assignment; only columns and keys. The triggers that fill the queue are in the migration."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Identity, Index, SmallInteger, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from psms.db.base import Base, OfOrganization


def _to(table: str, column: str) -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["organization_id", column], [f"{table}.organization_id", f"{table}.id"], ondelete="CASCADE"
    )


class TeamRoutingRow(Base):
    """How a team's tickets are assigned. Without a row: by hand."""

    __tablename__ = "team_routing"

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    team_id: Mapped[UUID] = mapped_column(primary_key=True)
    automatic: Mapped[bool]
    definition: Mapped[dict[str, Any]]
    version: Mapped[int] = mapped_column(BigInteger)
    turn: Mapped[int] = mapped_column(BigInteger, server_default="0")
    refill: Mapped[bool] = mapped_column(server_default="false")
    updated_at: Mapped[datetime]

    __table_args__ = (_to("teams", "team_id"),)


class RoutingTurnRow(Base):
    """At which turn of the team a member was assigned a ticket last."""

    __tablename__ = "routing_turns"

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    team_id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    turn: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (
        _to("teams", "team_id"),
        _to("users", "user_id"),
        Index("ix_routing_turns_user", "organization_id", "user_id"),
    )


class UserSkillRow(Base):
    """What a user can, and how well."""

    __tablename__ = "user_skills"

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    skill: Mapped[str] = mapped_column(primary_key=True)
    level: Mapped[int] = mapped_column(SmallInteger)

    __table_args__ = (
        CheckConstraint("level BETWEEN 1 AND 5", name="ck_user_skills_level"),
        _to("users", "user_id"),
    )


class ServiceSkillRow(Base):
    """What a service's tickets ask of who works on them, and how well at least."""

    __tablename__ = "service_skills"

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    service_id: Mapped[UUID] = mapped_column(primary_key=True)
    skill: Mapped[str] = mapped_column(primary_key=True)
    level: Mapped[int] = mapped_column(SmallInteger)

    __table_args__ = (
        CheckConstraint("level BETWEEN 1 AND 5", name="ck_service_skills_level"),
        _to("services", "service_id"),
    )


class AbsenceRow(OfOrganization, Base):
    """A user is away for a time."""

    __tablename__ = "absences"

    user_id: Mapped[UUID]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    reason: Mapped[str | None]
    created_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("ends_at > starts_at", name="ck_absences_span"),
        _to("users", "user_id"),
        Index("ix_absences_user", "organization_id", "user_id", "ends_at"),
    )


class RoutingDecisionRow(OfOrganization, Base):
    """Who was chosen for a ticket, from whom, and why."""

    __tablename__ = "routing_decisions"

    ticket_id: Mapped[UUID]
    team_id: Mapped[UUID]
    strategy: Mapped[str]
    config_version: Mapped[int] = mapped_column(BigInteger)
    user_id: Mapped[UUID | None]
    asked_by: Mapped[UUID | None]
    considered: Mapped[int]
    candidates: Mapped[list[dict[str, Any]]] = mapped_column(JSONB())
    required: Mapped[dict[str, Any]]
    decided_at: Mapped[datetime]

    __table_args__ = (
        _to("tickets", "ticket_id"),
        Index("ix_routing_decisions_ticket", "organization_id", "ticket_id", "id"),
    )


class RoutingQueueRow(Base):
    """A ticket of a team with automatic assignment that has no assignee."""

    __tablename__ = "routing_queue"

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    team_id: Mapped[UUID]
    ticket_id: Mapped[UUID] = mapped_column(primary_key=True)
    waiting: Mapped[bool]
    rank: Mapped[int] = mapped_column(SmallInteger)
    refused: Mapped[str | None]
    queued_at: Mapped[datetime]

    __table_args__ = (
        Index(
            "ix_routing_queue_team",
            "organization_id",
            "team_id",
            "rank",
            "ticket_id",
            postgresql_where=text("waiting"),
        ),
    )


class RoutingWakeRow(Base):
    """A team is to be looked at, from an instant on."""

    __tablename__ = "routing_wakes"

    position: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    organization_id: Mapped[UUID]
    team_id: Mapped[UUID]
    due_at: Mapped[datetime]

    __table_args__ = (
        Index("ix_routing_wakes_due", "due_at"),
        Index("ix_routing_wakes_team", "organization_id", "team_id"),
    )
