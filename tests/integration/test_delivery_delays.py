"""Delays that are measured: from commit to the first request and to success, where nobody chose to wait."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from prometheus_client import REGISTRY

from psms.domain.accounts import Edit
from psms.domain.webhooks import EndpointState
from psms.runtime import Runtime
from tests.support.answers import ACCEPTED, HOOK
from tests.support.besiegers import Answering
from tests.support.databases import MigratedDatabase
from tests.support.tenants import Tenant, add_endpoint, file_ticket, known_to_answer
from workflows.deliveries import deliver_due
from workflows.delivery_history import resend
from workflows.endpoints import edit_endpoint
from workflows.relay import relay_outbox

NAMES = ("psms_webhook_commit_to_first_attempt_seconds_count", "psms_webhook_commit_to_delivered_seconds_count")


@pytest.fixture
def endpoint_id(rt: Runtime, acme: Tenant, database: MigratedDatabase) -> UUID:
    """An endpoint that is known to answer."""
    endpoint_id, _ = add_endpoint(rt, acme.actor, HOOK)
    known_to_answer(database)
    return endpoint_id


def counted() -> list[float]:
    """Return how many first requests and how many successes were measured."""
    return [REGISTRY.get_sample_value(name, {"endpoint": "healthy"}) or 0.0 for name in NAMES]


def test_what_a_person_sends_again_later_is_no_delay(
    rt: Runtime, acme: Tenant, database: MigratedDatabase, endpoint_id: UUID
) -> None:
    worker, before = replace(rt, sender=Answering(ACCEPTED, ACCEPTED)), counted()
    file_ticket(rt, acme.actor)
    relay_outbox(rt)
    assert deliver_due(worker) == 1
    measured = [count + 1 for count in before]
    assert counted() == measured
    ((delivery_id,),) = database.rows("SELECT id FROM webhook_deliveries")
    database.move_clock(timedelta(days=20))

    resend(rt, acme.actor, endpoint_id, UUID(str(delivery_id)))

    assert deliver_due(worker) == 1
    assert counted() == measured


def test_what_was_held_is_no_delay(rt: Runtime, acme: Tenant, database: MigratedDatabase, endpoint_id: UUID) -> None:
    worker, before = replace(rt, sender=Answering(ACCEPTED)), counted()
    edit_endpoint(rt, acme.actor, endpoint_id, Edit(fields={"state": EndpointState.PAUSED}))
    file_ticket(rt, acme.actor)
    relay_outbox(rt)
    database.move_clock(timedelta(days=20))

    edit_endpoint(rt, acme.actor, endpoint_id, Edit(fields={"state": EndpointState.ACTIVE}))

    assert deliver_due(worker) == 1
    assert counted() == before
