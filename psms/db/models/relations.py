"""Tables of links and merges of tickets; only columns and keys. Tickets themselves are in `tickets`."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from psms.db.base import Base, OfOrganization


def _to(table: str, column: str, ondelete: str = "CASCADE") -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["organization_id", column], [f"{table}.organization_id", f"{table}.id"], ondelete=ondelete
    )


class TicketLinkRow(OfOrganization, Base):
    """A link between two tickets, seen from both sides."""

    __tablename__ = "ticket_links"

    kind: Mapped[str]
    from_id: Mapped[UUID]
    to_id: Mapped[UUID]
    created_by: Mapped[UUID | None]
    created_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("kind IN ('relates_to', 'duplicates', 'blocks', 'causes')", name="ck_ticket_links_kind"),
        CheckConstraint("from_id <> to_id", name="ck_ticket_links_two"),
        CheckConstraint("kind <> 'relates_to' OR from_id < to_id", name="ck_ticket_links_order"),
        _to("tickets", "from_id"),
        _to("tickets", "to_id"),
        _to("users", "created_by", "SET NULL (created_by)"),
        Index(
            "uq_ticket_links",
            "organization_id",
            "kind",
            text("LEAST(from_id, to_id)"),
            text("GREATEST(from_id, to_id)"),
            unique=True,
        ),
        Index("ix_ticket_links_from", "organization_id", "from_id", "id"),
        Index("ix_ticket_links_to", "organization_id", "to_id", "id"),
        Index(
            "ix_ticket_links_author", "organization_id", "created_by", postgresql_where=text("created_by IS NOT NULL")
        ),
    )


class TicketMergeRow(OfOrganization, Base):
    """A ticket, by its id, that goes on as part of another one, and what it was before."""

    __tablename__ = "ticket_merges"

    survivor_id: Mapped[UUID]
    status: Mapped[str]
    stage: Mapped[str | None]
    closed_at: Mapped[datetime | None]
    merged_by: Mapped[UUID | None]
    merged_at: Mapped[datetime]

    __table_args__ = (
        _to("tickets", "id"),
        _to("tickets", "survivor_id"),
        _to("users", "merged_by", "SET NULL (merged_by)"),
        Index("ix_ticket_merges_survivor", "organization_id", "survivor_id"),
        Index(
            "ix_ticket_merges_author", "organization_id", "merged_by", postgresql_where=text("merged_by IS NOT NULL")
        ),
    )


class TicketMergeWatcherRow(Base):
    """Somebody whom a merge lets follow the survivor."""

    __tablename__ = "ticket_merge_watchers"

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    merge_id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(primary_key=True)

    __table_args__ = (
        _to("ticket_merges", "merge_id"),
        _to("users", "user_id"),
        Index("ix_ticket_merge_watchers_user", "organization_id", "user_id"),
    )
