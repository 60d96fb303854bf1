"""What acts for organizations without a caller: a step outside one writes nothing, a drain stays inside each."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from uuid import UUID

import pytest
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from psms.db.queries import comments, journal, people
from psms.db.queries import sla_effects as sla_queries
from psms.db.queries import tickets as ticket_queries
from psms.domain.events import EventType
from psms.domain.sla_policies import NewSlaPolicy
from psms.domain.tickets import Comment, Visibility
from psms.runtime import Runtime
from tests.api.standing import contents
from tests.support.databases import MigratedDatabase
from tests.support.receiver import Receiver
from tests.support.tenants import add_endpoint, file_ticket, make_tenant
from tests.support.waiting import eventually
from workflows import trail
from workflows.act import Act, act_of_system
from workflows.drains import DRAINS
from workflows.sla_policies import add_policy

_TENANT_TABLES = """
    SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public'
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'organization_id' AND NOT a.attisdropped
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1
"""


def note(act: Act, _: UUID) -> None:
    trail.note(act, "ticket.escalated", ("ticket", None))


def tell(act: Act, ticket_id: UUID) -> None:
    record = journal.EventRecord(
        organization_id=act.organization_id,
        id=act.new_id(),
        type=EventType.TICKET_UPDATED.value,
        schema_version=1,
        ticket_id=ticket_id,
        sequence=2,
        occurred_at=act.now,
        body=b"{}",
        request_id=None,
    )
    journal.insert_events(act.session, [record])


def comment(act: Act, ticket_id: UUID) -> None:
    said = Comment(
        id=act.new_id(),
        ticket_id=ticket_id,
        author_id=act.new_id(),
        body="x",
        visibility=Visibility.PUBLIC,
        created_at=act.now,
    )
    comments.insert(act.session, act.organization_id, said)


def edit(act: Act, ticket_id: UUID) -> None:
    ticket_queries.apply(act.session, ticket_id, {"subject": "mine"})


def notify(act: Act, ticket_id: UUID) -> None:
    told = sla_queries.NewNotification(
        id=act.new_id(), ticket_id=ticket_id, clock_id=act.new_id(), kind="sla.breached", user_id=None, team_id=None
    )
    sla_queries.insert_notifications(act.session, act.organization_id, [told], act.now)


def join(act: Act, _: UUID) -> None:
    people.set_members(act.session, act.organization_id, act.new_id(), [act.new_id()])


STEPS: list[Callable[[Act, UUID], None]] = [note, tell, comment, edit, notify, join]


def _begun(rt: Runtime, place: str, other: UUID) -> AbstractContextManager[Session]:
    if place == "of no organization":
        return rt.db.begin_system()
    return rt.db.begin_claim() if place == "of all organizations" else rt.db.begin(other)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("place", ["of no organization", "of all organizations", "of another organization"])
def test_a20_a_step_outside_its_organization_raises_and_writes_nothing(
    rt: Runtime, database: MigratedDatabase, step: Callable[[Act, UUID], None], place: str
) -> None:
    acme, stranger = make_tenant(rt), make_tenant(rt, "Stranger")
    ticket_id = file_ticket(rt, acme.actor)
    before = contents(database)

    with pytest.raises(SQLAlchemyError), _begun(rt, place, stranger.organization_id) as session:
        step(act_of_system(rt, session, acme.organization_id, rt.clock.now(session)), ticket_id)

    assert contents(database) == before


def of_organization(database: MigratedDatabase, organization_id: UUID) -> dict[str, list[str]]:
    """Return every row of an organization, by table."""
    tables = [str(name) for (name,) in database.rows(_TENANT_TABLES)]
    query = "SELECT t::text FROM {} t WHERE organization_id = %s ORDER BY 1"
    return {table: [str(row) for (row,) in database.rows(query.format(table), organization_id)] for table in tables}


def test_a20_a_drain_touches_no_organization_without_due_work(rt: Runtime, database: MigratedDatabase) -> None:
    acme, stranger = make_tenant(rt), make_tenant(rt, "Stranger")
    with Receiver() as partner:
        for tenant, seconds in ((stranger, 100_000), (acme, 1)):
            add_endpoint(rt, tenant.actor, partner.url("/hook"))
            add_policy(rt, tenant.actor, NewSlaPolicy(name="Usual", first_response_seconds=seconds), None)
            file_ticket(rt, tenant.actor)
            if tenant is stranger:
                for drain in DRAINS.values():
                    drain(rt)
        at_rest = of_organization(database, stranger.organization_id)
        assert at_rest["webhook_deliveries"]
        before = of_organization(database, acme.organization_id)

        def breached() -> bool:
            for drain in DRAINS.values():
                drain(rt)
            return bool(of_organization(database, acme.organization_id)["notifications"])

        eventually(breached, within=20, what="the breach")

    after = of_organization(database, acme.organization_id)
    changed = {table for table in before if before[table] != after[table]}
    assert {"webhook_deliveries", "webhook_attempts", "sla_fires", "notifications", "logs", "events"} <= changed
    assert of_organization(database, stranger.organization_id) == at_rest
