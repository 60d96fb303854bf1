"""Versioned rows of the calm paths (people, catalogue, clients, endpoints): page, get, lock and edit by id."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.orm import Session

from psms.db.base import Identified, Versioned
from psms.domain.pages import Page, PageRequest, page_of
from psms.errors import NotFound, VersionStale

R = TypeVar("R", bound=Identified)
V = TypeVar("V", bound=Versioned)
T = TypeVar("T")


def get(session: Session, model: type[R], row_id: UUID) -> R:
    """Return a row of this transaction's organization, or raise NotFound."""
    row = session.scalars(select(model).where(model.id == row_id)).one_or_none()
    if row is None:
        raise NotFound
    return row


def all_of(session: Session, model: type[V], *conditions: ColumnElement[bool]) -> Sequence[V]:
    """Return all rows of the organization that meet *conditions*, locked until the commit, in order."""
    return session.scalars(select(model).where(*conditions).order_by(model.id).with_for_update(key_share=True)).all()


def remove(session: Session, model: type[R], row_id: UUID) -> None:
    """Delete a row, or raise NotFound: of two who try, one does."""
    statement = delete(model).where(model.id == row_id).returning(model.id)
    if session.execute(statement).one_or_none() is None:
        raise NotFound


def lock(session: Session, model: type[V], row_id: UUID, if_version: int | None) -> V:
    """Return a row locked until the commit; raise NotFound, or VersionStale when its version is another.

    The lock lets others refer to the row meanwhile: a foreign key's check does not wait for an edit.
    """
    row = session.scalars(select(model).where(model.id == row_id).with_for_update(key_share=True)).one_or_none()
    if row is None:
        raise NotFound
    if if_version is not None and if_version != row.version:
        raise VersionStale(current_version=row.version)
    return row


def edit(row: V, fields: dict[str, Any], now: datetime) -> dict[str, tuple[Any, Any]]:
    """Set *fields* of a locked row and return what really changed: name to (before, after)."""
    changed = {name: (getattr(row, name), value) for name, value in fields.items() if getattr(row, name) != value}
    for name, (_, value) in changed.items():
        setattr(row, name, value)
    if changed:
        touch(row, now)
    return changed


def touch(row: V, now: datetime) -> None:
    """Count one change of a locked row."""
    row.version += 1
    row.updated_at = now


def page_of_rows(
    session: Session,
    model: type[R],
    page: PageRequest,
    view: Callable[[R], T],
    *conditions: ColumnElement[bool],
) -> Page[T]:
    """Return one page of the organization's rows, oldest first."""
    statement = select(model).where(*conditions)
    if page.after is not None:
        statement = statement.where(model.id > page.after)
    rows = session.scalars(statement.order_by(model.id).limit(page.limit + 1))
    return page_of([view(row) for row in rows], page.limit)


def view_of(view: type[T], row: object, **extra: object) -> T:
    """Return the dataclass *view* of a row whose columns have the names of its fields; *extra* overrides."""
    names: tuple[str, ...] = view.__slots__  # type: ignore[attr-defined]
    return view(**{name: extra[name] if name in extra else getattr(row, name) for name in names})
