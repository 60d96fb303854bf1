"""The outbox row of an event is there if and only if its change is; what is done with it is tried elsewhere."""

from uuid import UUID

import pytest

from psms.domain.tickets import EditTicket
from psms.runtime import Runtime
from tests.support.databases import MigratedDatabase
from tests.support.tenants import Tenant, file_ticket
from workflows.relay import relay_outbox
from workflows.tickets import edit_ticket, edit_within

WAITING = "SELECT event_type FROM outbox"
SUBJECT = "SELECT subject, version, sequence FROM tickets"
EDIT = EditTicket(fields={"subject": "Printer is out"})


class _NotCommittedError(Exception):
    """What goes wrong after the ticket's update and before the commit."""


def _edit_and_raise(rt: Runtime, tenant: Tenant, ticket_id: UUID) -> None:
    with rt.db.begin(tenant.organization_id) as session:
        after = edit_within(rt, session, tenant.actor, ticket_id, EDIT)
        assert after.subject == "Printer is out"
        raise _NotCommittedError


def test_w01_what_is_not_committed_leaves_no_outbox_row_and_a_commit_exactly_one(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    ticket_id = file_ticket(rt, acme.actor)
    assert relay_outbox(rt) == 1
    before = database.rows(SUBJECT)

    with pytest.raises(_NotCommittedError):
        _edit_and_raise(rt, acme, ticket_id)
    assert database.rows(WAITING) == []
    assert database.rows(SUBJECT) == before
    assert database.rows("SELECT count(*) FROM events") == [(1,)]

    edit_ticket(rt, acme.actor, ticket_id, EDIT)
    assert database.rows(WAITING) == [("ticket.updated",)]
    assert database.rows("SELECT count(*) FROM events") == [(2,)]
