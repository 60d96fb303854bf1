"""Spans of days as they begin and end in a time zone, and the periods they are cut into, for reports."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from itertools import pairwise

from psms.errors import FieldError

MOST_DAYS = 366


class Every(StrEnum):
    """Into which periods a span is cut. Weeks begin on Monday."""

    SPAN = "span"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True, kw_only=True)
class DaySpan:
    """The days from *since* to *until*, both counted, as they begin and end in the zone called *time_zone*."""

    since: date
    until: date
    every: Every = Every.SPAN
    time_zone: str = "UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """A part of the span: its first and last day, and the instants from and until before which it lasts."""

    since: date
    until: date
    begins_at: datetime
    ends_at: datetime


def periods_of(span: DaySpan, zone: tzinfo) -> list[Period]:
    """Cut the span into periods that begin and end at midnight in *zone*, whatever its clocks do in between.

    Raises FieldError for a span that is empty, or longer than 366 days. Where a midnight is skipped, the day begins at
    the instant at which the clocks are moved.
    """
    if span.until < span.since:
        raise FieldError("to", "must not be before from")
    if span.until - span.since >= timedelta(days=MOST_DAYS):
        raise FieldError("from", "at most 366 days at once")
    end = span.until + timedelta(days=1)
    first_days = [*_first_days(span), end]
    return [
        Period(
            since=first,
            until=following - timedelta(days=1),
            begins_at=_midnight(first, zone),
            ends_at=_midnight(following, zone),
        )
        for first, following in pairwise(first_days)
    ]


def _first_days(span: DaySpan) -> Iterator[date]:
    day = span.since
    while day <= span.until:
        yield day
        day = _next(day, span)


def _next(day: date, span: DaySpan) -> date:
    match span.every:
        case Every.SPAN:
            return span.until + timedelta(days=1)
        case Every.DAY:
            return day + timedelta(days=1)
        case Every.WEEK:
            return day + timedelta(days=7 - day.weekday())
        case Every.MONTH:
            return (day.replace(day=1) + timedelta(days=31)).replace(day=1)


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)
