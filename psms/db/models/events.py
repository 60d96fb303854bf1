"""Tables of events and of those not fanned out yet; only columns and keys. To whom they go is in `webhooks`."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from psms.db.base import Base, OfOrganization


class EventRow(OfOrganization, Base):
    """Something that happened, with the exact bytes that tell partners of it."""

    __tablename__ = "events"

    type: Mapped[str]
    schema_version: Mapped[int] = mapped_column(SmallInteger)
    ticket_id: Mapped[UUID | None]
    sequence: Mapped[int | None] = mapped_column(BigInteger)
    occurred_at: Mapped[datetime]
    body: Mapped[bytes]
    request_id: Mapped[str | None]

    __table_args__ = (
        Index("ix_events_ticket", "organization_id", "ticket_id", "id"),
        {"postgresql_partition_by": "RANGE (id)"},
    )


class OutboxRow(Base):
    """An event that has not been fanned out yet."""

    __tablename__ = "outbox"

    position: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    organization_id: Mapped[UUID]
    event_id: Mapped[UUID]
    event_type: Mapped[str]
    ticket_id: Mapped[UUID | None]
    # To this one alone, or to all but this one.
    endpoint_id: Mapped[UUID | None]
    except_endpoint_id: Mapped[UUID | None]
    occurred_at: Mapped[datetime]
    request_id: Mapped[str | None]
    # How many automations led to it, one after the other.
    depth: Mapped[int] = mapped_column(SmallInteger, server_default="0")
