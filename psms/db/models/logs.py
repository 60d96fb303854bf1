"""The log and what proves it: entries, seals, checkpoints; only columns and keys."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from psms.db.base import Base, OfOrganization


class LogRow(OfOrganization, Base):
    """One entry of the audit trail."""

    __tablename__ = "logs"

    at: Mapped[datetime]
    action: Mapped[str]
    outcome: Mapped[str]
    actor_id: Mapped[UUID | None]
    client_id: Mapped[UUID | None]
    request_id: Mapped[str | None]
    target_type: Mapped[str]
    target_id: Mapped[UUID | None]
    before: Mapped[dict[str, Any] | None]
    after: Mapped[dict[str, Any] | None]
    address: Mapped[str | None]

    __table_args__ = (
        CheckConstraint("outcome IN ('done', 'denied')", name="ck_logs_outcome"),
        Index("ix_logs_target", "organization_id", "target_id", "id"),
        Index("ix_logs_actor", "organization_id", "actor_id", "id", postgresql_where=text("actor_id IS NOT NULL")),
        Index("ix_logs_client", "organization_id", "client_id", "id", postgresql_where=text("client_id IS NOT NULL")),
        Index("ix_logs_action", "organization_id", "action", "id", postgresql_ops={"action": "text_pattern_ops"}),
        Index(
            "ix_logs_target_type",
            "organization_id",
            "target_type",
            "id",
            postgresql_where=text("target_type <> 'ticket'"),
        ),
        Index("ix_logs_denied", "organization_id", "id", postgresql_where=text("outcome = 'denied'")),
        {"postgresql_partition_by": "RANGE (id)"},
    )


class LogUnsealedRow(Base):
    """An entry that waits for its seal."""

    __tablename__ = "log_unsealed"

    position: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    organization_id: Mapped[UUID]
    log_id: Mapped[UUID]


class LogSealRow(Base):
    """The place of an entry in its organization's chain."""

    __tablename__ = "log_seals"

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    log_id: Mapped[UUID]
    hash: Mapped[bytes]

    __table_args__ = (
        CheckConstraint("seq > 0", name="ck_log_seals_seq"),
        CheckConstraint("length(hash) = 32", name="ck_log_seals_hash"),
        Index("uq_log_seals_log", "organization_id", "log_id", unique=True),
    )


class LogHeadRow(Base):
    """How far an organization's chain goes, and how much of it is signed."""

    __tablename__ = "log_heads"

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger)
    signed_seq: Mapped[int] = mapped_column(BigInteger, server_default="0")
    unsigned_since: Mapped[datetime | None]

    __table_args__ = (
        Index("ix_log_heads_unsigned", "unsigned_since", postgresql_where=text("unsigned_since IS NOT NULL")),
    )


class LogCheckpointRow(Base):
    """A signature over the chain up to one seal."""

    __tablename__ = "log_checkpoints"

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    hash: Mapped[bytes]
    at: Mapped[datetime]
    key_id: Mapped[str]
    signature: Mapped[bytes]
