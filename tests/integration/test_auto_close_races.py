"""A ticket that closes by itself while its customer writes: one of the two is first, and nothing is lost."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

from psms.domain.access import Role
from psms.domain.lifecycle import Action
from psms.domain.tickets import NewComment
from psms.runtime import Runtime
from tests.support.databases import MigratedDatabase
from tests.support.ledger import Ledger
from tests.support.tenants import Tenant, add_caller, file_ticket
from workflows.comments import add_comment
from workflows.run_drain import advance_runs
from workflows.tickets import transition

TICKETS = 12
OUTCOMES = """SELECT DISTINCT t.status, r.state, (SELECT array_agg(e.type ORDER BY e.sequence)
        FROM events e WHERE e.ticket_id = t.id AND e.sequence > 3) AS told
    FROM tickets t JOIN workflow_runs r ON r.ticket_id = t.id"""
REOPENED = ("open", "cancelled", ["ticket.commented", "ticket.status_changed"])
CLOSED = ("closed", "finished", ["ticket.status_changed", "ticket.closed", "ticket.commented"])


def test_a_reply_at_the_moment_of_closing_reopens_or_comes_after_it(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    customer = add_caller(rt, acme.organization_id, Role.REQUESTER).actor
    tickets = [file_ticket(rt, customer) for _ in range(TICKETS)]
    for ticket_id in tickets:
        transition(rt, acme.actor, ticket_id, Action.RESOLVE, None)
    database.move_clock(timedelta(days=8))
    start = Barrier(3)

    def drain() -> int:
        start.wait(10)
        return advance_runs(rt)

    def write() -> int:
        start.wait(10)
        for ticket_id in reversed(tickets):
            add_comment(rt, customer, ticket_id, NewComment(body="It is not."), None)
        return 0

    with ThreadPoolExecutor(3) as pool:
        futures = [pool.submit(drain), pool.submit(drain), pool.submit(write)]
        closed = sum(future.result() for future in futures)

    outcomes = database.rows(OUTCOMES)
    assert [row for row in outcomes if row not in (REOPENED, CLOSED)] == []
    assert database.rows("SELECT count(*) FROM tickets WHERE status = 'closed'") == [(closed,)]
    assert database.count("comments") == TICKETS
    assert Ledger(database.superuser_url).breaches().keys() <= {"an event is still in the outbox"}
