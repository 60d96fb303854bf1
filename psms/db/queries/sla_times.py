"""Which status tickets had from when on, from the log, in sets; how long that is is computed in the domain."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from psms.db.models.tickets import TicketRow
from psms.db.queries.tickets import TICKET_COLUMNS, ticket_of
from psms.db.queries.visibility import work_condition
from psms.domain.access import Actor
from psms.domain.pages import Page, PageRequest, page_of
from psms.domain.sla.attainment import NO_KEY
from psms.domain.sla.past import CREATED
from psms.domain.sla.time_in_status import TicketBy, TimeQuestion
from psms.domain.tickets import Ticket
from psms.ids import first_id_of

_KEYS = {
    TicketBy.TEAM: f"COALESCE(CAST(t.team_id AS text), '{NO_KEY}')",
    TicketBy.SERVICE: "CAST(t.service_id AS text)",
    TicketBy.CUSTOMER: "CAST(t.requester_id AS text)",
    TicketBy.PRIORITY: "t.priority",
}
_FILED = """
    SELECT t.id, {key} AS key, t.created_at, c.calendar_id, c.calendar_version, c.zone_data
    FROM tickets t LEFT JOIN LATERAL (
        SELECT c.calendar_id, c.calendar_version, c.zone_data FROM sla_clocks c
        WHERE c.organization_id = t.organization_id AND c.ticket_id = t.id AND c.metric = 'resolution'
        ORDER BY c.cycle DESC LIMIT 1) c ON true
    WHERE t.organization_id = :organization AND t.id >= :first AND t.id < :last
        AND t.created_at >= :since AND t.created_at < :until {visible}
    LIMIT :limit
"""
_STATUSES = text("""
    SELECT l.target_id AS ticket_id, l.at, l.action, l.after ->> 'status' AS status
    FROM logs l
    WHERE l.organization_id = :organization AND l.target_id = ANY (:ticket_ids) AND l.id >= :first
        AND l.target_type = 'ticket' AND l.outcome = 'done' AND (l.action = :created OR l.before ? 'status')
    ORDER BY l.target_id, l.id
""")
_MILLISECOND = timedelta(milliseconds=1)
_T = TicketRow.__table__.c


def filed_in(session: Session, actor: Actor, question: TimeQuestion, limit: int) -> Sequence[Row[Any]]:
    """Return up to *limit* tickets of a question that *actor* sees, with the calendar that measures each."""
    visible = work_condition(actor, organization=":organization", user=":user")
    statement = text(_FILED.format(key=_KEYS[question.by], visible=visible))
    values = {
        "organization": actor.organization_id,
        "user": actor.user_id,
        # An id has the millisecond, the ticket the microsecond.
        "first": first_id_of(question.since),
        "last": first_id_of(question.until + _MILLISECOND),
        "since": question.since,
        "until": question.until,
        "limit": limit,
    }
    return session.execute(statement, values).all()


def statuses_of(
    session: Session, organization_id: UUID, ticket_ids: Sequence[UUID], since: datetime
) -> dict[UUID, list[Row[Any]]]:
    """Return each status that tickets filed at *since* or later had, in order, the first one being that of filing."""
    values = {"organization": organization_id, "ticket_ids": list(ticket_ids), "created": CREATED}
    found: dict[UUID, list[Row[Any]]] = {}
    for row in session.execute(_STATUSES, values | {"first": first_id_of(since)}):
        found.setdefault(row.ticket_id, []).append(row)
    return found


def tickets_among(session: Session, organization_id: UUID, ids: Sequence[UUID], page: PageRequest) -> Page[Ticket]:
    """Return one page of these tickets, newest first."""
    statement = select(*TICKET_COLUMNS).where(_T.organization_id == organization_id, _T.id.in_(ids))
    if page.after is not None:
        statement = statement.where(_T.id < page.after)
    rows = session.execute(statement.order_by(_T.id.desc()).limit(page.limit + 1))
    return page_of([ticket_of(row) for row in rows], page.limit)
