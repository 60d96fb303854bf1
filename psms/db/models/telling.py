"""Tables of mails and pages; only columns and keys. What they tell of is in `sla`, webhook endpoints in `webhooks`."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from psms.db.base import Base, OfOrganization


def _to(table: str, column: str) -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["organization_id", column], [f"{table}.organization_id", f"{table}.id"], ondelete="CASCADE"
    )


class MailRow(OfOrganization, Base):
    """One notification on its way to one person."""

    __tablename__ = "mails"

    notification_id: Mapped[UUID]
    user_id: Mapped[UUID]
    reason: Mapped[str]
    state: Mapped[str]
    next_attempt_at: Mapped[datetime]
    failures: Mapped[int] = mapped_column(server_default="0")
    tries: Mapped[int] = mapped_column(server_default="0")
    leases_lost: Mapped[int] = mapped_column(server_default="0")
    lease_token: Mapped[UUID | None]
    lease_expires_at: Mapped[datetime | None]
    last_error: Mapped[str | None]
    dead_reason: Mapped[str | None]
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint(
            "reason IN ('assignee', 'team', 'lead', 'watcher', 'duty', 'approver', 'requester', 'mentioned', "
            "'webhooks')",
            name="ck_mails_reason",
        ),
        CheckConstraint("state IN ('pending', 'in_flight', 'sent', 'dead')", name="ck_mails_state"),
        _to("notifications", "notification_id"),
        _to("users", "user_id"),
        Index("uq_mails_recipient", "organization_id", "notification_id", "user_id", unique=True),
        Index("ix_mails_user", "organization_id", "user_id"),
        Index("ix_mails_due", "next_attempt_at", "id", postgresql_where=text("state = 'pending'")),
        Index("ix_mails_lease", "lease_expires_at", postgresql_where=text("state = 'in_flight'")),
        Index("ix_mails_dead", "organization_id", "id", postgresql_where=text("state = 'dead'")),
        Index("ix_mails_finished", "finished_at", postgresql_where=text("finished_at IS NOT NULL")),
    )


class DutyRow(OfOrganization, Base):
    """A user is on duty for a time, for a team or for the organization."""

    __tablename__ = "duties"

    team_id: Mapped[UUID | None]
    user_id: Mapped[UUID]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    created_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("ends_at > starts_at", name="ck_duties_span"),
        _to("teams", "team_id"),
        _to("users", "user_id"),
        Index("ix_duties_team", "organization_id", "team_id", "ends_at"),
        Index("ix_duties_user", "organization_id", "user_id"),
    )


class PageRow(OfOrganization, Base):
    """One level of a clock for which somebody is paged."""

    __tablename__ = "pages"

    ticket_id: Mapped[UUID]
    clock_id: Mapped[UUID]
    level: Mapped[str]
    metric: Mapped[str]
    severity: Mapped[str]
    dedup_key: Mapped[str]
    state: Mapped[str]
    reached_at: Mapped[datetime]
    due_at: Mapped[datetime | None]
    user_id: Mapped[UUID | None]
    rule: Mapped[str | None]
    created_at: Mapped[datetime]
    acknowledged_at: Mapped[datetime | None]
    resolved_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("severity IN ('critical', 'error', 'warning', 'info')", name="ck_pages_severity"),
        CheckConstraint("state IN ('triggered', 'acknowledged', 'resolved')", name="ck_pages_state"),
        CheckConstraint("(resolved_at IS NOT NULL) = (state = 'resolved')", name="ck_pages_resolved"),
        _to("tickets", "ticket_id"),
        _to("sla_clocks", "clock_id"),
        ForeignKeyConstraint(
            ["organization_id", "user_id"], ["users.organization_id", "users.id"], ondelete="SET NULL (user_id)"
        ),
        Index("ix_pages_user", "organization_id", "user_id", postgresql_where=text("user_id IS NOT NULL")),
        Index("uq_pages_level", "organization_id", "clock_id", "level", unique=True),
        Index("ix_pages_ticket", "organization_id", "ticket_id"),
        Index("ix_pages_open", "organization_id", "ticket_id", postgresql_where=text("state <> 'resolved'")),
        Index("ix_pages_dedup", "organization_id", "dedup_key"),
    )
