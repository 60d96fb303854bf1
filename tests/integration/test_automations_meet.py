"""Rules on tickets that other parts watch: forms judge what a rule writes, and whoever is called learns who has it."""

from datetime import timedelta

from psms.domain.paging import Severity
from psms.domain.sla.terms import Metric
from psms.domain.sla_standing import SlaNotice
from psms.domain.tickets import EditTicket
from psms.runtime import Runtime
from tests.support.databases import MigratedDatabase
from tests.support.rules import settle, write_rule
from tests.support.tenants import Tenant
from tests.support.told import ticket_with_clock
from workflows import pages, tickets
from workflows.act import act_of_system

PAGES = "SELECT type FROM events WHERE type LIKE 'page.%%' ORDER BY id"


def test_whoever_is_called_for_a_ticket_learns_that_a_rule_gave_it_to_somebody(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    ticket_id, clock_id = ticket_with_clock(rt, database, acme, "Printer on fire")
    settle(rt)
    ticket = tickets.get_ticket(rt, acme.actor, ticket_id)
    at = ticket.created_at + timedelta(hours=1)
    notice = SlaNotice(
        clock_id=clock_id,
        metric=Metric.RESOLUTION,
        level="page",
        at=at,
        due_at=at,
        target_seconds=3600,
        late=False,
    )
    with rt.db.begin(acme.organization_id) as session:
        act = act_of_system(rt, session, acme.organization_id, rt.clock.now(session))
        pages.trigger(act, ticket, notice, Severity.CRITICAL)
    write_rule(rt, acme, "ticket.updated", {"type": "assign", "user_id": str(acme.actor.user_id)})
    tickets.edit_ticket(rt, acme.actor, ticket_id, EditTicket(fields={"subject": "It burns"}))

    settle(rt)

    assert tickets.get_ticket(rt, acme.actor, ticket_id).assignee_id == acme.actor.user_id
    assert database.rows(PAGES) == [("page.triggered",), ("page.acknowledged",)]
