"""Deliveries in order: of one ticket, or of all of an endpoint; whoever settles one lets the next one go."""

from collections import Counter
from datetime import timedelta
from random import Random
from uuid import UUID

import pytest
from psycopg import sql

from psms.db.queries import orders
from psms.domain.endpoint_settings import Ordering
from psms.domain.tickets import EditTicket
from psms.encoding import json_value
from psms.runtime import Runtime
from tests.support.answers import ACCEPTED, HOOK, REFUSED
from tests.support.databases import LEASE_OVER, MigratedDatabase
from tests.support.lanes import answered
from tests.support.tenants import Tenant, add_endpoint, claim, file_ticket, known_to_answer
from workflows import tickets
from workflows.deliveries import reap_leases
from workflows.delivery_history import resend
from workflows.delivery_jobs import Job
from workflows.lane_reconciliation import reconcile_lanes
from workflows.relay import relay_outbox

STATES = "SELECT sequence, state, behind FROM webhook_deliveries ORDER BY sequence"


def order(rt: Runtime, acme: Tenant, endpoint_id: UUID, ordering: Ordering) -> None:
    """Order an endpoint's deliveries."""
    with rt.db.begin(acme.organization_id) as session:
        orders.set_ordering(session, acme.organization_id, endpoint_id, ordering, rt.clock.now(session))


def edit(rt: Runtime, acme: Tenant, ticket_id: UUID, times: int = 1) -> None:
    """Make so many more events of a ticket, and fan them out."""
    for _ in range(times):
        subject = f"Edit {rt.chance.fraction()}"
        tickets.edit_ticket(rt, acme.actor, ticket_id, EditTicket(fields={"subject": subject}))
    relay_outbox(rt)


@pytest.fixture
def endpoint_id(rt: Runtime, acme: Tenant, database: MigratedDatabase) -> UUID:
    """An endpoint that is known to answer."""
    endpoint_id, _ = add_endpoint(rt, acme.actor, HOOK)
    known_to_answer(database)
    return endpoint_id


def sequences(jobs: list[Job]) -> list[int]:
    """Return the place of each job among the events of its endpoint."""
    return [job.sequence for job in jobs]


def test_w28_the_events_of_a_ticket_wait_for_the_first_and_other_tickets_flow(
    rt: Runtime, acme: Tenant, database: MigratedDatabase, endpoint_id: UUID
) -> None:
    order(rt, acme, endpoint_id, Ordering.TICKET)
    first, second = file_ticket(rt, acme.actor), file_ticket(rt, acme.actor)
    relay_outbox(rt)
    edit(rt, acme, first, times=2)
    edit(rt, acme, second)
    received: list[int] = []

    for failure in range(2):
        jobs = claim(rt)
        assert {1, 3, 4} & set(sequences(jobs)) == {1}
        answered(rt, [job for job in jobs if job.sequence == 1], REFUSED)
        others = [job for job in jobs if job.sequence != 1]
        answered(rt, others, ACCEPTED)
        received += sequences(others)
        while flowing := claim(rt):
            answered(rt, flowing, ACCEPTED)
            received += sequences(flowing)
        database.move_clock(timedelta(seconds=8 + 50 * failure))
    assert received == [2, 5]

    while jobs := claim(rt):
        assert len(jobs) == 1
        answered(rt, jobs, ACCEPTED)
        received += sequences(jobs)
    assert received == [2, 5, 1, 3, 4]


def test_w28_all_of_an_endpoint_go_one_after_the_other_whatever_becomes_of_each(
    rt: Runtime, acme: Tenant, database: MigratedDatabase, endpoint_id: UUID
) -> None:
    order(rt, acme, endpoint_id, Ordering.ENDPOINT)
    for _ in range(12):
        file_ticket(rt, acme.actor)
    relay_outbox(rt)
    received, ahead, chance = [], 0.0, Random(5)
    for _ in range(200):
        jobs = claim(rt)
        assert len(jobs) <= 1
        answered(rt, jobs, REFUSED if chance.random() < 0.4 else ACCEPTED)
        received += sequences(jobs)
        ahead += 400
        database.move_clock(timedelta(seconds=ahead))
        if database.rows("SELECT FROM webhook_deliveries WHERE finished_at IS NULL") == []:
            break
    assert received == sorted(received)
    assert set(received) == set(range(1, 13))


def test_w28_without_an_order_a_partner_converges_by_the_version(rt: Runtime, acme: Tenant, endpoint_id: UUID) -> None:
    ticket_id = file_ticket(rt, acme.actor)
    edit(rt, acme, ticket_id, times=6)
    jobs = claim(rt)
    Random(3).shuffle(jobs)
    known = {"version": 0, "subject": ""}
    for job in jobs:
        told = json_value(job.body)["data"]["ticket"]
        if told["version"] > known["version"]:
            known = told
    now = tickets.get_ticket(rt, acme.actor, ticket_id)
    assert len(jobs) == 7
    assert (known["version"], known["subject"]) == (now.version, now.subject)


@pytest.mark.parametrize("how", ["dead", "cancelled by hand and reconciled", "leases", "late", "event gone"])
def test_however_a_delivery_ends_the_next_of_its_ticket_goes(
    rt: Runtime, acme: Tenant, database: MigratedDatabase, endpoint_id: UUID, how: str
) -> None:
    order(rt, acme, endpoint_id, Ordering.TICKET)
    edit(rt, acme, file_ticket(rt, acme.actor))
    assert database.rows(STATES) == [(1, "pending", False), (2, "pending", True)]
    ends(rt, database, how)
    # Its week begins anew: it could not go before.
    assert database.rows(
        "SELECT behind, expires_at > created_at + interval '7 days' FROM webhook_deliveries WHERE sequence = 2"
    ) == [(False, True)]
    assert sequences(claim(rt)) == [2]


def ends(rt: Runtime, database: MigratedDatabase, how: str) -> None:
    """Have the first delivery end in one of the ways in which deliveries end."""
    match how:
        case "dead":
            database.run(sql.SQL("UPDATE webhook_deliveries SET failures = 13 WHERE sequence = 1"))
            answered(rt, claim(rt), REFUSED)
        case "leases":
            database.run(sql.SQL("UPDATE webhook_deliveries SET leases_lost = 4 WHERE sequence = 1"))
            claim(rt)
            database.move_clock(LEASE_OVER)
            assert reap_leases(rt) == 1
        case "late":
            (frozen,) = claim(rt)
            database.move_clock(LEASE_OVER)
            reap_leases(rt)
            answered(rt, [frozen], ACCEPTED)
        case "event gone":
            gone = sql.SQL("UPDATE webhook_deliveries SET event_id = gen_random_uuid() WHERE sequence = 1")
            database.run(gone)
            assert claim(rt) == []
        case _:
            cancelled = "UPDATE webhook_deliveries SET state = 'cancelled', finished_at = now() WHERE sequence = 1"
            database.run(sql.SQL(cancelled))
            assert (claim(rt), reconcile_lanes(rt), reconcile_lanes(rt)) == ([], 1, 0)


def test_what_is_sent_again_goes_out_of_the_order_and_stops_nobody(
    rt: Runtime, acme: Tenant, database: MigratedDatabase, endpoint_id: UUID
) -> None:
    order(rt, acme, endpoint_id, Ordering.TICKET)
    edit(rt, acme, file_ticket(rt, acme.actor), times=3)
    ids = [UUID(str(row)) for (row,) in database.rows("SELECT id FROM webhook_deliveries ORDER BY sequence")]
    answered(rt, claim(rt), ACCEPTED)

    resend(rt, acme.actor, endpoint_id, ids[0])
    resend(rt, acme.actor, endpoint_id, ids[3])

    assert sorted(sequences(claim(rt))) == [1, 2, 4]
    keyed = "SELECT order_key IS NOT NULL, behind FROM webhook_deliveries ORDER BY sequence"
    assert database.rows(keyed) == [(False, False), (True, False), (True, True), (False, False)]


def test_the_head_of_a_line_that_is_sent_again_keeps_its_place(
    rt: Runtime, acme: Tenant, database: MigratedDatabase, endpoint_id: UUID
) -> None:
    order(rt, acme, endpoint_id, Ordering.TICKET)
    edit(rt, acme, file_ticket(rt, acme.actor))
    (head,) = claim(rt)
    answered(rt, [head], REFUSED)

    resend(rt, acme.actor, endpoint_id, head.delivery_id)

    jobs = claim(rt)
    assert sequences(jobs) == [1]
    answered(rt, jobs, ACCEPTED)
    assert sequences(claim(rt)) == [2]


def test_an_order_that_is_set_while_requests_are_out_waits_for_all_of_them(
    rt: Runtime, acme: Tenant, database: MigratedDatabase, endpoint_id: UUID
) -> None:
    ticket_id = file_ticket(rt, acme.actor)
    edit(rt, acme, ticket_id, times=2)
    jobs = claim(rt)
    edit(rt, acme, ticket_id)
    order(rt, acme, endpoint_id, Ordering.ENDPOINT)
    edit(rt, acme, ticket_id)
    assert [behind for _, _, behind in database.rows(STATES)] == [False] * 3 + [True] * 2

    for job in jobs:
        assert claim(rt) == []
        answered(rt, [job], ACCEPTED)
    for sequence in (4, 5):
        (job,) = claim(rt)
        assert (job.sequence, claim(rt)) == (sequence, [])
        answered(rt, [job], ACCEPTED)
    order(rt, acme, endpoint_id, Ordering.NONE)
    edit(rt, acme, ticket_id, times=3)
    assert len(claim(rt)) == 3


def test_no_two_of_a_ticket_are_ever_out_at_once_whatever_the_results(
    rt: Runtime, acme: Tenant, database: MigratedDatabase, endpoint_id: UUID
) -> None:
    order(rt, acme, endpoint_id, Ordering.TICKET)
    three = [file_ticket(rt, acme.actor) for _ in range(3)]
    out: list[Job] = []
    chance, ahead, seen = Random(11), 0.0, Counter[UUID]()
    for _ in range(25):
        edit(rt, acme, chance.choice(three))
        out += claim(rt)
        keys = "SELECT order_key FROM webhook_deliveries WHERE state = 'in_flight'"
        assert max(Counter(database.rows(keys)).values(), default=0) <= 1
        chance.shuffle(out)
        landing, out = out[:2], out[2:]
        for job in landing:
            answered(rt, [job], REFUSED if chance.random() < 0.2 else ACCEPTED)
            seen[job.delivery_id] += 1
        ahead += 1.0
        database.move_clock(timedelta(seconds=ahead))
    assert len(seen) > 10
