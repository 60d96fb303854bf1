"""How much was worked, by whom and for what: what reports on time are divided by, their figures, the CSV.

The counting itself is one statement: see `psms.db.queries.time_reports`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from psms.domain.csv_tables import Cell
from psms.domain.day_spans import DaySpan, Every

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


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeReportQuestion:
    """The work of a span of days, divided by something."""

    span: DaySpan
    by: TimeBy


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


TIME_REPORT_HEADER = (
    "by", "from", "to", "time_zone", "key", "name", "entries", "tickets", "seconds", "hours", "billable_seconds",
)  # fmt: skip


def time_report_rows(report: TimeReport) -> Iterator[list[Cell]]:
    """Return the rows of a report as CSV, one for each period and key; hours are rounded to hundredths."""
    for one in report.sums:
        days = one.since.isoformat(), one.until.isoformat(), report.time_zone
        counted = one.entries, one.tickets, one.seconds, round(one.seconds / 3600, 2), one.billable_seconds
        yield [report.by.value, *days, one.key, one.name, *counted]
