"""From a release that did not say where priorities come from: what is off the matrix was chosen, and stays."""

from uuid import UUID

from psms.db import schema
from psms.domain.tickets import EditTicket, Level, OpenTicket, Priority
from psms.runtime import Runtime
from tests.support.databases import MigratedDatabase
from tests.support.tenants import Tenant, file_ticket, make_tenant
from workflows import tickets


def test_priorities_off_the_matrix_count_as_chosen_after_the_upgrade(
    rt: Runtime, database: MigratedDatabase, acme: Tenant
) -> None:
    for tenant in (acme, make_tenant(rt, "Globex")):
        file_ticket(rt, tenant.actor, "usual")
        tickets.open_ticket(rt, tenant.actor, OpenTicket(subject="chosen", priority=Priority.CRITICAL), None)

    schema.downgrade(database.owner_url, "0009")
    schema.upgrade(database.owner_url, database.app_url)

    found = database.rows("SELECT DISTINCT subject, priority, priority_source FROM tickets ORDER BY subject")
    assert found == [("chosen", "critical", "manual"), ("usual", "medium", "matrix")]
    chosen = "SELECT id FROM tickets WHERE subject = 'chosen' AND organization_id = %s"
    ((ticket_id,),) = database.rows(chosen, acme.organization_id)
    edited = tickets.edit_ticket(rt, acme.actor, UUID(str(ticket_id)), EditTicket(fields={"urgency": Level.LOW}))
    assert edited.priority is Priority.CRITICAL
