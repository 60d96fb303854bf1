"""Tables of data keys and the canary; only columns and keys. What is encrypted stands in the other models."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Integer, text
from sqlalchemy.orm import Mapped, mapped_column

from psms.db.base import Base


class DataKeyRow(Base):
    """A data key of one organization and purpose, wrapped under a KEK; the highest version encrypts."""

    __tablename__ = "data_keys"

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"), primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    purpose: Mapped[str]
    version: Mapped[int] = mapped_column(Integer)
    kek_id: Mapped[str]
    wrapped: Mapped[bytes | None]
    messages: Mapped[int] = mapped_column(BigInteger, server_default="0")
    created_at: Mapped[datetime]
    retired_at: Mapped[datetime | None]
    shredded_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("id BETWEEN 1 AND 4294967295", name="ck_data_keys_id"),
        CheckConstraint("purpose IN ('webhooks', 'personal', 'index', 'files')", name="ck_data_keys_purpose"),
        CheckConstraint("(wrapped IS NULL) = (shredded_at IS NOT NULL)", name="ck_data_keys_shredded"),
        Index("uq_data_keys_version", "organization_id", "purpose", "version", unique=True),
        Index("ix_data_keys_worn", "organization_id", postgresql_where=text("messages >= 268435456")),
    )


class KeyCanaryRow(Base):
    """A known value wrapped under the KEK: who cannot read it has the wrong one."""

    __tablename__ = "key_canary"

    single: Mapped[bool] = mapped_column(primary_key=True, server_default=text("true"))
    kek_id: Mapped[str]
    wrapped: Mapped[bytes]
    created_at: Mapped[datetime]

    __table_args__ = (CheckConstraint("single", name="ck_key_canary_one"),)
