"""Tables of tickets, their numbers, comments, idempotency keys and the audit trail; only columns and keys."""

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
from sqlalchemy.orm import Mapped, mapped_column

from psms.db.base import Base, OfOrganization, Versioned


def _to(table: str, column: str, ondelete: str | None = None) -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["organization_id", column], [f"{table}.organization_id", f"{table}.id"], ondelete=ondelete
    )


class TicketRow(OfOrganization, Versioned, Base):
    """A ticket."""

    __tablename__ = "tickets"

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"), primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger)
    type: Mapped[str]
    subject: Mapped[str]
    description: Mapped[str] = mapped_column(server_default="")
    status: Mapped[str]
    impact: Mapped[str]
    urgency: Mapped[str]
    priority: Mapped[str]
    priority_source: Mapped[str] = mapped_column(server_default="matrix")
    priority_reason: Mapped[str | None]
    service_id: Mapped[UUID]
    requester_id: Mapped[UUID]
    assignee_id: Mapped[UUID | None]
    team_id: Mapped[UUID | None]
    tags: Mapped[list[str]] = mapped_column(server_default="{}")
    custom_fields: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    version: Mapped[int] = mapped_column(BigInteger, server_default="1")
    sequence: Mapped[int] = mapped_column(BigInteger, server_default="1")
    resolved_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    sla_policy_id: Mapped[UUID | None]
    sla_policy_version: Mapped[int | None] = mapped_column(BigInteger)
    responded_at: Mapped[datetime | None]
    unanswered_since: Mapped[datetime | None]
    sla_followed: Mapped[int] = mapped_column(BigInteger, server_default="0")
    field_versions: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    stage: Mapped[str | None]
    form_version: Mapped[int | None]
    parent_id: Mapped[UUID | None]
    merged_into_id: Mapped[UUID | None]
    deleted_at: Mapped[datetime | None]
    state_id: Mapped[UUID | None]

    __table_args__ = (
        CheckConstraint("type IN ('incident', 'request', 'problem', 'change')", name="ck_tickets_type"),
        CheckConstraint(
            "status IN ('new', 'open', 'pending', 'on_hold', 'resolved', 'closed', 'cancelled')",
            name="ck_tickets_status",
        ),
        CheckConstraint("impact IN ('high', 'medium', 'low')", name="ck_tickets_impact"),
        CheckConstraint("urgency IN ('high', 'medium', 'low')", name="ck_tickets_urgency"),
        CheckConstraint("priority IN ('critical', 'high', 'medium', 'low')", name="ck_tickets_priority"),
        CheckConstraint("priority_source IN ('matrix', 'manual', 'escalation')", name="ck_tickets_priority_source"),
        CheckConstraint(
            "stage IN ('awaiting_approval', 'planning', 'approved', 'scheduled', 'implementing', 'in_review')",
            name="ck_tickets_stage",
        ),
        CheckConstraint("parent_id <> id", name="ck_tickets_parent"),
        CheckConstraint("merged_into_id <> id", name="ck_tickets_merged"),
        _to("tickets", "parent_id", "SET NULL (parent_id)"),
        _to("tickets", "merged_into_id", "SET NULL (merged_into_id)"),
        _to("ticket_states", "state_id"),
        _to("services", "service_id"),
        _to("users", "requester_id"),
        _to("users", "assignee_id", "SET NULL (assignee_id)"),
        _to("teams", "team_id", "SET NULL (team_id)"),
        Index("uq_tickets_number", "organization_id", "number", unique=True),
        *(
            Index(f"ix_tickets_{name}", "organization_id", column, "id", postgresql_where=text(f"{column} IS NOT NULL"))
            for name, column in (
                ("parent", "parent_id"),
                ("merged", "merged_into_id"),
                ("deleted", "deleted_at"),
                ("state", "state_id"),
            )
        ),
        Index(
            "ix_tickets_resolved", "organization_id", "resolved_at", postgresql_where=text("resolved_at IS NOT NULL")
        ),
        Index("ix_tickets_status", "organization_id", "status", "id"),
        Index("ix_tickets_service", "organization_id", "service_id", "id"),
        Index("ix_tickets_requester", "organization_id", "requester_id", "id"),
        Index(
            "ix_tickets_assignee",
            "organization_id",
            "assignee_id",
            "id",
            postgresql_where=text("assignee_id IS NOT NULL"),
        ),
        Index(
            "ix_tickets_load",
            "organization_id",
            "assignee_id",
            postgresql_where=text(
                "assignee_id IS NOT NULL AND deleted_at IS NULL AND status IN ('new', 'open', 'pending')"
            ),
        ),
        Index("ix_tickets_queue", "organization_id", "service_id", "id", postgresql_where=text("team_id IS NULL")),
        Index(
            "ix_tickets_team",
            "organization_id",
            "team_id",
            "id",
            postgresql_where=text("team_id IS NOT NULL"),
        ),
    )


class TicketStateRow(OfOrganization, Versioned, Base):
    """A state that an organization names within a status."""

    __tablename__ = "ticket_states"

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"), primary_key=True)
    name: Mapped[str]
    status: Mapped[str]
    types: Mapped[list[str]] = mapped_column(server_default="{}")
    position: Mapped[int] = mapped_column(server_default="1000")
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    version: Mapped[int] = mapped_column(BigInteger, server_default="1")

    __table_args__ = (
        CheckConstraint(
            "status IN ('new', 'open', 'pending', 'on_hold', 'resolved', 'closed', 'cancelled')",
            name="ck_ticket_states_status",
        ),
        CheckConstraint("position BETWEEN 1 AND 1000000", name="ck_ticket_states_position"),
        Index(
            "uq_ticket_states_name",
            "organization_id",
            func.lower(text("name")),
            unique=True,
            postgresql_where=text("active"),
        ),
    )


class TicketCounterRow(Base):
    """The last ticket number that an organization gave out."""

    __tablename__ = "ticket_counters"

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"), primary_key=True)
    last_number: Mapped[int] = mapped_column(BigInteger, server_default="0")


class CommentRow(OfOrganization, Base):
    """A comment on a ticket."""

    __tablename__ = "comments"

    ticket_id: Mapped[UUID]
    # Null: PSMS itself wrote it.
    author_id: Mapped[UUID | None]
    body: Mapped[str]
    visibility: Mapped[str]
    created_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("visibility IN ('public', 'internal')", name="ck_comments_visibility"),
        _to("tickets", "ticket_id", "CASCADE"),
        _to("users", "author_id"),
        Index("ix_comments_ticket", "organization_id", "ticket_id", "id"),
        Index("ix_comments_author", "organization_id", "author_id"),
    )


class IdempotencyKeyRow(Base):
    """The answer that a creating request got."""

    __tablename__ = "idempotency_keys"

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[bytes]
    body: Mapped[bytes]
    location: Mapped[str]
    etag: Mapped[str | None]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]

    __table_args__ = (
        _to("oauth_clients", "client_id", "CASCADE"),
        Index("ix_idempotency_keys_expiry", "expires_at"),
    )
