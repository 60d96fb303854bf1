"""How satisfied requesters were: they are asked, they answer, and it is added up."""

from uuid import UUID

from psms.db.queries import satisfaction as queries
from psms.db.queries import tickets as ticket_queries
from psms.domain.access import Actor, Permission, require
from psms.domain.events import Change, EventType
from psms.domain.satisfaction import (
    Rate,
    Rating,
    Satisfaction,
    SatisfactionBy,
    SatisfactionGroup,
    SatisfactionQuestion,
    SatisfactionReport,
    figures_of,
    is_rateable,
    rateable_until,
    require_rateable,
)
from psms.domain.tickets import Status, Ticket
from psms.errors import NotAllowed
from psms.runtime import Runtime
from workflows import trail
from workflows.act import Act, act_of
from workflows.names import Task
from workflows.ticket_events import Told, tell
from workflows.time_reports import periods_in

ASKED = "ticket.rating_asked"
"""The kind of the notification that asks."""

# The names of what a report is divided by are for those who may read the things themselves.
_NAMES = {
    SatisfactionBy.TEAM: Permission.TEAM_READ,
    SatisfactionBy.SERVICE: Permission.SERVICE_READ,
    SatisfactionBy.ASSIGNEE: Permission.USER_READ,
}


def satisfaction_of(rt: Runtime, actor: Actor, ticket_id: UUID) -> Satisfaction:
    """Return what the requester of a ticket said, which whoever sees the ticket may read; raise NotFound."""
    require(actor, Permission.TICKET_READ)
    with rt.db.begin(actor.organization_id) as session:
        ticket = ticket_queries.get(session, actor, ticket_id)
        return _view(act_of(rt, session, actor), actor, ticket, queries.find(session, ticket_id))


def rate(rt: Runtime, actor: Actor, ticket_id: UUID, command: Rate) -> Satisfaction:
    """Say how satisfied one is, or say it anew; said twice, nothing more is written.

    Raises NotFound, NotAllowed for anybody but the ticket's requester, and ActionNotAllowed where it is not resolved,
    or was closed more than 30 days ago.
    """
    require(actor, Permission.TICKET_RATE)
    with rt.db.begin(actor.organization_id) as session:
        locked = ticket_queries.lock(session, actor, ticket_id)
        _require_requester(actor, locked.ticket)
        act = act_of(rt, session, actor)
        require_rateable(locked.ticket, act.now)
        before = queries.find(session, ticket_id)
        said = _said(act, ticket_id, command, before)
        if before is None or (before.score, before.comment) != (said.score, said.comment):
            queries.write(session, act.organization_id, said, act.now)
            score = Change(before=None if before is None else before.score, after=said.score)
            ticket_queries.count_event(session, ticket_id, locked.sequence + 1)
            tell(act, locked.ticket, [Told(type=EventType.TICKET_RATED, changes={"score": score})], locked.sequence)
            trail.note(act, EventType.TICKET_RATED.value, ("ticket", ticket_id), {"score": score})
        else:
            said = before
        found = _view(act, actor, locked.ticket, said)
    rt.nudger.nudge(Task.RELAY_OUTBOX)
    return found


def ask(act: Act, ticket: Ticket) -> None:
    """Have the requester of a ticket asked by mail, where it has just been resolved and the organization wants that.

    A step of the act that resolves it: so they are asked once for each time.
    """
    if ticket.status is Status.RESOLVED:
        queries.ask(act.session, act.organization_id, ticket, act.new_id(), kind=ASKED)


def satisfaction_report(rt: Runtime, actor: Actor, question: SatisfactionQuestion) -> SatisfactionReport:
    """Return what requesters said of the tickets that the caller sees; raise FieldError as `time_report` does."""
    require(actor, Permission.SATISFACTION_READ)
    span = question.span
    periods = periods_in(rt, span)
    with rt.db.begin(actor.organization_id) as session:
        rows = queries.counts(session, actor, question.by, periods)
        keys = sorted({row.key for row in rows})
        names = queries.names_of(session, question.by, keys) if actor.may(_NAMES[question.by]) else {}
        at = rt.clock.now(session)
    groups = [
        SatisfactionGroup(
            since=periods[row.period].since,
            until=periods[row.period].until,
            key=row.key,
            name=names.get(row.key),
            figures=figures_of(row.resolved, row.scores),
        )
        for row in rows
    ]
    scores = [sum(row.scores[place] for row in rows) for place in range(5)]
    return SatisfactionReport(
        at=at,
        since=span.since,
        until=span.until,
        time_zone=span.time_zone,
        by=question.by,
        every=span.every,
        total=figures_of(sum(row.resolved for row in rows), scores),
        groups=groups,
    )


def _require_requester(actor: Actor, ticket: Ticket) -> None:
    if ticket.requester_id != actor.user_id:
        message = "Only who asked for it says how satisfied they are."
        raise NotAllowed(message, permission=Permission.TICKET_RATE.value)


def _said(act: Act, ticket_id: UUID, command: Rate, before: Rating | None) -> Rating:
    return Rating(
        ticket_id=ticket_id,
        user_id=act.user_id,
        score=command.score,
        comment=command.comment,
        rated_at=act.now if before is None else before.rated_at,
        changed_at=act.now,
    )


def _view(act: Act, actor: Actor, ticket: Ticket, said: Rating | None) -> Satisfaction:
    mine = ticket.requester_id == actor.user_id and actor.may(Permission.TICKET_RATE)
    return Satisfaction(
        ticket_id=ticket.id,
        score=None if said is None else said.score,
        comment=None if said is None else said.comment,
        rated_at=None if said is None else said.rated_at,
        changed_at=None if said is None else said.changed_at,
        may_rate=mine and is_rateable(ticket, act.now),
        until=rateable_until(ticket),
    )
