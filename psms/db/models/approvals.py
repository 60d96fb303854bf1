"""Tables of approvals and changes; only columns and keys. The ticket that waits for them is in `tickets`."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from psms.db.base import Base, OfOrganization, Versioned


def _to(table: str, column: str, ondelete: str = "CASCADE") -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["organization_id", column], [f"{table}.organization_id", f"{table}.id"], ondelete=ondelete
    )


class ApprovalRow(OfOrganization, Base):
    """One step of a chain that a ticket waits for."""

    __tablename__ = "approvals"

    ticket_id: Mapped[UUID]
    chain_id: Mapped[UUID]
    position: Mapped[int]
    source: Mapped[str]
    definition: Mapped[dict[str, Any]]
    state: Mapped[str]
    required: Mapped[int | None]
    asked_by: Mapped[UUID | None]
    created_at: Mapped[datetime]
    began_at: Mapped[datetime | None]
    remind_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    escalated_at: Mapped[datetime | None]
    decided_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("source IN ('service', 'ad_hoc')", name="ck_approvals_source"),
        CheckConstraint(
            "state IN ('waiting', 'pending', 'approved', 'rejected', 'expired', 'withdrawn')", name="ck_approvals_state"
        ),
        CheckConstraint(
            "(decided_at IS NOT NULL) = (state IN ('approved', 'rejected', 'expired', 'withdrawn'))",
            name="ck_approvals_decided",
        ),
        _to("tickets", "ticket_id"),
        _to("users", "asked_by", "SET NULL (asked_by)"),
        Index("ix_approvals_ticket", "organization_id", "ticket_id", "id"),
        Index("ix_approvals_asked_by", "organization_id", "asked_by", postgresql_where=text("asked_by IS NOT NULL")),
        Index("uq_approvals_step", "organization_id", "chain_id", "position", unique=True),
        Index(
            "uq_approvals_pending",
            "organization_id",
            "ticket_id",
            unique=True,
            postgresql_where=text("state = 'pending'"),
        ),
    )


class ApprovalSeatRow(Base):
    """One vote of one step."""

    __tablename__ = "approval_seats"

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    approval_id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    ticket_id: Mapped[UUID]
    delegate_id: Mapped[UUID | None]
    asked: Mapped[bool]
    decision: Mapped[str | None]
    comment: Mapped[str | None]
    voted_by: Mapped[UUID | None]
    voted_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("decision IN ('approve', 'reject')", name="ck_approval_seats_decision"),
        CheckConstraint("(decision IS NULL) = (voted_at IS NULL)", name="ck_approval_seats_voted"),
        CheckConstraint("delegate_id <> user_id", name="ck_approval_seats_delegate"),
        _to("approvals", "approval_id"),
        _to("tickets", "ticket_id"),
        _to("users", "user_id"),
        _to("users", "delegate_id", "SET NULL (delegate_id)"),
        _to("users", "voted_by", "SET NULL (voted_by)"),
        Index("ix_approval_seats_user", "organization_id", "user_id", "asked", "ticket_id"),
        Index(
            "ix_approval_seats_delegate",
            "organization_id",
            "delegate_id",
            "asked",
            "ticket_id",
            postgresql_where=text("delegate_id IS NOT NULL"),
        ),
        Index(
            "ix_approval_seats_voted_by", "organization_id", "voted_by", postgresql_where=text("voted_by IS NOT NULL")
        ),
        Index("ix_approval_seats_ticket", "organization_id", "ticket_id"),
    )


class ApprovalDelegationRow(OfOrganization, Base):
    """Somebody stands in for somebody who is away."""

    __tablename__ = "approval_delegations"

    user_id: Mapped[UUID]
    delegate_id: Mapped[UUID]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    created_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("ends_at > starts_at", name="ck_approval_delegations_span"),
        CheckConstraint("delegate_id <> user_id", name="ck_approval_delegations_other"),
        _to("users", "user_id"),
        _to("users", "delegate_id"),
        Index("ix_approval_delegations_user", "organization_id", "user_id", "ends_at"),
        Index("ix_approval_delegations_delegate", "organization_id", "delegate_id"),
    )


class ChangeRow(OfOrganization, Versioned, Base):
    """What a change is planned with, by its ticket's id."""

    __tablename__ = "changes"

    planned_start: Mapped[datetime | None]
    planned_end: Mapped[datetime | None]
    plan: Mapped[str | None]
    backout_plan: Mapped[str | None]
    risk: Mapped[str | None]
    outcome: Mapped[str | None]
    scheduled: Mapped[bool] = mapped_column(server_default=text("false"))
    version: Mapped[int] = mapped_column(BigInteger, server_default="1")

    __table_args__ = (
        CheckConstraint("risk IN ('high', 'medium', 'low')", name="ck_changes_risk"),
        CheckConstraint("outcome IN ('successful', 'failed', 'rolled_back')", name="ck_changes_outcome"),
        CheckConstraint("planned_end > planned_start", name="ck_changes_span"),
        _to("tickets", "id"),
        Index("ix_changes_calendar", "organization_id", "planned_end", postgresql_where=text("scheduled")),
    )
