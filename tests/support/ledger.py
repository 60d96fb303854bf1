"""What must be true of an installation at rest, asked of its database; no fault is brought about here."""

from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import psycopg

from psms.embedded.home import Home, keep_secrets
from psms.embedded.roles import DATABASE
from psms.embedded.running import read_note

# Each finds what must not be there: rows left over, effects missing, effects doubled.
CHECKS = {
    "an event is still in the outbox": "SELECT event_id FROM outbox",
    "a delivery is neither over nor held": """
        SELECT d.id, d.state FROM webhook_deliveries d JOIN webhook_endpoints p ON p.id = d.endpoint_id
        WHERE d.state IN ('pending', 'in_flight') AND p.state <> 'deleted'""",
    "an attempt is still open": "SELECT id FROM webhook_attempts WHERE outcome = 'started'",
    "a ticket has not exactly one ticket.created event": """
        SELECT t.id, count(e.id) FROM tickets t
        LEFT JOIN events e ON e.ticket_id = t.id AND e.type = 'ticket.created'
        GROUP BY t.id HAVING count(e.id) <> 1""",
    "a ticket has not exactly one ticket.created entry in the log": """
        SELECT t.id, count(l.id) FROM tickets t LEFT JOIN logs l ON l.target_id = t.id AND l.action = 'ticket.created'
        GROUP BY t.id HAVING count(l.id) <> 1""",
    "a ticket's sequence is not the number of its events, 1 to the last": """
        SELECT t.id, t.sequence, array_agg(e.sequence) FROM tickets t LEFT JOIN events e ON e.ticket_id = t.id
        GROUP BY t.id, t.sequence
        HAVING array_agg(e.sequence ORDER BY e.sequence)
            <> ARRAY(SELECT n FROM generate_series(1, t.sequence) AS n)""",
    "an event is of no ticket": """
        SELECT e.id FROM events e LEFT JOIN tickets t ON t.id = e.ticket_id
        WHERE e.ticket_id IS NOT NULL AND t.id IS NULL""",
    "an endpoint was never told of an event that it subscribes to": """
        SELECT e.id, p.id FROM events e
        JOIN webhook_endpoints p ON p.organization_id = e.organization_id
            AND p.created_at < e.occurred_at - interval '1 second' -- not one that was added at the same time
        WHERE p.state <> 'deleted' AND NOT starts_with(e.type, 'webhook.') -- not of itself, nor unasked
          AND (p.event_types IS NULL OR e.type = ANY (p.event_types))
          AND NOT EXISTS (SELECT FROM outbox o WHERE o.event_id = e.id)
          AND NOT EXISTS (SELECT FROM webhook_deliveries d WHERE d.event_id = e.id AND d.endpoint_id = p.id)""",
    "an event has two deliveries for one endpoint": """
        SELECT event_id, endpoint_id FROM webhook_deliveries GROUP BY 1, 2 HAVING count(*) > 1""",
    "an endpoint's deliveries are not numbered 1 to the last": """
        SELECT l.endpoint_id, l.last_sequence, array_agg(d.sequence) FROM webhook_lanes l
        LEFT JOIN webhook_deliveries d ON d.endpoint_id = l.endpoint_id
        GROUP BY 1, 2 HAVING COALESCE(array_agg(d.sequence ORDER BY d.sequence) FILTER (WHERE d.id IS NOT NULL), '{}')
            <> ARRAY(SELECT n FROM generate_series(1, l.last_sequence) AS n)""",
    "a delivered event has no successful attempt": """
        SELECT d.id FROM webhook_deliveries d WHERE d.state = 'delivered' AND NOT EXISTS (
            SELECT FROM webhook_attempts a WHERE a.delivery_id = d.id AND a.outcome = 'success')""",
    "a breach has not exactly one event, notification and instant": """
        SELECT c.id, count(DISTINCT n.id) FROM sla_clocks c LEFT JOIN notifications n ON n.clock_id = c.id
        WHERE c.breached_at IS NOT NULL
        GROUP BY c.id HAVING count(DISTINCT n.id) <> 1""",
    "breaches and their events differ in number": """
        SELECT t.id FROM tickets t
        WHERE (SELECT count(*) FROM sla_clocks c WHERE c.ticket_id = t.id AND c.breached_at IS NOT NULL)
           <> (SELECT count(*) FROM events e
               WHERE e.ticket_id = t.id AND e.type IN ('sla.breached', 'ola.breached'))""",
    "a clock's ledger does not end where the clock stands": """
        SELECT c.id FROM sla_clocks c
        LEFT JOIN sla_segments s ON s.clock_id = c.id AND s.number = c.segment
        WHERE (s.cycle, s.state, s.cause, s.began_at, s.target, s.consumed, s.ended_at IS NULL)
            IS DISTINCT FROM (c.cycle, c.state, c.cause, c.since, c.target, c.consumed, true)
           OR (SELECT count(*) FROM sla_segments n WHERE n.clock_id = c.id) <> c.segment""",
    "a run's steps are not those that it counted": """
        SELECT r.id, r.steps_done FROM workflow_runs r
        LEFT JOIN workflow_steps s ON s.run_id = r.id AND s.state = 'done' GROUP BY r.organization_id, r.id
        HAVING count(s.seq) <> r.steps_done OR COALESCE(max(s.seq), 0) <> r.steps_done
            OR (r.state = 'finished') <> COALESCE(bool_or(s.result ? 'finished'), false)""",
    "two tickets have one number": "SELECT number FROM tickets GROUP BY organization_id, number HAVING count(*) > 1",
}


class Ledger:
    """The database of an installation, read by its superuser, who sees every organization."""

    def __init__(self, superuser_url: str) -> None:
        self.url = superuser_url

    @property
    def port(self) -> int:
        """Where its PostgreSQL listens."""
        return urlsplit(self.url).port or 0

    def rows(self, query: str, *parameters: object) -> list[tuple[object, ...]]:
        """Return the rows of a query."""
        with psycopg.connect(self.url, connect_timeout=5) as connection:
            return connection.execute(query.encode(), parameters).fetchall()

    def breaches(self) -> dict[str, list[tuple[object, ...]]]:
        """Return what must not be there now, a few rows of each kind of wrong; empty at rest."""
        with psycopg.connect(self.url, connect_timeout=5) as connection:
            found = {wrong: connection.execute(query.encode()).fetchmany(3) for wrong, query in CHECKS.items()}
        return {wrong: rows for wrong, rows in found.items() if rows}

    def created(self, subject: str) -> set[UUID]:
        """Return the ids of the ticket.created events of the tickets whose subject begins with *subject*."""
        query = """SELECT e.id FROM events e JOIN tickets t ON t.id = e.ticket_id
            WHERE e.type = 'ticket.created' AND starts_with(t.subject, %s)"""
        return {UUID(str(event_id)) for (event_id,) in self.rows(query, subject)}


def ledger_of(home: Path) -> Ledger:
    """Return the ledger of the stack that runs on *home*."""
    kept = Home(root=home)
    note = read_note(kept)
    assert note is not None, f"no stack runs on {home}"
    server = note.environment["DATABASE_URL"].rpartition("@")[2].partition("/")[0]
    return Ledger(f"postgresql://postgres:{keep_secrets(kept).postgres}@{server}/{DATABASE}")
