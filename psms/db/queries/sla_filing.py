"""The clocks of a ticket that is being filed: parts of the one statement that files it. All else is in `sla`."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psms.db.queries.sla import clock_columns
from psms.domain.sla.instants import moment_of
from psms.domain.sla.kept import KeptClock

# Names are those of `filed_values`; a clock that has just begun has counted nothing, and its first segment is open.
CLOCKS_OF_TICKET = """
    begun AS MATERIALIZED (
        SELECT * FROM unnest(CAST(%(clock_ids)s AS uuid[]), CAST(%(metrics)s AS text[]),
            CAST(%(targets)s AS interval[]), CAST(%(states)s AS text[]), CAST(%(due)s AS timestamptz[]),
            CAST(%(next_at)s AS timestamptz[]), CAST(%(calendar_ids)s AS uuid[]),
            CAST(%(calendar_versions)s AS integer[]), CAST(%(zone_data)s AS text[]), CAST(%(policy_ids)s AS uuid[]),
            CAST(%(policy_versions)s AS bigint[]), CAST(%(team_ids)s AS uuid[]))
            AS n (id, metric, target, state, due_at, next_at, calendar_id, calendar_version, zone_data, policy_id,
                policy_version, team_id)
    ), clock AS (
        INSERT INTO sla_clocks (organization_id, id, ticket_id, metric, policy_id, policy_version, calendar_id,
            calendar_version, zone_data, target, state, cause, since, due_at, started_at, stay_team_id)
        SELECT %(organization_id)s, n.id, %(id)s, n.metric, n.policy_id, n.policy_version, n.calendar_id,
            n.calendar_version, n.zone_data, n.target, n.state, 'start', CAST(%(now)s AS timestamptz), n.due_at,
            CAST(%(now)s AS timestamptz), n.team_id
        FROM begun n
    ), segment AS (
        INSERT INTO sla_segments (organization_id, clock_id, number, ticket_id, cycle, cause, state, began_at, consumed,
            target, policy_id, policy_version, calendar_id, calendar_version, zone_data)
        SELECT %(organization_id)s, n.id, 1, %(id)s, 1, 'start', n.state, CAST(%(now)s AS timestamptz), '0', n.target,
            n.policy_id, n.policy_version, n.calendar_id, n.calendar_version, n.zone_data
        FROM begun n
    ), timer AS (
        INSERT INTO sla_timers (organization_id, clock_id, ticket_id, next_at)
        SELECT %(organization_id)s, n.id, %(id)s, n.next_at FROM begun n
    )"""


def filed_values(
    revision: int, policy: tuple[UUID, int] | None, clocks: Sequence[KeptClock], next_at: Sequence[int | None]
) -> dict[str, Any]:
    """Return what the statement that files a ticket says of its policy's version and of its clocks, if any.

    *revision* is that of the book by which it is filed.
    """
    policy_id, policy_version = policy or (None, None)
    promised = {"sla_policy_id": policy_id, "sla_policy_version": policy_version}
    values: dict[str, Any] = {"sla_followed": revision, **promised}
    if not clocks:
        return values
    columns = clock_columns(clocks)
    return {
        **values,
        "clock_ids": columns["id"],
        "metrics": columns["metric"],
        "targets": columns["target"],
        "states": columns["state"],
        "due": columns["due_at"],
        "next_at": [None if at is None else moment_of(at) for at in next_at],
        "calendar_ids": columns["calendar_id"],
        "calendar_versions": columns["calendar_version"],
        "zone_data": columns["zone_data"],
        "policy_ids": columns["policy_id"],
        "policy_versions": columns["policy_version"],
        "team_ids": columns["team_id"],
    }
