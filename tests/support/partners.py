"""What partners answer to what is claimed, and events by the hundred, for tests in which nothing is sent."""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from psms.db.queries import journal
from psms.domain.attempts import SendResult
from psms.domain.deliveries import Delivery
from psms.domain.pages import PageRequest
from psms.runtime import Runtime
from tests.support.answers import ACCEPTED
from tests.support.tenants import Tenant, claim
from workflows import delivery_history
from workflows.act import act_of_system
from workflows.delivery_jobs import Finished, Job
from workflows.delivery_results import record
from workflows.relay import relay_outbox


def answer_all(rt: Runtime, answer_of: Callable[[Job], SendResult] = lambda _: ACCEPTED) -> list[Job]:
    """Answer whatever is claimed until nothing is due, and return it in the order in which it would have gone out."""
    answered: list[Job] = []
    while jobs := claim(rt):
        record(rt, [Finished(job=job, result=answer_of(job)) for job in jobs])
        answered += jobs
    return answered


def publish(rt: Runtime, tenant: Tenant, count: int, *, event_type: str = "ticket.created") -> list[datetime]:
    """Let *count* events happen, a millisecond apart, relay them, and return when each happened."""
    with rt.db.begin(tenant.organization_id) as session:
        act = act_of_system(rt, session, tenant.organization_id, rt.clock.now(session))
        instants = [act.now - timedelta(milliseconds=count - number) for number in range(count)]
        journal.insert_events(
            session, [_event(tenant.organization_id, act.new_id(), at, event_type) for at in instants]
        )
    relay_outbox(rt)
    return instants


def shown(rt: Runtime, tenant: Tenant, endpoint_id: UUID) -> list[Delivery]:
    """Return all deliveries of an endpoint as they are shown, by their sequence."""
    found: list[Delivery] = []
    page = PageRequest(limit=100)
    while True:
        got = delivery_history.list_deliveries(rt, tenant.actor, endpoint_id, page, None)
        found += got.items
        if got.next_after is None:
            return found[::-1]
        page = PageRequest(limit=100, after=got.next_after)


def _event(organization_id: UUID, event_id: UUID, at: datetime, event_type: str) -> journal.EventRecord:
    return journal.EventRecord(
        organization_id=organization_id,
        id=event_id,
        type=event_type,
        schema_version=1,
        ticket_id=None,
        sequence=None,
        occurred_at=at,
        body=b"{}",
        request_id=None,
    )
