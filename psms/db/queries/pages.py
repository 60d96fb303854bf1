"""Pages: opened once for each level of a clock, acknowledged and resolved in sets, inside one organization."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from psms.db.direct import Record, direct
from psms.domain.paging import Page, PageState, Severity

_COLUMNS = """
    p.id, p.ticket_id, p.clock_id, p.metric, p.level, p.severity, p.state, p.dedup_key, p.reached_at, p.due_at,
    p.user_id, p.rule
"""
_OPEN = """
    INSERT INTO pages (organization_id, id, ticket_id, clock_id, level, metric, severity, dedup_key, state, reached_at,
        due_at, user_id, rule, created_at)
    SELECT %(organization_id)s, n.id, n.ticket_id, n.clock_id, n.level, n.metric, n.severity, n.dedup_key, 'triggered',
        n.reached_at, n.due_at, n.user_id, n.rule, CAST(%(now)s AS timestamptz)
    FROM unnest(CAST(%(ids)s AS uuid[]), CAST(%(ticket_ids)s AS uuid[]), CAST(%(clock_ids)s AS uuid[]),
        CAST(%(levels)s AS text[]), CAST(%(metrics)s AS text[]), CAST(%(severities)s AS text[]),
        CAST(%(dedup_keys)s AS text[]), CAST(%(reached)s AS timestamptz[]), CAST(%(due)s AS timestamptz[]),
        CAST(%(user_ids)s AS uuid[]), CAST(%(rules)s AS text[]))
        AS n (id, ticket_id, clock_id, level, metric, severity, dedup_key, reached_at, due_at, user_id, rule)
    ON CONFLICT (organization_id, clock_id, level) DO NOTHING RETURNING id
"""
# An incident is told of once: by the newest of the pages that make it.
_ACKNOWLEDGE = f"""
    WITH p AS (
        UPDATE pages SET state = 'acknowledged', acknowledged_at = %(now)s
        WHERE organization_id = %(organization_id)s AND ticket_id = ANY (%(ticket_ids)s) AND state = 'triggered'
        RETURNING *
    )
    SELECT DISTINCT ON (p.dedup_key) {_COLUMNS} FROM p ORDER BY p.dedup_key, p.reached_at DESC, p.id DESC
"""  # noqa: S608  (constants)
# A clock that is null stands for all clocks of its ticket.
_RESOLVE = f"""
    WITH ended AS (
        SELECT * FROM unnest(CAST(%(ticket_ids)s AS uuid[]), CAST(%(clock_ids)s AS uuid[])) AS e (ticket_id, clock_id)
    ), p AS (
        UPDATE pages g SET state = 'resolved', resolved_at = %(now)s
        WHERE g.organization_id = %(organization_id)s AND g.ticket_id = ANY (%(ticket_ids)s) AND g.state <> 'resolved'
          AND EXISTS (SELECT FROM ended e
            WHERE e.ticket_id = g.ticket_id AND (e.clock_id IS NULL OR e.clock_id = g.clock_id))
        RETURNING g.*
    )
    SELECT DISTINCT ON (p.dedup_key) {_COLUMNS} FROM p ORDER BY p.dedup_key, p.reached_at DESC, p.id DESC
"""  # noqa: S608  (constants)


def insert(session: Session, organization_id: UUID, pages: Sequence[tuple[UUID, Page]], now: datetime) -> set[UUID]:
    """Write pages, each with its ticket, and return those that were new: a level of a clock is paged for once."""
    values = {
        "organization_id": organization_id,
        "now": now,
        "ids": [page.id for _, page in pages],
        "ticket_ids": [ticket_id for ticket_id, _ in pages],
        "clock_ids": [page.clock_id for _, page in pages],
        "levels": [page.level for _, page in pages],
        "metrics": [page.metric for _, page in pages],
        "severities": [page.severity.value for _, page in pages],
        "dedup_keys": [page.dedup_key for _, page in pages],
        "reached": [page.reached_at for _, page in pages],
        "due": [page.due_at for _, page in pages],
        "user_ids": [page.user_id for _, page in pages],
        "rules": [page.rule for _, page in pages],
    }
    return {row.id for row in direct(session).records(_OPEN, values)}


def acknowledge(
    session: Session, organization_id: UUID, ticket_ids: Sequence[UUID], now: datetime
) -> list[tuple[UUID, Page]]:
    """Acknowledge what is triggered for these tickets; return one page of each incident, with its ticket."""
    values = {"organization_id": organization_id, "ticket_ids": list(ticket_ids), "now": now}
    return [_page(row) for row in direct(session).records(_ACKNOWLEDGE, values)]


def resolve(
    session: Session, organization_id: UUID, ended: Sequence[tuple[UUID, UUID | None]], now: datetime
) -> list[tuple[UUID, Page]]:
    """Resolve what is open for these tickets and clocks (None: all of the ticket's); return as `acknowledge`."""
    values = {
        "organization_id": organization_id,
        "ticket_ids": [ticket_id for ticket_id, _ in ended],
        "clock_ids": [clock_id for _, clock_id in ended],
        "now": now,
    }
    return [_page(row) for row in direct(session).records(_RESOLVE, values)]


def _page(row: Record) -> tuple[UUID, Page]:
    page = Page(
        id=row.id,
        clock_id=row.clock_id,
        metric=row.metric,
        level=row.level,
        severity=Severity(row.severity),
        state=PageState(row.state),
        dedup_key=row.dedup_key,
        reached_at=row.reached_at,
        due_at=row.due_at,
        user_id=row.user_id,
        rule=row.rule,
    )
    return row.ticket_id, page
