"""What reports on time add up: the entries of a span on tickets that the caller sees, by period and key."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from psms.db.queries.visibility import work_condition
from psms.domain.access import Actor
from psms.domain.day_spans import Period
from psms.domain.time_reports import NO_KEY, TimeBy

_KEYS = {
    TimeBy.USER: "CAST(e.user_id AS text)",
    TimeBy.TEAM: f"COALESCE(CAST(t.team_id AS text), '{NO_KEY}')",
    TimeBy.SERVICE: "CAST(t.service_id AS text)",
    TimeBy.CUSTOMER: "CAST(t.requester_id AS text)",
    TimeBy.BILLABLE: "CASE WHEN e.billable THEN 'billable' ELSE 'not_billable' END",
    TimeBy.ACTIVITY: f"COALESCE(e.activity, '{NO_KEY}')",
}
_NAMED = {TimeBy.USER: "users", TimeBy.TEAM: "teams", TimeBy.SERVICE: "services", TimeBy.CUSTOMER: "users"}

# The bounds of periods come from the caller's zone data: PostgreSQL's own may be of another release.
_SUMS = """
    SELECT width_bucket(e.worked_at, CAST(:bounds AS timestamptz[])) - 1 AS period, {key} AS key,
        count(*) AS entries, count(DISTINCT e.ticket_id) AS tickets, CAST(sum(e.seconds) AS bigint) AS seconds,
        CAST(COALESCE(sum(e.seconds) FILTER (WHERE e.billable), 0) AS bigint) AS billable_seconds
    FROM time_entries e
    JOIN tickets t ON t.organization_id = e.organization_id AND t.id = e.ticket_id
    WHERE e.organization_id = :organization AND e.worked_at >= :since AND e.worked_at < :until {visible}
    GROUP BY 1, 2 ORDER BY 1, seconds DESC, key
"""


def sums(session: Session, actor: Actor, by: TimeBy, periods: Sequence[Period]) -> Sequence[Row[Any]]:
    """Return `period key entries tickets seconds billable_seconds`, by period (its place) and then the most first."""
    visible = work_condition(actor, organization=":organization", user=":user")
    values = {
        "organization": actor.organization_id,
        "user": actor.user_id,
        "bounds": [period.begins_at for period in periods],
        "since": periods[0].begins_at,
        "until": periods[-1].ends_at,
    }
    return session.execute(text(_SUMS.format(key=_KEYS[by], visible=visible)), values).all()


def names_of(session: Session, by: TimeBy, keys: Sequence[str]) -> dict[str, str]:
    """Return the names of users, teams or services, by their keys."""
    table, ids = _NAMED.get(by), [UUID(key) for key in keys if key != NO_KEY] if by in _NAMED else []
    if table is None or not ids:
        return {}
    statement = text(f"SELECT CAST(id AS text) AS key, name FROM {table} WHERE id = ANY (:ids)")  # noqa: S608
    return {row.key: row.name for row in session.execute(statement, {"ids": ids})}
