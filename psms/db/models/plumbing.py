"""Tables that belong to no organization; only columns and keys."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from psms.db.base import Base


class ScheduleFireRow(Base):
    """A slot of a schedule that has been used: what must happen once per slot is unique here."""

    __tablename__ = "schedule_fires"

    name: Mapped[str] = mapped_column(primary_key=True)
    slot: Mapped[datetime] = mapped_column(primary_key=True)
    fired_at: Mapped[datetime]
