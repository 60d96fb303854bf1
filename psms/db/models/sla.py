"""Tables of SLA clocks, timers, fires and notifications; only columns and keys. Policies are in `sla_books`."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger as BigInt
from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from psms.db.base import Base, OfOrganization


def _to(table: str, column: str, ondelete: str | None = "CASCADE") -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["organization_id", column], [f"{table}.organization_id", f"{table}.id"], ondelete=ondelete
    )


_METRICS = ("first_response", "next_response", "periodic_update", "resolution", "with_team")
_STATES = ("running", "paused", "met", "missed", "cancelled", "superseded")
_CAUSES = (
    "adopted", "start", "pause", "resume", "carry", "retroactive", "restart", "complete", "cancel", "reopen",
)  # fmt: skip


_RULES = (
    "watchers", "team_duty", "organization_duty", "team_managers", "managers", "admins", "approver", "requester",
    "mentioned", "webhooks",
)  # fmt: skip


def _one_of(column: str, values: tuple[str, ...], name: str) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=name)


def _of_one_version(name: str) -> CheckConstraint:
    return CheckConstraint("num_nonnulls(calendar_id, calendar_version, zone_data) IN (0, 3)", name=name)


# Broken into lines as PostgreSQL tells it: the models are compared with that, letter by letter.
_JUDGED_AT = "CASE\n WHEN breached_at IS NULL THEN completed_at\n ELSE breached_at\nEND"


class SlaClockRow(OfOrganization, Base):
    """One cycle of one target of a ticket."""

    __tablename__ = "sla_clocks"

    ticket_id: Mapped[UUID]
    metric: Mapped[str]
    cycle: Mapped[int] = mapped_column(server_default="1")
    policy_id: Mapped[UUID]
    policy_version: Mapped[int] = mapped_column(BigInt)
    target: Mapped[timedelta]
    consumed: Mapped[timedelta] = mapped_column(server_default=text("'00:00:00'::interval"))
    state: Mapped[str]
    due_at: Mapped[datetime | None]
    breached_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    started_at: Mapped[datetime]
    calendar_id: Mapped[UUID | None]
    calendar_version: Mapped[int | None]
    zone_data: Mapped[str | None]
    since: Mapped[datetime]
    cause: Mapped[str]
    segment: Mapped[int] = mapped_column(server_default="1")
    stay_team_id: Mapped[UUID | None]
    # Its breach counts in no report since then.
    voided_at: Mapped[datetime | None]
    voided_by: Mapped[UUID | None]
    void_reason: Mapped[str | None]

    __table_args__ = (
        CheckConstraint(
            "num_nonnulls(voided_at, voided_by, void_reason) IN (0, 3)"
            " AND (voided_at IS NULL OR breached_at IS NOT NULL)",
            name="ck_sla_clocks_void",
        ),
        _one_of("metric", _METRICS, "ck_sla_clocks_metric"),
        _one_of("state", _STATES, "ck_sla_clocks_state"),
        _one_of("cause", _CAUSES, "ck_sla_clocks_cause"),
        _of_one_version("ck_sla_clocks_calendar"),
        CheckConstraint("(stay_team_id IS NOT NULL) = (metric = 'with_team')", name="ck_sla_clocks_team"),
        _to("teams", "stay_team_id", None),
        _to("tickets", "ticket_id"),
        ForeignKeyConstraint(
            ["organization_id", "policy_id", "policy_version"],
            ["sla_policy_versions.organization_id", "sla_policy_versions.policy_id", "sla_policy_versions.version"],
        ),
        ForeignKeyConstraint(
            ["organization_id", "calendar_id", "calendar_version"],
            ["calendar_versions.organization_id", "calendar_versions.calendar_id", "calendar_versions.version"],
        ),
        Index("uq_sla_clocks_cycle", "organization_id", "ticket_id", "metric", "cycle", unique=True),
        Index(
            "ix_sla_clocks_judged",
            "organization_id",
            text(f"(\n{_JUDGED_AT})"),
            postgresql_where=text(f"{_JUDGED_AT} IS NOT NULL"),
        ),
        Index("ix_sla_clocks_policy", "organization_id", "policy_id", "policy_version"),
        Index(
            "ix_sla_clocks_calendar",
            "organization_id",
            "calendar_id",
            "calendar_version",
            "ticket_id",
            postgresql_where=text("calendar_id IS NOT NULL"),
        ),
        Index(
            "ix_sla_clocks_team",
            "organization_id",
            "stay_team_id",
            postgresql_where=text("stay_team_id IS NOT NULL"),
        ),
    )


class SlaSegmentRow(Base):
    """The stretch of a clock's life from one event to the next: a row of its ledger."""

    __tablename__ = "sla_segments"

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    clock_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    ticket_id: Mapped[UUID]
    cycle: Mapped[int]
    cause: Mapped[str]
    state: Mapped[str]
    began_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    consumed: Mapped[timedelta]
    counted: Mapped[timedelta] = mapped_column(server_default=text("'00:00:00'::interval"))
    target: Mapped[timedelta]
    policy_id: Mapped[UUID]
    policy_version: Mapped[int] = mapped_column(BigInt)
    calendar_id: Mapped[UUID | None]
    calendar_version: Mapped[int | None]
    zone_data: Mapped[str | None]

    __table_args__ = (
        _one_of("cause", _CAUSES, "ck_sla_segments_cause"),
        _one_of("state", _STATES, "ck_sla_segments_state"),
        CheckConstraint("ended_at >= began_at", name="ck_sla_segments_end"),
        _of_one_version("ck_sla_segments_calendar"),
        _to("sla_clocks", "clock_id"),
    )


class TicketWatcherRow(Base):
    """A user who follows a ticket besides those who work on it."""

    __tablename__ = "ticket_watchers"

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    ticket_id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    added_at: Mapped[datetime]
    # Only because of a merge.
    by_merge: Mapped[bool] = mapped_column(server_default=text("false"))

    __table_args__ = (
        _to("tickets", "ticket_id"),
        _to("users", "user_id"),
        Index("ix_ticket_watchers_user", "organization_id", "user_id"),
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
    ticket_id: Mapped[UUID | None]
    clock_id: Mapped[UUID | None]
    endpoint_id: Mapped[UUID | None]
    kind: Mapped[str]
    user_id: Mapped[UUID | None]
    team_id: Mapped[UUID | None]
    rule: Mapped[str | None]
    created_at: Mapped[datetime]
    # Of one about an endpoint: what was so then, which its mails say whenever they go out.
    details: Mapped[dict[str, Any] | None]
    # Null until its mails are made.
    fanned_out_at: Mapped[datetime | None]

    __table_args__ = (
        _one_of("rule", _RULES, "ck_notifications_rule"),
        CheckConstraint("num_nonnulls(ticket_id, endpoint_id) = 1", name="ck_notifications_about"),
        _to("webhook_endpoints", "endpoint_id"),
        _to("tickets", "ticket_id"),
        _to("sla_clocks", "clock_id"),
        _to("users", "user_id", "SET NULL (user_id)"),
        _to("teams", "team_id", "SET NULL (team_id)"),
        Index("ix_notifications_ticket", "organization_id", "ticket_id"),
        Index("ix_notifications_clock", "organization_id", "clock_id"),
        Index("ix_notifications_user", "organization_id", "user_id"),
        Index("ix_notifications_team", "organization_id", "team_id"),
        Index(
            "ix_notifications_endpoint",
            "organization_id",
            "endpoint_id",
            postgresql_where=text("endpoint_id IS NOT NULL"),
        ),
        Index("ix_notifications_new", "created_at", "id", postgresql_where=text("fanned_out_at IS NULL")),
    )
