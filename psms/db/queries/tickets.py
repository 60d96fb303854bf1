"""Statements on tickets and comments. The hot ones are written out, so that their cost is plain to see."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, TextClause, insert, select, text, update
from sqlalchemy.orm import Session

from psms.db.models.tickets import CommentRow, TicketRow
from psms.db.queries.sla import PROMISE_OF_PRIORITY, promise_of
from psms.domain.access import Actor
from psms.domain.pages import Page, PageRequest, page_of
from psms.domain.sla_policies import Promise
from psms.domain.tickets import (
    Comment,
    Level,
    Priority,
    Status,
    Ticket,
    TicketFilter,
    TicketType,
    Visibility,
)
from psms.errors import NotFound

_T = TicketRow.__table__.c
_COLUMNS = (
    _T.id, _T.number, _T.type, _T.subject, _T.description, _T.status, _T.impact, _T.urgency, _T.priority,
    _T.service_id, _T.requester_id, _T.assignee_id, _T.team_id, _T.tags, _T.custom_fields, _T.version,
    _T.created_at, _T.updated_at, _T.resolved_at, _T.closed_at,
)  # fmt: skip

_NEXT_NUMBER = text(f"""
    WITH counter AS (UPDATE ticket_counters SET last_number = last_number + 1 RETURNING last_number)
    SELECT counter.last_number, psms_now() AS now,
        (SELECT default_service_id FROM organizations) AS default_service_id, promise.*
    FROM counter LEFT JOIN ({PROMISE_OF_PRIORITY}) promise ON true
""")  # noqa: S608  (a constant)

_RAISE = text("""
    UPDATE tickets t SET priority = r.priority, version = r.version, sequence = r.sequence,
        updated_at = CASE WHEN t.version = r.version THEN t.updated_at ELSE CAST(:now AS timestamptz) END
    FROM unnest(CAST(:ids AS uuid[]), CAST(:priorities AS text[]), CAST(:versions AS bigint[]),
        CAST(:sequences AS bigint[])) AS r (id, priority, version, sequence)
    WHERE t.organization_id = :organization_id AND t.id = r.id
""")

# Ticket, log entry, event and outbox row leave in one statement: one round trip, and nothing in between.
_INSERT: TextClause = text("""
    WITH ticket AS (
        INSERT INTO tickets (organization_id, id, number, type, subject, description, status, impact, urgency,
            priority, service_id, requester_id, assignee_id, team_id, tags, custom_fields, created_at, updated_at)
        VALUES (:organization_id, :id, :number, :type, :subject, :description, :status, :impact, :urgency,
            :priority, :service_id, :requester_id, :assignee_id, :team_id, :tags,
            CAST(:custom_fields AS jsonb), :now, :now)
    ), entry AS (
        INSERT INTO logs (organization_id, id, at, action, outcome, actor_id, client_id, request_id,
            target_type, target_id, after)
        VALUES (:organization_id, :log_id, :now, 'ticket.created', 'done', :actor_id, :client_id, :request_id,
            'ticket', :id, CAST(:after AS jsonb))
    ), event AS (
        INSERT INTO events (organization_id, id, type, schema_version, ticket_id, sequence, occurred_at, body,
            request_id)
        VALUES (:organization_id, :event_id, 'ticket.created', 1, :id, 1, :now, :body, :request_id)
    )
    INSERT INTO outbox (organization_id, event_id, event_type, ticket_id, occurred_at, request_id)
    VALUES (:organization_id, :event_id, 'ticket.created', :id, :now, :request_id)
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What a new ticket takes from its organization: its number, the instant, defaults, and what is promised."""

    number: int
    now: datetime
    default_service_id: UUID | None
    promise: Promise | None


def next_number(session: Session, priority: str) -> Opening:
    """Take the organization's next ticket number, and what else a new ticket of *priority* needs.

    The counter's row stays locked until the commit, so that no number is lost or given out twice: call
    this last before the inserts.
    """
    row = session.execute(_NEXT_NUMBER, {"priority": priority}).one()
    return Opening(
        number=row.last_number,
        now=row.now,
        default_service_id=row.default_service_id,
        promise=promise_of(row),
    )


def insert_ticket(session: Session, values: dict[str, Any]) -> None:
    """Write a new ticket with its log entry, event and outbox row; *values* are named as in the statement."""
    session.execute(_INSERT, values)


def get(session: Session, actor: Actor, ticket_id: UUID) -> Ticket:
    """Return a ticket that *actor* may see, or raise NotFound."""
    return _found(session, _visible(actor).where(_T.id == ticket_id))


def lock(session: Session, actor: Actor, ticket_id: UUID) -> tuple[Ticket, int]:
    """Return a ticket that *actor* may see, with its last event's sequence, locked until the commit."""
    statement = _visible(actor).add_columns(_T.sequence).where(_T.id == ticket_id).with_for_update(key_share=True)
    row = session.execute(statement).one_or_none()
    if row is None:
        raise NotFound
    return ticket_of(row), row.sequence


def lock_free(session: Session, ticket_ids: Sequence[UUID]) -> list[tuple[Ticket, int]]:
    """Lock those of the tickets that nobody else holds, and return each with its last event's sequence."""
    statement: Select[Any] = select(*_COLUMNS, _T.sequence).where(_T.id.in_(ticket_ids)).order_by(_T.id)
    rows = session.execute(statement.with_for_update(skip_locked=True))
    return [(ticket_of(row), row.sequence) for row in rows]


def write_escalated(
    session: Session, organization_id: UUID, tickets: Sequence[tuple[Ticket, int]], now: datetime
) -> None:
    """Write priority, version and sequence of locked tickets, in one statement."""
    session.execute(
        _RAISE,
        {
            "organization_id": organization_id,
            "now": now,
            "ids": [ticket.id for ticket, _ in tickets],
            "priorities": [ticket.priority.value for ticket, _ in tickets],
            "versions": [ticket.version for ticket, _ in tickets],
            "sequences": [sequence for _, sequence in tickets],
        },
    )


def list_page(session: Session, actor: Actor, wanted: TicketFilter, page: PageRequest) -> Page[Ticket]:
    """Return one page of the tickets that *actor* may see, newest first."""
    statement = _visible(actor)
    for name in ("status", "type", "priority", "assignee_id", "team_id", "requester_id", "service_id"):
        value = getattr(wanted, name)
        if value is not None:
            statement = statement.where(getattr(_T, name) == value)
    if wanted.tag is not None:
        statement = statement.where(_T.tags.contains([wanted.tag]))
    if page.after is not None:
        statement = statement.where(_T.id < page.after)
    rows = session.execute(statement.order_by(_T.id.desc()).limit(page.limit + 1))
    return page_of([ticket_of(row) for row in rows], page.limit)


def apply(session: Session, ticket_id: UUID, changes: dict[str, Any]) -> Ticket:
    """Write *changes* to a locked ticket and return it as it is now."""
    statement = update(TicketRow).where(_T.id == ticket_id).values(**changes).returning(*_COLUMNS)
    return ticket_of(session.execute(statement, execution_options={"synchronize_session": False}).one())


def count_event(session: Session, ticket_id: UUID, sequence: int) -> None:
    """Move a locked ticket's sequence without touching its version: something happened, no field changed."""
    session.execute(
        update(TicketRow).where(_T.id == ticket_id).values(sequence=sequence),
        execution_options={"synchronize_session": False},
    )


def insert_comment(session: Session, organization_id: UUID, comment: Comment) -> None:
    """Write a new comment."""
    session.execute(
        insert(CommentRow).values(
            organization_id=organization_id,
            id=comment.id,
            ticket_id=comment.ticket_id,
            author_id=comment.author_id,
            body=comment.body,
            visibility=comment.visibility.value,
            created_at=comment.created_at,
        )
    )


def get_comment(session: Session, actor: Actor, ticket_id: UUID, comment_id: UUID) -> Comment:
    """Return a comment of a ticket that *actor* may read, or raise NotFound."""
    row = session.scalars(
        select(CommentRow).where(CommentRow.ticket_id == ticket_id, CommentRow.id == comment_id)
    ).one_or_none()
    if row is None or (row.visibility == Visibility.INTERNAL and not actor.reads_internal_comments):
        raise NotFound
    return _comment_of(row)


def list_comments(session: Session, actor: Actor, ticket_id: UUID, page: PageRequest) -> Page[Comment]:
    """Return one page of a ticket's comments that *actor* may read, oldest first."""
    row = CommentRow
    statement = select(row).where(row.ticket_id == ticket_id)
    if not actor.reads_internal_comments:
        statement = statement.where(row.visibility == Visibility.PUBLIC.value)
    if page.after is not None:
        statement = statement.where(row.id > page.after)
    found = session.scalars(statement.order_by(row.id).limit(page.limit + 1))
    return page_of([_comment_of(comment) for comment in found], page.limit)


def _visible(actor: Actor) -> Select[Any]:
    statement = select(*_COLUMNS).where(_T.organization_id == actor.organization_id)
    if actor.sees_only_own_tickets:
        statement = statement.where(_T.requester_id == actor.user_id)
    return statement


def _found(session: Session, statement: Select[Any]) -> Ticket:
    row = session.execute(statement).one_or_none()
    if row is None:
        raise NotFound
    return ticket_of(row)


def ticket_of(row: Row[Any]) -> Ticket:
    """Return the ticket that a row of the ticket's columns holds."""
    return Ticket(
        id=row.id,
        number=row.number,
        type=TicketType(row.type),
        subject=row.subject,
        description=row.description,
        status=Status(row.status),
        impact=Level(row.impact),
        urgency=Level(row.urgency),
        priority=Priority(row.priority),
        service_id=row.service_id,
        requester_id=row.requester_id,
        assignee_id=row.assignee_id,
        team_id=row.team_id,
        tags=row.tags,
        custom_fields=row.custom_fields,
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
        resolved_at=row.resolved_at,
        closed_at=row.closed_at,
    )


def _comment_of(row: CommentRow) -> Comment:
    return Comment(
        id=row.id,
        ticket_id=row.ticket_id,
        author_id=row.author_id,
        body=row.body,
        visibility=Visibility(row.visibility),
        created_at=row.created_at,
    )
