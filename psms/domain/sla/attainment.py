"""What was kept of what was promised: which clocks a report counts, by what, and what each figure opens.

The counting itself is one statement: see `psms.db.queries.sla_reports`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from urllib.parse import urlencode
from uuid import UUID

from psms.domain.csv_tables import Cell
from psms.domain.sla.terms import Metric

NO_KEY = "none"
"""The key of what has none: tickets without a team."""


class By(StrEnum):
    """What a report is divided by: as the ticket has it now, save the policy, and the team of a clock between teams.

    The customer is the requester.
    """

    TEAM = "team"
    SERVICE = "service"
    CUSTOMER = "customer"
    PRIORITY = "priority"
    POLICY = "policy"
    METRIC = "metric"


class Figure(StrEnum):
    """What a clock is counted under. The causes divide what was missed: each miss has exactly one."""

    MET = "met"
    MISSED = "missed"
    RUNNING_OVER = "running_over"  # missed, and goes on
    CANCELLED = "cancelled"  # ended without a verdict
    VOIDED = "voided"  # missed, and declared void: no miss any more
    RETARGETED = "retargeted"
    REOPENED = "reopened"
    NEVER_ANSWERED = "never_answered"
    ANSWERED_LATE = "answered_late"
    UNANSWERED = "unanswered"
    INTERRUPTED = "interrupted"
    TOOK_TOO_LONG = "took_too_long"


VERDICTS = (Figure.MET, Figure.MISSED, Figure.RUNNING_OVER, Figure.CANCELLED, Figure.VOIDED)
CAUSES = tuple(figure for figure in Figure if figure not in VERDICTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Clocks that were missed, or else ended, from *since* until before *until*.

    Those of *metric*; None: of each that customers are promised, never of what teams agreed on among themselves.
    """

    since: datetime
    until: datetime
    by: By
    metric: Metric | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The clocks of a question that one figure counted, of one group or, where *key* is None, of all."""

    question: Question
    figure: Figure
    key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """So many clocks under a figure for a key, of so many tickets; *total*: over all keys."""

    key: str | None
    total: bool
    figure: Figure
    clocks: int
    tickets: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """So many clocks, of so many tickets, and the address that lists exactly these tickets."""

    clocks: int
    tickets: int
    opens: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The figures of one team, service, customer, priority, policy or metric; of the total *key* is None.

    *attainment* is the share that was met of what was met or missed; None where nothing was. Breaches that were
    declared void are in neither.
    """

    key: str | None
    name: str | None
    attainment: float | None
    met: Counted
    missed: Counted
    running_over: Counted
    cancelled: Counted
    voided: Counted
    causes: Mapping[str, Counted]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attainment:
    """A report. *complete* is False where there are more groups; those with the most misses are shown."""

    at: datetime
    since: datetime
    until: datetime
    by: By
    metric: Metric | None
    total: Group
    groups: Sequence[Group]
    complete: bool


def group_of(question: Question, key: str | None, name: str | None, tallies: Iterable[Tally]) -> Group:
    """Return the figures that *tallies* of one key, or of the total, say; what they do not speak of is nothing."""
    told = {tally.figure: tally for tally in tallies}
    counted = {figure: _counted(Selection(question=question, figure=figure, key=key), told) for figure in Figure}
    met, missed = counted[Figure.MET].clocks, counted[Figure.MISSED].clocks
    return Group(
        key=key,
        name=name,
        attainment=round(met / (met + missed), 4) if met + missed else None,
        met=counted[Figure.MET],
        missed=counted[Figure.MISSED],
        running_over=counted[Figure.RUNNING_OVER],
        cancelled=counted[Figure.CANCELLED],
        voided=counted[Figure.VOIDED],
        causes={cause.value: counted[cause] for cause in CAUSES},
    )


def _counted(selection: Selection, told: Mapping[Figure, Tally]) -> Counted:
    tally = told.get(selection.figure)
    clocks, tickets = (0, 0) if tally is None else (tally.clocks, tally.tickets)
    return Counted(clocks=clocks, tickets=tickets, opens=address_of(selection))


def address_of(selection: Selection) -> str:
    """Return the address that lists the tickets of a selection."""
    question = selection.question
    asked = {
        "from": _text(question.since),
        "to": _text(question.until),
        "by": question.by.value,
        "metric": None if question.metric is None else question.metric.value,
        "figure": selection.figure.value,
        "key": selection.key,
    }
    return f"/v1/sla-reports/attainment/tickets?{urlencode({k: v for k, v in asked.items() if v is not None})}"


def _text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


CSV_HEADER = (
    "by", "key", "name", "metric", "from", "to", "attainment",
    *(f"{figure.value}_{what}" for figure in Figure for what in ("clocks", "tickets")),
)  # fmt: skip


def csv_rows(report: Attainment) -> Iterator[list[Cell]]:
    """Return the rows of a report as CSV: the total first, its key empty, then each group."""
    metric = None if report.metric is None else report.metric.value
    span = _text(report.since), _text(report.until)
    for group in (report.total, *report.groups):
        verdicts = (group.met, group.missed, group.running_over, group.cancelled, group.voided)
        counted = [*verdicts, *(group.causes[cause.value] for cause in CAUSES)]
        numbers = [number for one in counted for number in (one.clocks, one.tickets)]
        yield [report.by.value, group.key, group.name, metric, *span, group.attainment, *numbers]


def key_ids(keys: Iterable[str | None]) -> list[UUID]:
    """Return the ids among the keys of teams, services, customers or policies."""
    return [UUID(key) for key in keys if key is not None and key != NO_KEY]
