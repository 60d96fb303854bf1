"""The declarative base and what tables share; the tables themselves are in `psms.db.models`."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, Text
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import Uuid


class Base(DeclarativeBase):
    """Every table; a Python type stands for one column type throughout."""

    type_annotation_map = {  # noqa: RUF012  (SQLAlchemy reads a plain class attribute)
        datetime: DateTime(timezone=True),
        str: Text(),
        bytes: BYTEA(),
        UUID: Uuid(),
        list[str]: ARRAY(Text()),
        dict[str, Any]: JSONB(),
    }


class Identified:
    """A row with an id of its own."""

    id: Mapped[UUID] = mapped_column(primary_key=True)


class OfOrganization(Identified):
    """A row that belongs to one organization, which leads its primary key."""

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)


class Versioned(Identified):
    """A row that people edit: *version* counts its changes and is its ETag."""

    version: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
