"""How long tickets were in each status, on the wall and in the open time of their calendars.

Which tickets are looked at, and what their log says, comes from `psms.db.queries.sla_times`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from urllib.parse import urlencode
from uuid import UUID

from psms.domain.csv_tables import Cell
from psms.domain.sla.advance import HoursOf
from psms.domain.sla.instants import SECOND
from psms.domain.tickets import Status

TIMED = (Status.NEW, Status.OPEN, Status.PENDING, Status.ON_HOLD, Status.RESOLVED)
"""The statuses that end; closed and cancelled last for ever."""


class TicketBy(StrEnum):
    """What a report on tickets is divided by, as the ticket has it now. The customer is the requester."""

    TEAM = "team"
    SERVICE = "service"
    CUSTOMER = "customer"
    PRIORITY = "priority"


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeQuestion:
    """Tickets that were filed from *since* until before *until*, divided by *by*."""

    since: datetime
    until: datetime
    by: TicketBy


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeSelection:
    """The tickets of a question that were in a status, of one group or, where *key* is None, of all."""

    question: TimeQuestion
    status: Status
    key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """A ticket's statuses, each with the instant from which on it had it; *calendar* measures its open time."""

    ticket_id: UUID
    key: str
    calendar: str
    statuses: Sequence[tuple[int, Status]]


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusTime:
    """So many tickets were in a status, for so long together; *opens* is the address that lists them."""

    tickets: int
    wall_seconds: int
    open_seconds: int
    opens: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeGroup:
    """The times of one team, service, customer or priority; of the total *key* is None."""

    key: str | None
    name: str | None
    statuses: Mapping[str, StatusTime]


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeInStatus:
    """A report as of *at*. *without_history* are tickets whose log is not kept any more."""

    at: datetime
    since: datetime
    until: datetime
    by: TicketBy
    tickets: int
    without_history: int
    total: TimeGroup
    groups: Sequence[TimeGroup]


def stretches(life: Life, now: int) -> Iterator[tuple[Status, int, int]]:
    """Yield each stretch that a ticket was in a status, until *now*, without those that last for ever."""
    ends = [*(at for at, _ in life.statuses[1:]), now]
    for (begins, status), end in zip(life.statuses, ends, strict=True):
        if status in TIMED:
            yield status, begins, end


def is_selected(life: Life, selection: TimeSelection) -> bool:
    """Tell whether a ticket is of a selection's group and was ever in its status."""
    return selection.key in (None, life.key) and any(one is selection.status for _, one in life.statuses)


def times_of(question: TimeQuestion, key: str | None, lives: Iterable[Life], hours_of: HoursOf, now: int) -> TimeGroup:
    """Return how long *lives* together were in each status; the group's name is not known here."""
    wall = dict.fromkeys(TIMED, 0)
    opened = dict.fromkeys(TIMED, 0)
    tickets: dict[Status, set[UUID]] = {status: set() for status in TIMED}
    for life in lives:
        hours = hours_of(life.calendar)
        for status, begins, end in stretches(life, now):
            wall[status] += end - begins
            opened[status] += hours.elapsed(begins, end)
            tickets[status].add(life.ticket_id)
    times = {
        status.value: StatusTime(
            tickets=len(tickets[status]),
            wall_seconds=wall[status] // SECOND,
            open_seconds=opened[status] // SECOND,
            opens=_address(TimeSelection(question=question, status=status, key=key)),
        )
        for status in TIMED
    }
    return TimeGroup(key=key, name=None, statuses=times)


def _address(selection: TimeSelection) -> str:
    question = selection.question
    asked = {"from": _text(question.since), "to": _text(question.until), "by": question.by.value}
    asked |= {"status": selection.status.value} | ({} if selection.key is None else {"key": selection.key})
    return f"/v1/sla-reports/time-in-status/tickets?{urlencode(asked)}"


def _text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


TIME_CSV_HEADER = ("by", "key", "name", "from", "to", "status", "tickets", "wall_seconds", "open_seconds")


def time_csv_rows(report: TimeInStatus) -> Iterator[list[Cell]]:
    """Return the rows of a report as CSV, one for each status: the total first, its key empty, then each group."""
    for group in (report.total, *report.groups):
        named = [report.by.value, group.key, group.name, _text(report.since), _text(report.until)]
        for status, time in group.statuses.items():
            yield [*named, status, time.tickets, time.wall_seconds, time.open_seconds]
