"""Many tickets at once, with their SLA clocks and timers, as the product would have written them."""

from uuid import UUID

import psycopg

# A row's id is a UUIDv7 of its instant whose random part is its number: it sorts as the product's do.
_TICKETS = """
    INSERT INTO tickets (organization_id, id, number, type, subject, description, status, impact, urgency, priority,
        service_id, requester_id, sla_policy_id, sla_policy_version, created_at, updated_at)
    SELECT o.id, {ticket_id}, n.n, 'incident', 'Seeded ticket ' || n.n, 'Seeded for a measurement.',
        'new', 'medium', 'medium', 'medium', o.default_service_id,
        (SELECT u.id FROM users u WHERE u.organization_id = o.id ORDER BY u.id LIMIT 1),
        p.policy_id, p.version, n.at, n.at
    FROM organizations o CROSS JOIN {numbers} CROSS JOIN {policy} WHERE o.id = %(organization)s
"""
_CLOCKS = """
    INSERT INTO sla_clocks (organization_id, id, ticket_id, metric, policy_id, policy_version, target, since, state,
        cause, due_at, started_at, calendar_id, calendar_version, zone_data)
    SELECT %(organization)s, {clock_id}, {ticket_id}, m.metric, p.policy_id, p.version, m.target, n.at, 'running',
        'start', n.at + m.target, n.at, c.calendar_id, c.version, c.zone_data
    FROM {numbers} CROSS JOIN {metrics} CROSS JOIN {policy} LEFT JOIN {calendar} ON true
"""
_SEGMENTS = """
    INSERT INTO sla_segments (organization_id, clock_id, number, ticket_id, cycle, cause, state, began_at, consumed,
        target, policy_id, policy_version, calendar_id, calendar_version, zone_data)
    SELECT %(organization)s, {clock_id}, 1, {ticket_id}, 1, 'start', 'running', n.at, '0', m.target, p.policy_id,
        p.version, c.calendar_id, c.version, c.zone_data
    FROM {numbers} CROSS JOIN {metrics} CROSS JOIN {policy} LEFT JOIN {calendar} ON true
"""
# At risk, at 80 of 100, is the first that the sweep looks for.
_TIMERS = """
    INSERT INTO sla_timers (organization_id, clock_id, ticket_id, next_at)
    SELECT %(organization)s, {clock_id}, {ticket_id}, n.at + m.target * 0.8 FROM {numbers} CROSS JOIN {metrics}
"""
_ID = (
    "(lpad(to_hex((extract(epoch FROM n.at) * 1000)::bigint), 12, '0') || '7000' || {tag} "
    "|| lpad(to_hex(n.n), 15, '0'))::uuid"
)
_PARTS = {
    "numbers": "(SELECT g AS n, %(until)s - interval '1 ms' * (%(last)s - g) AS at "
    "FROM generate_series(%(first)s::bigint, %(last)s::bigint) g) n",
    "metrics": "(VALUES ('first_response', interval '10 days', 'a'), ('resolution', interval '20 days', 'b')) "
    "m (metric, target, tag)",
    "policy": "(SELECT policy_id, version FROM sla_policy_versions WHERE organization_id = %(organization)s LIMIT 1) p",
    "calendar": "(SELECT calendar_id, version, CAST(%(zone_data)s AS text) AS zone_data FROM calendar_versions "
    "WHERE organization_id = %(organization)s AND CAST(%(zone_data)s AS text) IS NOT NULL LIMIT 1) c",
    "ticket_id": _ID.format(tag="'8'"),
    "clock_id": _ID.format(tag="m.tag"),
}


def seed_tickets(
    connection: psycopg.Connection, organization_id: UUID, count: int, zone_data: str | None = None
) -> None:
    """Add tickets until the organization has *count*, in one transaction. There must be an SLA policy.

    Its clocks are always open, or, where *zone_data* names a release of the time-zone data, measured by the
    organization's calendar, which must be one that never closes: no hour is counted here.
    """
    with connection.transaction():
        connection.execute("SELECT set_config('psms.organization_id', %s, true)", [str(organization_id)])
        taken = connection.execute("SELECT last_number, psms_now() FROM ticket_counters").fetchone()
        assert taken is not None, "the ticket counter is not to be seen with this connection"
        if taken[0] >= count:
            return
        values = {"organization": organization_id, "first": taken[0] + 1, "last": count, "until": taken[1]}
        values["zone_data"] = zone_data
        for statement in (_TICKETS, _CLOCKS, _SEGMENTS, _TIMERS):
            connection.execute(statement.format(**_PARTS).encode(), values)
        connection.execute("UPDATE ticket_counters SET last_number = %s", [count])


def refresh_statistics(connection: psycopg.Connection) -> None:
    """Do at once what autovacuum would do a little later; *connection* is the owner's or a superuser's."""
    connection.autocommit = True
    connection.execute("VACUUM ANALYZE tickets, sla_clocks, sla_segments, sla_timers")
