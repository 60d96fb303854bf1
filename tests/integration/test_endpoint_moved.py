"""What an address answers that an endpoint has no longer: it is about that address, and not about the new one."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import UUID

import pytest

from psms.db.queries import endpoints
from psms.domain.accounts import Edit
from psms.domain.attempts import SendResult
from psms.runtime import Runtime
from tests.support.answers import ACCEPTED, GONE, HOOK, REFUSED
from tests.support.databases import MigratedDatabase
from tests.support.lanes import answered, lane_of, pile_up, set_lane
from tests.support.tenants import Tenant, add_endpoint, claim, file_ticket, known_to_answer
from tests.support.waiting import eventually
from workflows.endpoints import edit_endpoint
from workflows.relay import relay_outbox

NEW = f"{HOOK}/new"
HEALTH = "SELECT state, failing_since, failed_attempts, blocked_since, last_success_at FROM webhook_endpoints"
WAITS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
WAITING = replace(REFUSED, status=429, retry_after="3600")


@pytest.fixture
def endpoint_id(rt: Runtime, acme: Tenant, database: MigratedDatabase) -> UUID:
    """An endpoint that is known to answer, with six deliveries that are due."""
    endpoint_id, _ = add_endpoint(rt, acme.actor, HOOK)
    file_ticket(rt, acme.actor)
    relay_outbox(rt)
    pile_up(database, [endpoint_id], 5)
    known_to_answer(database)
    return endpoint_id


def move(rt: Runtime, acme: Tenant, endpoint_id: UUID) -> None:
    """Give an endpoint its new address."""
    edit_endpoint(rt, acme.actor, endpoint_id, Edit(fields={"url": NEW}))


@pytest.mark.parametrize("answer", [GONE, WAITING, REFUSED, ACCEPTED], ids=["410", "Retry-After", "500", "200"])
def test_what_the_former_address_answers_is_no_word_on_the_new_one(
    rt: Runtime, acme: Tenant, database: MigratedDatabase, endpoint_id: UUID, answer: SendResult
) -> None:
    set_lane(database, endpoint_id, max_in_flight=5)
    jobs = claim(rt)
    move(rt, acme, endpoint_id)
    before = lane_of(database, endpoint_id)

    answered(rt, jobs, answer)

    assert database.rows(HEALTH) == [("active", None, 0, None, None)]
    assert lane_of(database, endpoint_id) == before == ("closed", None, 0, 0, False)
    assert {job.url for job in claim(rt)} == {NEW}


def test_the_probe_of_the_former_address_is_not_the_new_ones(
    rt: Runtime, acme: Tenant, database: MigratedDatabase, endpoint_id: UUID
) -> None:
    set_lane(database, endpoint_id, circuit="open", opens=6)
    (probe,) = claim(rt)
    move(rt, acme, endpoint_id)

    answered(rt, [probe], REFUSED)

    (again,) = claim(rt)
    assert again.url == NEW
    answered(rt, [again], ACCEPTED)
    assert lane_of(database, endpoint_id)[:2] == ("closed", 1)


def test_what_the_former_address_gave_up_is_given_up_and_what_it_refused_is_tried_again(
    rt: Runtime, acme: Tenant, database: MigratedDatabase, endpoint_id: UUID
) -> None:
    aborting = replace(REFUSED, tls_verified=True, response_headers={"webhook-delivery": "abort-message"})
    jobs = claim(rt)
    move(rt, acme, endpoint_id)

    answered(rt, jobs[:1], aborting)
    answered(rt, jobs[1:2], GONE)

    assert database.rows("SELECT count(*) FROM logs WHERE action = 'delivery.dead'") == [(1,)]
    assert [(job.delivery_id, job.url) for job in claim(rt)] == [(jobs[1].delivery_id, NEW)]


def test_a_410_that_comes_while_the_endpoint_is_being_moved_disables_nothing(
    rt: Runtime, acme: Tenant, database: MigratedDatabase, endpoint_id: UUID
) -> None:
    jobs = claim(rt)
    with ThreadPoolExecutor(1) as pool:
        with rt.db.begin(acme.organization_id) as session:
            row = endpoints.lock(session, acme.organization_id, endpoint_id, None)
            row.url = NEW
            session.flush()
            recording = pool.submit(answered, rt, jobs, GONE)
            eventually(lambda: database.rows(WAITS) == [(1,)], within=0.8, what="the lock to be waited for")
        recording.result()

    assert database.rows("SELECT state, url FROM webhook_endpoints") == [("active", NEW)]
