"""Reports on time: how much was worked on the tickets that the caller sees, in days of the zone that is asked for."""

from psms.db.queries import time_reports as queries
from psms.domain.access import Actor, Permission, require
from psms.domain.day_spans import DaySpan, Period, periods_of
from psms.domain.sla.zones import UnknownZone
from psms.domain.time_reports import TimeBy, TimeReport, TimeReportQuestion, TimeSum
from psms.errors import FieldError
from psms.runtime import Runtime

MOST_SUMS = 5000

# The names of what a report is divided by are for those who may read the things themselves.
_NAMES = {
    TimeBy.USER: Permission.USER_READ,
    TimeBy.CUSTOMER: Permission.USER_READ,
    TimeBy.TEAM: Permission.TEAM_READ,
    TimeBy.SERVICE: Permission.SERVICE_READ,
}


def time_report(rt: Runtime, actor: Actor, question: TimeReportQuestion) -> TimeReport:
    """Return how much was worked; raise FieldError for an unknown zone, and a span that is empty or over 366 days."""
    require(actor, Permission.TIME_READ)
    periods = periods_in(rt, question.span)
    with rt.db.begin(actor.organization_id) as session:
        rows = queries.sums(session, actor, question.by, periods)
        may_name = question.by in _NAMES and actor.may(_NAMES[question.by])
        keys = sorted({row.key for row in rows[:MOST_SUMS]})
        names = queries.names_of(session, question.by, keys) if may_name else {}
        at = rt.clock.now(session)
    sums = [
        TimeSum(
            since=periods[row.period].since,
            until=periods[row.period].until,
            key=row.key,
            name=names.get(row.key),
            entries=row.entries,
            tickets=row.tickets,
            seconds=row.seconds,
            billable_seconds=row.billable_seconds,
        )
        for row in rows[:MOST_SUMS]
    ]
    return TimeReport(
        at=at,
        since=question.span.since,
        until=question.span.until,
        time_zone=question.span.time_zone,
        by=question.by,
        every=question.span.every,
        entries=sum(row.entries for row in rows),
        seconds=sum(row.seconds for row in rows),
        billable_seconds=sum(row.billable_seconds for row in rows),
        sums=sums,
        complete=len(rows) <= MOST_SUMS,
    )


def periods_in(rt: Runtime, span: DaySpan) -> list[Period]:
    """Cut a span by the zone that it names; raise FieldError for one that there is not, and as `periods_of` does."""
    try:
        zone = rt.shelf.zones.zone(span.time_zone)
    except UnknownZone as problem:
        raise FieldError("time_zone", str(problem)) from None
    return periods_of(span, zone)
