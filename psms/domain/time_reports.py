"""How much was worked, by whom and for what: spans of days in a time zone, what they are divided by, the CSV.

The counting itself is one statement: see `psms.db.queries.time_reports`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from itertools import pairwise

from psms.domain.csv_tables import Cell
from psms.errors import FieldError

MOST_DAYS = 366
NO_KEY = "none"
"""The key of what has none: tickets without a team, entries without an activity."""


class TimeBy(StrEnum):
    """What a report is divided by; team, service and customer (the requester) as the ticket has it now."""

    USER = "user"
    TEAM = "team"
    SERVICE = "service"
    CUSTOMER = "customer"
    BILLABLE = "billable"
    ACTIVITY = "activity"


class Every(StrEnum):
    """Into which periods a span is cut. Weeks begin on Monday."""

    SPAN = "span"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeReportQuestion:
    """The days from *since* to *until*, both counted, as they begin and end in the zone called *time_zone*."""

    since: date
    until: date
    by: TimeBy
    every: Every = Every.SPAN
    time_zone: str = "UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """A part of the span: its first and last day, and the instants from and until before which it lasts."""

    since: date
    until: date
    begins_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeSum:
    """How much was worked in a period for one key."""

    since: date
    until: date
    key: str
    name: str | None
    entries: int
    tickets: int
    seconds: int
    billable_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeReport:
    """The sums, by period and then the most first. *complete* is False where there are more than are shown."""

    at: datetime
    since: date
    until: date
    time_zone: str
    by: TimeBy
    every: Every
    entries: int
    seconds: int
    billable_seconds: int
    sums: Sequence[TimeSum]
    complete: bool


def periods_of(question: TimeReportQuestion, zone: tzinfo) -> list[Period]:
    """Cut the span into periods that begin and end at midnight in *zone*, whatever its clocks do in between.

    Raises FieldError for a span that is empty, or longer than 366 days. Where a midnight is skipped, the day begins at
    the instant at which the clocks are moved.
    """
    if question.until < question.since:
        raise FieldError("to", "must not be before from")
    if question.until - question.since >= timedelta(days=MOST_DAYS):
        raise FieldError("from", "at most 366 days at once")
    end = question.until + timedelta(days=1)
    first_days = [*_first_days(question), end]
    return [
        Period(
            since=first,
            until=following - timedelta(days=1),
            begins_at=_midnight(first, zone),
            ends_at=_midnight(following, zone),
        )
        for first, following in pairwise(first_days)
    ]


def _first_days(question: TimeReportQuestion) -> Iterator[date]:
    day = question.since
    while day <= question.until:
        yield day
        day = _next(day, question)


def _next(day: date, question: TimeReportQuestion) -> date:
    match question.every:
        case Every.SPAN:
            return question.until + timedelta(days=1)
        case Every.DAY:
            return day + timedelta(days=1)
        case Every.WEEK:
            return day + timedelta(days=7 - day.weekday())
        case Every.MONTH:
            return (day.replace(day=1) + timedelta(days=31)).replace(day=1)


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)


TIME_REPORT_HEADER = (
    "by", "from", "to", "time_zone", "key", "name", "entries", "tickets", "seconds", "hours", "billable_seconds",
)  # fmt: skip


def time_report_rows(report: TimeReport) -> Iterator[list[Cell]]:
    """Return the rows of a report as CSV, one for each period and key; hours are rounded to hundredths."""
    for one in report.sums:
        days = one.since.isoformat(), one.until.isoformat(), report.time_zone
        counted = one.entries, one.tickets, one.seconds, round(one.seconds / 3600, 2), one.billable_seconds
        yield [report.by.value, *days, one.key, one.name, *counted]
