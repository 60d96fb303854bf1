"""Rules on tickets that other parts watch: forms judge what a rule writes, and whoever is called learns who has it."""

from datetime import timedelta

from psms.domain.automations.views import Result
from psms.domain.paging import Severity
from psms.domain.sla.terms import Metric
from psms.domain.sla_standing import SlaNotice
from psms.domain.tickets import EditTicket
from psms.runtime import Runtime
from tests.support.databases import MigratedDatabase
from tests.support.rules import ALL, firings, settle, write_rule
from tests.support.tenants import Tenant, file_ticket
from tests.support.told import ticket_with_clock
from workflows import pages, tickets
from workflows.act import act_of_system
from workflows.comments import list_comments
from workflows.merges import merge_ticket

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


def test_a_rule_writes_no_comment_on_a_ticket_that_goes_on_as_part_of_another_one(rt: Runtime, acme: Tenant) -> None:
    write_rule(rt, acme, "ticket.merged", {"type": "comment", "visibility": "public", "body": "We are on it."})
    merged, survivor = file_ticket(rt, acme.actor), file_ticket(rt, acme.actor)
    merge_ticket(rt, acme.actor, merged, survivor, None)

    settle(rt)

    for ticket_id, result in ((merged, Result.FAILED), (survivor, Result.DONE)):
        (firing,) = firings(rt, acme, ticket_id)
        assert [one.result for one in firing.actions] == [result]
    assert len(list_comments(rt, acme.actor, survivor, ALL).items) == 1
