"""Tables of replays and of the counts that outlive deliveries; deliveries themselves are in `webhooks`."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from psms.db.base import Base, OfOrganization
from psms.db.models.webhooks import to_endpoint

_RUNNING = text("state = 'running'")


class ReplayRow(OfOrganization, Base):
    """Events to be sent once more to an endpoint, and how far that has got."""

    __tablename__ = "webhook_replays"

    endpoint_id: Mapped[UUID]
    mode: Mapped[str]
    since: Mapped[datetime]
    until: Mapped[datetime]
    event_types: Mapped[list[str] | None]
    dry_run: Mapped[bool] = mapped_column(server_default=text("false"))
    state: Mapped[str] = mapped_column(server_default="running")
    # None: not counted yet.
    matched: Mapped[int | None] = mapped_column(BigInteger)
    released: Mapped[int] = mapped_column(BigInteger, server_default="0")
    # The last event that was looked at.
    done_through: Mapped[UUID | None]
    look_at: Mapped[datetime]
    failures: Mapped[int] = mapped_column(server_default="0")
    error: Mapped[str | None]
    created_by: Mapped[UUID]
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("mode IN ('failed', 'missing', 'all')", name="ck_webhook_replays_mode"),
        CheckConstraint("state IN ('running', 'done', 'cancelled')", name="ck_webhook_replays_state"),
        to_endpoint(),
        Index("ix_webhook_replays_endpoint", "organization_id", "endpoint_id", "id"),
        Index(
            "uq_webhook_replays_running",
            "organization_id",
            "endpoint_id",
            unique=True,
            postgresql_where=_RUNNING,
        ),
        Index("ix_webhook_replays_due", "look_at", postgresql_where=_RUNNING),
    )


class LedgerDayRow(Base):
    """What became of an endpoint's deliveries of one day that are kept no more."""

    __tablename__ = "webhook_ledger_days"

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    endpoint_id: Mapped[UUID] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    first_sequence: Mapped[int] = mapped_column(BigInteger)
    last_sequence: Mapped[int] = mapped_column(BigInteger)
    delivered: Mapped[int] = mapped_column(BigInteger)
    dead: Mapped[int] = mapped_column(BigInteger)
    cancelled: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (to_endpoint(),)
