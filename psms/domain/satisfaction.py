"""How satisfied requesters were: one answer to a ticket, when it may be given, and the figures of reports.

A share of few answers says little: with each comes the interval that it lies in, which few answers leave wide.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from math import sqrt
from uuid import UUID

from psms.domain.csv_tables import Cell
from psms.domain.day_spans import DaySpan, Every
from psms.domain.tickets import Status, Ticket
from psms.errors import ActionNotAllowed

OPEN_FOR = timedelta(days=30)
"""For so long after a ticket was closed its requester may answer, and change the answer."""
SCORES = (1, 2, 3, 4, 5)
SATISFIED = 4
"""Whoever gives this or more counts as satisfied."""
NO_KEY = "none"

# The share of a normal distribution within 1.96 standard deviations of its mean is 95 %.
_Z = 1.96


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Say how satisfied one is, from 1 to 5."""

    score: int
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rating:
    """What a requester said."""

    ticket_id: UUID
    user_id: UUID
    score: int
    comment: str
    rated_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Satisfaction:
    """What was said of a ticket, None where nothing was, and whether the reader may (still) say it, and until when."""

    ticket_id: UUID
    score: int | None
    comment: str | None
    rated_at: datetime | None
    changed_at: datetime | None
    may_rate: bool
    until: datetime | None


class SatisfactionBy(StrEnum):
    """What a report is divided by, as the ticket has it now."""

    TEAM = "team"
    SERVICE = "service"
    ASSIGNEE = "assignee"


@dataclass(frozen=True, slots=True, kw_only=True)
class SatisfactionQuestion:
    """The tickets that were resolved in a span of days, and are still resolved or closed, divided by something."""

    span: DaySpan
    by: SatisfactionBy


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What was answered of the tickets that were resolved. *scores* are the answers from 1 to 5.

    *satisfied* is the share that gave 4 or 5, with 95 % confidence from *satisfied_low* to *satisfied_high*.
    """

    resolved: int
    rated: int
    response_rate: float | None
    average: float | None
    satisfied: float | None
    satisfied_low: float | None
    satisfied_high: float | None
    scores: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class SatisfactionGroup:
    """The figures of a period and a key."""

    since: date
    until: date
    key: str
    name: str | None
    figures: Figures


@dataclass(frozen=True, slots=True, kw_only=True)
class SatisfactionReport:
    """The figures of all, and of each period and key."""

    at: datetime
    since: date
    until: date
    time_zone: str
    by: SatisfactionBy
    every: Every
    total: Figures
    groups: Sequence[SatisfactionGroup]


def rateable_until(ticket: Ticket) -> datetime | None:
    """Return until when the ticket may be rated; None while that has no end, or it may not be rated at all."""
    return None if ticket.closed_at is None or ticket.status is not Status.CLOSED else ticket.closed_at + OPEN_FOR


def is_rateable(ticket: Ticket, now: datetime) -> bool:
    """Tell whether a ticket may be rated at *now*: once it is resolved, and until 30 days after it was closed."""
    until = rateable_until(ticket)
    return ticket.status in {Status.RESOLVED, Status.CLOSED} and (until is None or now < until)


def require_rateable(ticket: Ticket, now: datetime) -> None:
    """Raise ActionNotAllowed unless a ticket may be rated at *now*."""
    if not is_rateable(ticket, now):
        message = "A ticket can be rated once it is resolved, and until 30 days after it was closed."
        raise ActionNotAllowed(message, ticket_status=ticket.status, legal_actions=[])


def figures_of(resolved: int, scores: Sequence[int]) -> Figures:
    """Return the figures of so many resolved tickets and the counts of the scores from 1 to 5."""
    rated = sum(scores)
    satisfied = sum(scores[SATISFIED - 1 :])
    low, high = interval(satisfied, rated)
    given = sum(score * count for score, count in zip(SCORES, scores, strict=True))
    return Figures(
        resolved=resolved,
        rated=rated,
        response_rate=_share(rated, resolved),
        average=round(given / rated, 2) if rated else None,
        satisfied=_share(satisfied, rated),
        satisfied_low=low,
        satisfied_high=high,
        scores=list(scores),
    )


def interval(hits: int, count: int) -> tuple[float | None, float | None]:
    """Return Wilson's score interval of a share, 95 %: honest also where *count* is small or the share 0 or 1.

    Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927).
    """
    if count == 0:
        return None, None
    share, squared = hits / count, _Z * _Z
    middle = (share + squared / (2 * count)) / (1 + squared / count)
    half = _Z / (1 + squared / count) * sqrt(share * (1 - share) / count + squared / (4 * count * count))
    return round(max(0.0, middle - half), 4), round(min(1.0, middle + half), 4)


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


SATISFACTION_HEADER = (
    "by", "from", "to", "time_zone", "key", "name", "resolved", "rated", "response_rate", "average", "satisfied",
    "satisfied_low", "satisfied_high", *(f"score_{score}" for score in SCORES),
)  # fmt: skip


def satisfaction_rows(report: SatisfactionReport) -> Iterator[list[Cell]]:
    """Return the rows of a report as CSV: the total first, its key empty, then each group."""
    yield _row(report, (report.since, report.until), (None, None), report.total)
    for group in report.groups:
        yield _row(report, (group.since, group.until), (group.key, group.name), group.figures)


def _row(
    report: SatisfactionReport, days: tuple[date, date], named: tuple[str | None, str | None], figures: Figures
) -> list[Cell]:
    shares = figures.response_rate, figures.average, figures.satisfied, figures.satisfied_low, figures.satisfied_high
    first, last = (day.isoformat() for day in days)
    counted = figures.resolved, figures.rated, *shares, *figures.scores
    return [report.by.value, first, last, report.time_zone, *named, *counted]
