"""Tables of what the desk notes and keeps: time, timers, ratings, macros and mentions; only columns and keys."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from psms.db.base import Base, OfOrganization, Versioned


def _to(table: str, column: str, ondelete: str | None = None) -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["organization_id", column], [f"{table}.organization_id", f"{table}.id"], ondelete=ondelete
    )


class TimeEntryRow(OfOrganization, Versioned, Base):
    """Time that a person spent on a ticket."""

    __tablename__ = "time_entries"

    ticket_id: Mapped[UUID]
    user_id: Mapped[UUID]
    seconds: Mapped[int] = mapped_column(BigInteger)
    worked_at: Mapped[datetime]
    note: Mapped[str] = mapped_column(server_default="")
    activity: Mapped[str | None]
    billable: Mapped[bool] = mapped_column(server_default="false")
    version: Mapped[int] = mapped_column(BigInteger, server_default="1")

    __table_args__ = (
        CheckConstraint("seconds > 0", name="ck_time_entries_seconds"),
        _to("tickets", "ticket_id", "CASCADE"),
        _to("users", "user_id"),
        Index("ix_time_entries_ticket", "organization_id", "ticket_id", "id"),
        Index("ix_time_entries_user", "organization_id", "user_id", "worked_at"),
        Index("ix_time_entries_worked", "organization_id", "worked_at"),
    )


class TimerRow(OfOrganization, Base):
    """A person is working on a ticket now, and has the time taken."""

    __tablename__ = "time_timers"

    ticket_id: Mapped[UUID]
    user_id: Mapped[UUID]
    note: Mapped[str] = mapped_column(server_default="")
    activity: Mapped[str | None]
    billable: Mapped[bool] = mapped_column(server_default="false")
    started_at: Mapped[datetime]

    __table_args__ = (
        _to("tickets", "ticket_id", "CASCADE"),
        _to("users", "user_id", "CASCADE"),
        Index("uq_time_timers_user", "organization_id", "user_id", unique=True),
        Index("ix_time_timers_ticket", "organization_id", "ticket_id"),
    )


class RatingRow(Base):
    """What a requester thought of how a ticket was dealt with."""

    __tablename__ = "ticket_ratings"

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    ticket_id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID]
    score: Mapped[int] = mapped_column(SmallInteger)
    comment: Mapped[str] = mapped_column(server_default="")
    rated_at: Mapped[datetime]
    changed_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("score >= 1 AND score <= 5", name="ck_ticket_ratings_score"),
        _to("tickets", "ticket_id", "CASCADE"),
        _to("users", "user_id"),
        Index("ix_ticket_ratings_user", "organization_id", "user_id"),
    )


class MacroRow(OfOrganization, Versioned, Base):
    """A reply and actions that somebody keeps to use again."""

    __tablename__ = "macros"

    name: Mapped[str]
    visibility: Mapped[str]
    owner_id: Mapped[UUID]
    team_id: Mapped[UUID | None]
    set_fields: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    add_tags: Mapped[list[str]] = mapped_column(server_default="{}")
    remove_tags: Mapped[list[str]] = mapped_column(server_default="{}")
    action: Mapped[str | None]
    reply: Mapped[str | None]
    reply_visibility: Mapped[str | None]
    version: Mapped[int] = mapped_column(BigInteger, server_default="1")

    __table_args__ = (
        CheckConstraint("visibility IN ('mine', 'team', 'everyone')", name="ck_macros_visibility"),
        CheckConstraint("reply_visibility IN ('public', 'internal')", name="ck_macros_reply_visibility"),
        CheckConstraint("(team_id IS NOT NULL) = (visibility = 'team')", name="ck_macros_team"),
        CheckConstraint("(reply IS NULL) = (reply_visibility IS NULL)", name="ck_macros_reply"),
        _to("users", "owner_id", "CASCADE"),
        _to("teams", "team_id", "CASCADE"),
        Index("ix_macros_owner", "organization_id", "owner_id"),
        Index("ix_macros_team", "organization_id", "team_id", postgresql_where=text("team_id IS NOT NULL")),
    )


class MentionRow(Base):
    """A user was mentioned in a comment."""

    __tablename__ = "comment_mentions"

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    comment_id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(primary_key=True)

    __table_args__ = (
        _to("comments", "comment_id", "CASCADE"),
        _to("users", "user_id", "CASCADE"),
        Index("ix_comment_mentions_user", "organization_id", "user_id"),
    )
