"""The ledger of an endpoint: how many events of each day were committed for it, and what became of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from psms.errors import FieldError

MOST_DAYS = 31
"""Of so many days the ledger is told at once: it is counted anew each time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerCounts:
    """So many were committed, which is the sum of the others. What is in flight is among the pending."""

    committed: int = 0
    delivered: int = 0
    pending: int = 0
    held: int = 0
    dead: int = 0
    cancelled: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerDay:
    """One day, in UTC, on which events were committed, with the sequences of the first and the last of them."""

    day: date
    first_sequence: int
    last_sequence: int
    counts: LedgerCounts


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """The days from *since* to *until*, both counted, on which anything was committed, and their sum.

    *last_sequence* is how many sequence numbers the endpoint has given out since it was registered, and *accounted*
    how many of them there is something to show for: deliveries that are kept, and counts of those that were removed.
    *gapless* says that these are the same. *unrelayed* events of the organization have no delivery yet.
    """

    endpoint_id: UUID
    since: date
    until: date
    days: list[LedgerDay]
    total: LedgerCounts
    last_sequence: int
    accounted: int
    gapless: bool
    unrelayed: int


def span_of(since: date | None, until: date | None, today: date) -> tuple[date, date]:
    """Return the first and the last day that are asked for: a week up to today, where nothing is said."""
    last = until or today
    first = since or last - timedelta(days=6)
    if last < first:
        raise FieldError("until", "Must not be before since.")
    if last - first >= timedelta(days=MOST_DAYS):
        raise FieldError("since", f"At most {MOST_DAYS} days at once.")
    return first, last


def instants_of(first: date, last: date) -> tuple[datetime, datetime]:
    """Return the instant at which the day *first* begins, and the one at which *last* is over, in UTC."""
    return _midnight(first), _midnight(last + timedelta(days=1))


def together(days: Iterable[LedgerDay]) -> list[LedgerDay]:
    """Return one entry for each day, in order, where a day may have come in parts."""
    by_day: dict[date, list[LedgerDay]] = {}
    for one in days:
        by_day.setdefault(one.day, []).append(one)
    return [_joined(by_day[day]) for day in sorted(by_day)]


def total_of(counts: Sequence[LedgerCounts]) -> LedgerCounts:
    """Return the sum of *counts*."""
    return LedgerCounts(**{name: sum(getattr(one, name) for one in counts) for name in LedgerCounts.__slots__})


def _joined(parts: list[LedgerDay]) -> LedgerDay:
    return LedgerDay(
        day=parts[0].day,
        first_sequence=min(part.first_sequence for part in parts),
        last_sequence=max(part.last_sequence for part in parts),
        counts=total_of([part.counts for part in parts]),
    )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)
