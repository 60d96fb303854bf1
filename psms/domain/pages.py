"""One page of a list and the position where the next begins; how a cursor is written is the edge's business."""

from dataclasses import dataclass
from typing import Generic, TypeVar
from uuid import UUID

T = TypeVar("T")

DEFAULT_LIMIT = 50
MAX_LIMIT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRequest:
    """At most *limit* items after the item *after* (None: from the beginning)."""

    limit: int = DEFAULT_LIMIT
    after: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """*items*, and the id of the last of them when there are more."""

    items: list[T]
    next_after: UUID | None


def page_of(found: list[T], limit: int, key: str = "id") -> Page[T]:
    """Make a page from up to *limit* + 1 *found* items: the extra one only says that there are more."""
    items = found[:limit]
    more = len(found) > limit
    return Page(items=items, next_after=getattr(items[-1], key) if more else None)
