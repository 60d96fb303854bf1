"""Tables of workflow runs; only columns and keys. What becomes of them is in `workflows.run_drain`."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from psms.db.base import Base, OfOrganization


def _to_run() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["organization_id", "run_id"], ["workflow_runs.organization_id", "workflow_runs.id"], ondelete="CASCADE"
    )


class WorkflowRunRow(OfOrganization, Base):
    """What takes several steps, or waits for people or for a time."""

    __tablename__ = "workflow_runs"

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"), primary_key=True)
    kind: Mapped[str]
    version: Mapped[int]
    business_key: Mapped[str]
    ticket_id: Mapped[UUID | None]
    input: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    data: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    state: Mapped[str] = mapped_column(server_default="waiting")
    step: Mapped[str]
    due_at: Mapped[datetime | None]
    listens: Mapped[bool]
    steps_done: Mapped[int] = mapped_column(server_default="0")
    tries: Mapped[int] = mapped_column(server_default="0")
    step_started_at: Mapped[datetime | None]
    lease_token: Mapped[UUID | None]
    lease_expires_at: Mapped[datetime | None]
    error: Mapped[str | None]
    result: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    reason: Mapped[str | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("version > 0", name="ck_workflow_runs_version"),
        CheckConstraint("state IN ('waiting', 'finished', 'cancelled', 'failed')", name="ck_workflow_runs_state"),
        CheckConstraint(
            "(finished_at IS NOT NULL) = (state IN ('finished', 'cancelled'))", name="ck_workflow_runs_finished"
        ),
        ForeignKeyConstraint(
            ["organization_id", "ticket_id"], ["tickets.organization_id", "tickets.id"], ondelete="CASCADE"
        ),
        Index("uq_workflow_runs_key", "organization_id", "kind", "business_key", unique=True),
        Index(
            "ix_workflow_runs_ticket",
            "organization_id",
            "ticket_id",
            "id",
            postgresql_where=text("ticket_id IS NOT NULL"),
        ),
        Index("ix_workflow_runs_due", "due_at", "id", postgresql_where=text("state = 'waiting'")),
        Index("ix_workflow_runs_failed", "organization_id", "id", postgresql_where=text("state = 'failed'")),
        Index("ix_workflow_runs_finished", "finished_at", postgresql_where=text("finished_at IS NOT NULL")),
    )


class WorkflowStepRow(Base):
    """One step of a run that was done, or that failed when it was tried last."""

    __tablename__ = "workflow_steps"

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    run_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    state: Mapped[str]
    tries: Mapped[int]
    result: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    error: Mapped[str | None]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime]

    __table_args__ = (CheckConstraint("state IN ('done', 'failed')", name="ck_workflow_steps_state"), _to_run())


class WorkflowSignalRow(OfOrganization, Base):
    """Something that a run is told."""

    __tablename__ = "workflow_signals"

    run_id: Mapped[UUID]
    name: Mapped[str]
    payload: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    dedupe_key: Mapped[str]
    created_at: Mapped[datetime]
    consumed_by: Mapped[int | None]

    __table_args__ = (
        _to_run(),
        Index("uq_workflow_signals_key", "organization_id", "run_id", "dedupe_key", unique=True),
    )
