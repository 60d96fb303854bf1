"""Edits that hold for open tickets, each with the book as it was after it. Following them is in `workflows`."""

from dataclasses import dataclass
from uuid import UUID

from psms.domain.sla.book import Book
from psms.domain.sla.edits import Applies
from psms.domain.sla.timeline import Mode


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """An edit of one calendar or one policy that holds from the instant *at* on, as the *revision* of a book.

    *book* is what was promised right after it, so that it can be followed at any later time just as it would have been
    at once.
    """

    revision: int
    at: int
    applies: Applies
    calendar_id: UUID | None
    policy_id: UUID | None
    book: Book

    @property
    def mode(self) -> Mode:
        """What becomes of the time that clocks have consumed."""
        return Mode.RETROACTIVE if self.applies is Applies.RECOMPUTE else Mode.CARRY
