"""What an edit would do to the clocks that run, in numbers; nothing is changed to find out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from psms.domain.sla.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """Of so many open tickets and clocks, how many deadlines would move, and how many would be breached at once.

    *complete* is False where time did not suffice for all open tickets: the figures are those of *tickets*, the oldest.
    """

    tickets: int
    clocks: int
    moved: int
    would_breach: int
    complete: bool


def moves(before: Clock, after: Clock) -> bool:
    """Tell whether an edit moves a clock's deadline, or what is left to it while it is paused."""
    left = before.target - before.consumed, after.target - after.consumed
    return before.due_at != after.due_at if before.due_at or after.due_at else left[0] != left[1]


def breaches(before: Clock, after: Clock, at: int) -> bool:
    """Tell whether an edit at the instant *at* leaves nothing to a clock that had something left."""
    return not _is_over(before, at) and _is_over(after, max(at, after.since))


def preview_of(pairs: Iterable[tuple[Clock, Clock]], *, at: int, tickets: int) -> Preview:
    """Return what an edit does to clocks, each given before and after it."""
    active = [(before, after) for before, after in pairs if before.is_active]
    return Preview(
        tickets=tickets,
        clocks=len(active),
        moved=sum(moves(before, after) for before, after in active),
        would_breach=sum(breaches(before, after, at) for before, after in active),
        complete=True,
    )


def together(pages: Sequence[Preview], *, complete: bool) -> Preview:
    """Return the sums of pages."""
    return Preview(
        tickets=sum(page.tickets for page in pages),
        clocks=sum(page.clocks for page in pages),
        moved=sum(page.moved for page in pages),
        would_breach=sum(page.would_breach for page in pages),
        complete=complete,
    )


def _is_over(clock: Clock, at: int) -> bool:
    return clock.breached_at is not None or (clock.due_at is not None and clock.due_at <= at)
