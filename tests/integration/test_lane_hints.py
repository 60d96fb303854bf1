"""Upkeep counts as a defect only what is one: lanes as the product itself leaves them are right."""

from datetime import timedelta
from uuid import UUID

import pytest

from psms.db.queries.upkeep import cancel_unwanted
from psms.domain.accounts import Edit
from psms.domain.endpoint_settings import Ordering
from psms.domain.webhooks import EndpointState
from psms.runtime import Runtime
from tests.support.answers import ACCEPTED, HOOK, REFUSED
from tests.support.databases import MigratedDatabase
from tests.support.lanes import answered, pile_up, set_lane
from tests.support.tenants import Tenant, add_endpoint, claim, file_ticket, known_to_answer
from workflows.delivery_history import resend
from workflows.endpoints import edit_endpoint, remove_endpoint
from workflows.lane_reconciliation import reconcile_lanes
from workflows.relay import relay_outbox


@pytest.fixture
def endpoint_id(rt: Runtime, acme: Tenant, database: MigratedDatabase) -> UUID:
    """An endpoint that is known to answer, with one delivery that is due."""
    endpoint_id, _ = add_endpoint(rt, acme.actor, HOOK)
    file_ticket(rt, acme.actor)
    relay_outbox(rt)
    known_to_answer(database)
    return endpoint_id


def test_a_lane_that_was_opened_again_and_not_looked_at_yet_is_right(
    rt: Runtime, acme: Tenant, endpoint_id: UUID
) -> None:
    for state in (EndpointState.PAUSED, EndpointState.ACTIVE):
        edit_endpoint(rt, acme.actor, endpoint_id, Edit(fields={"state": state}))
        assert reconcile_lanes(rt) == 0
    assert len(claim(rt)) == 1


def test_a_lane_is_right_whatever_share_of_its_rate_is_left(
    rt: Runtime, acme: Tenant, database: MigratedDatabase, endpoint_id: UUID
) -> None:
    pile_up(database, [endpoint_id], 20)
    set_lane(database, endpoint_id, rate_per_minute=7)
    (first,) = claim(rt)
    answered(rt, [first], REFUSED)
    wrong = 0
    for tenth in range(1, 60):
        database.move_clock(timedelta(seconds=tenth / 7))
        # Looked at before the rate allows one more.
        resend(rt, acme.actor, endpoint_id, first.delivery_id)
        answered(rt, claim(rt), ACCEPTED)
        wrong += reconcile_lanes(rt)
    assert wrong == 0


def test_lines_of_an_endpoint_that_was_deleted_are_left_to_be_cancelled(
    rt: Runtime, acme: Tenant, database: MigratedDatabase, endpoint_id: UUID
) -> None:
    pile_up(database, [endpoint_id], 20)
    edit_endpoint(rt, acme.actor, endpoint_id, Edit(fields={"order": Ordering.ENDPOINT}))
    remove_endpoint(rt, acme.actor, endpoint_id)
    cancelled = 0
    while cancelled < 21:
        with rt.db.begin_claim() as session:
            cancelled += cancel_unwanted(session, rt.clock.now(session), 7)
        assert reconcile_lanes(rt) == 0
    assert database.rows("SELECT DISTINCT state FROM webhook_deliveries") == [("cancelled",)]
