"""Reports on what was promised and kept, of the tickets that the caller sees, each figure with its tickets."""

from datetime import datetime, timedelta

from psms.db.queries import sla_reports as queries
from psms.domain.access import Actor, Permission, require
from psms.domain.pages import Page, PageRequest
from psms.domain.sla.attainment import Attainment, By, Question, Selection, group_of, key_ids
from psms.domain.tickets import Ticket
from psms.errors import FieldError
from psms.runtime import Runtime

LONGEST = timedelta(days=366)
MOST_GROUPS = 1000

# The names of what a report is divided by are for those who may read the things themselves.
_NAMES = {
    By.TEAM: Permission.TEAM_READ,
    By.SERVICE: Permission.SERVICE_READ,
    By.CUSTOMER: Permission.USER_READ,
    By.POLICY: Permission.SLA_READ,
}


def attainment(rt: Runtime, actor: Actor, question: Question) -> Attainment:
    """Return how many clocks were met, missed and cancelled, and why; raise FieldError for a span of over 366 days."""
    require(actor, Permission.SLA_READ)
    require_span(question.since, question.until)
    with rt.db.begin(actor.organization_id) as session:
        told = queries.tallies(session, actor, question, MOST_GROUPS + 1)
        keys = sorted({tally.key for tally in told if tally.key is not None})
        named = queries.names_of(session, question.by, key_ids(keys)) if may_name(actor, question.by) else {}
        at = rt.clock.now(session)
    groups = [
        group_of(question, key, named.get(key), [tally for tally in told if tally.key == key and not tally.total])
        for key in keys
    ]
    groups.sort(key=lambda group: (-group.missed.clocks, -group.met.clocks, group.key))
    return Attainment(
        at=at,
        since=question.since,
        until=question.until,
        by=question.by,
        metric=question.metric,
        total=group_of(question, None, None, [tally for tally in told if tally.total]),
        groups=groups[:MOST_GROUPS],
        complete=len(groups) <= MOST_GROUPS,
    )


def counted_tickets(rt: Runtime, actor: Actor, selection: Selection, page: PageRequest) -> Page[Ticket]:
    """Return one page of exactly the tickets that a figure counted, newest first."""
    require(actor, Permission.SLA_READ)
    require(actor, Permission.TICKET_READ)
    require_span(selection.question.since, selection.question.until)
    with rt.db.begin(actor.organization_id) as session:
        return queries.tickets_of(session, actor, selection, page)


def require_span(since: datetime, until: datetime) -> None:
    """Raise FieldError for a span that is empty, or longer than 366 days."""
    if until <= since:
        raise FieldError("to", "must be after from")
    if until - since > LONGEST:
        raise FieldError("from", "at most 366 days at once")


def may_name(actor: Actor, by: By) -> bool:
    """Tell whether the caller may read what a report is divided by, and so its names."""
    return by in _NAMES and actor.may(_NAMES[by])
