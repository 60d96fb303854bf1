"""What reports on SLA count, in sets: a figure and the list of its tickets come from one and the same selection."""

from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from psms.db.queries.tickets import TICKET_COLUMNS, ticket_of
from psms.db.queries.visibility import work_condition
from psms.domain.access import Actor
from psms.domain.pages import Page, PageRequest, page_of
from psms.domain.sla.attainment import NO_KEY, By, Figure, Question, Selection, Tally
from psms.domain.tickets import Ticket

_KEYS = {
    # Whose stay was measured, for clocks between teams; for all others who has the ticket.
    By.TEAM: f"COALESCE(CAST(c.stay_team_id AS text), CAST(t.team_id AS text), '{NO_KEY}')",
    By.SERVICE: "CAST(t.service_id AS text)",
    By.CUSTOMER: "CAST(t.requester_id AS text)",
    By.PRIORITY: "t.priority",
    By.POLICY: "CAST(c.policy_id AS text)",
    By.METRIC: "c.metric",
}
_NAMED = {By.TEAM: "teams", By.SERVICE: "services", By.CUSTOMER: "users", By.POLICY: "sla_policies"}

# A clock's figures: its verdict, and of a miss the first cause that holds, from what its ledger says of the time
# until the breach. The breach counts before the end: what was missed stays missed, whatever became of it, unless
# somebody declared it void.
_JUDGED = """
    SELECT c.id, c.ticket_id, {key} AS key, CASE
        WHEN c.voided_at IS NOT NULL THEN ARRAY['voided']
        WHEN c.breached_at IS NULL THEN ARRAY[CASE WHEN c.state = 'met' THEN 'met' ELSE 'cancelled' END]
        ELSE ARRAY['missed', CASE
            WHEN past.retargeted THEN 'retargeted'
            WHEN past.reopened THEN 'reopened'
            WHEN c.metric NOT IN ('resolution', 'with_team') AND c.state = 'missed' THEN 'answered_late'
            WHEN c.metric NOT IN ('resolution', 'with_team') THEN 'never_answered'
            WHEN c.metric = 'resolution' AND (t.responded_at IS NULL OR t.responded_at > c.breached_at)
                THEN 'unanswered'
            WHEN past.interrupted THEN 'interrupted'
            ELSE 'took_too_long' END]
            || CASE WHEN c.state IN ('running', 'paused') THEN ARRAY['running_over'] ELSE ARRAY[]::text[] END
        END AS figures
    FROM sla_clocks c
    JOIN tickets t ON t.organization_id = c.organization_id AND t.id = c.ticket_id
    LEFT JOIN LATERAL (
        SELECT bool_or(s.cause IN ('carry', 'retroactive', 'restart')) AS retargeted,
            bool_or(s.cause = 'reopen') AS reopened, bool_or(s.state = 'paused') AS interrupted
        FROM sla_segments s
        WHERE s.organization_id = c.organization_id AND s.clock_id = c.id AND s.began_at <= c.breached_at
    ) past ON c.breached_at IS NOT NULL
    WHERE c.organization_id = :organization AND c.state <> 'superseded'
        AND CASE WHEN c.breached_at IS NULL THEN c.completed_at ELSE c.breached_at END >= :since
        AND CASE WHEN c.breached_at IS NULL THEN c.completed_at ELSE c.breached_at END < :until
        AND CASE WHEN CAST(:metric AS text) IS NULL THEN c.metric <> 'with_team' ELSE c.metric = :metric END {visible}
"""
_TALLIES = """
    WITH judged AS MATERIALIZED ({judged}),
    shown AS (
        SELECT j.key FROM judged j GROUP BY j.key
        ORDER BY count(*) FILTER (WHERE 'missed' = ANY (j.figures)) DESC, count(*) DESC, j.key LIMIT :limit
    )
    SELECT NULL AS key, true AS total, f.figure, count(*) AS clocks, count(DISTINCT j.ticket_id) AS tickets
    FROM judged j CROSS JOIN LATERAL unnest(j.figures) f (figure) GROUP BY f.figure
    UNION ALL
    SELECT j.key, false, f.figure, count(*), count(DISTINCT j.ticket_id)
    FROM judged j JOIN shown ON shown.key = j.key CROSS JOIN LATERAL unnest(j.figures) f (figure)
    GROUP BY j.key, f.figure
"""
_OPENED = """
    WITH judged AS MATERIALIZED ({judged})
    SELECT {columns} FROM tickets t
    WHERE t.organization_id = :organization AND t.id IN (
        SELECT j.ticket_id FROM judged j
        WHERE :figure = ANY (j.figures) AND (CAST(:key AS text) IS NULL OR j.key = :key))
    AND (CAST(:after AS uuid) IS NULL OR t.id < :after) ORDER BY t.id DESC LIMIT :limit
"""
_TICKET = ", ".join(f"t.{column.name}" for column in TICKET_COLUMNS)


def tallies(session: Session, actor: Actor, question: Question, limit: int) -> list[Tally]:
    """Return what there is to count for a question: over all, and for *limit* keys, those with most misses first."""
    statement = _TALLIES.format(judged=_judged(actor, question))
    rows = session.execute(text(statement), _values(actor, question) | {"limit": limit})
    return [
        Tally(key=row.key, total=row.total, figure=Figure(row.figure), clocks=row.clocks, tickets=row.tickets)
        for row in rows
    ]


def tickets_of(session: Session, actor: Actor, selection: Selection, page: PageRequest) -> Page[Ticket]:
    """Return one page of the tickets that a figure counted, newest first."""
    question = selection.question
    statement = _OPENED.format(judged=_judged(actor, question), columns=_TICKET)
    chosen = {"figure": selection.figure.value, "key": selection.key}
    paged = {"after": page.after, "limit": page.limit + 1}
    rows = session.execute(text(statement), _values(actor, question) | chosen | paged)
    return page_of([ticket_of(row) for row in rows], page.limit)


def names_of(session: Session, by: By, ids: list[UUID]) -> dict[str, str]:
    """Return the names of teams, services, users or policies, by their ids as text."""
    table = _NAMED.get(by)
    if table is None or not ids:
        return {}
    statement = text(f"SELECT CAST(id AS text) AS key, name FROM {table} WHERE id = ANY (:ids)")  # noqa: S608
    return {row.key: row.name for row in session.execute(statement, {"ids": ids})}


def _judged(actor: Actor, question: Question) -> str:
    visible = work_condition(actor, organization=":organization", user=":user")
    return _JUDGED.format(key=_KEYS[question.by], visible=visible)


def _values(actor: Actor, question: Question) -> dict[str, Any]:
    return {
        "organization": actor.organization_id,
        "user": actor.user_id,
        "since": question.since,
        "until": question.until,
        "metric": None if question.metric is None else question.metric.value,
    }
