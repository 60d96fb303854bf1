"""Each guard of relay, claim, lease and fence, taken out: what the fault tests forbid then happens; with it, not."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from uuid import UUID

import psycopg
import pytest
from psycopg import sql

from psms.db.queries import claims
from psms.domain.shares import Room
from psms.runtime import Runtime
from tests.support.answers import ACCEPTED, HOOK, REFUSED
from tests.support.databases import LEASE_OVER, MigratedDatabase
from tests.support.ledger import Ledger
from tests.support.sabotage import until_waiting, without, without_all
from tests.support.tenants import Tenant, add_endpoint, claim, file_ticket, make_tenant
from workflows.deliveries import reap_leases
from workflows.delivery_claims import claim_due
from workflows.delivery_jobs import Finished
from workflows.delivery_results import record
from workflows.relay import relay_outbox

NOT_OVER = "a delivery is neither over nor held"
NUMBERS = "an endpoint's deliveries are not numbered 1 to the last"
TOLD_TWICE = "an event has two deliveries for one endpoint"
UNTOLD = "an endpoint was never told of an event that it subscribes to"

FENCE = {" AND d.lease_token = r.token": ""}
LATE = {"lease_token IS NULL AND (state = 'pending' OR state = 'dead' AND dead_reason = 'leases_lost')": "true"}
LEADER = {"pg_advisory_xact_lock(hashtext('psms.relay'))": "1"}
ONE_DELIVERY = {"ON CONFLICT (organization_id, event_id, endpoint_id) DO NOTHING": ""}
SKIPPED = {"FOR UPDATE OF l SKIP LOCKED": "", "FOR UPDATE SKIP LOCKED": ""}
UNLEASED = {"= lane.endpoint_id AND d.state = 'pending' AND NOT d.behind": "= lane.endpoint_id"}
LEASE_END = {"lease_expires_at <= ": "'-infinity' <= "}
SUSPECTED = {"d.next_attempt_at <= %(now)s AND d.leases_lost < 2": "d.next_attempt_at <= %(now)s"}
GIVEN_UP = {"d.leases_lost + 1 >= 5": "false"}


@pytest.fixture
def acme(rt: Runtime) -> Tenant:
    return make_tenant(rt)


@pytest.fixture
def endpoint_id(rt: Runtime, acme: Tenant) -> UUID:
    return add_endpoint(rt, acme.actor, HOOK)[0]


def taking_out(guard: dict[str, str] | None) -> AbstractContextManager[None]:
    return without_all(guard) if guard else nullcontext()


def lose_leases(rt: Runtime, database: MigratedDatabase, times: int) -> None:
    """Let the workers that hold what is due be lost, so many times in a row."""
    for lost in range(1, times + 1):
        assert len(claim(rt)) == 1
        database.move_clock(lost * LEASE_OVER)
        assert reap_leases(rt) == 1


@pytest.mark.parametrize(
    ("result", "guard", "now"),
    [
        (REFUSED, None, ("in_flight", True, 0)),
        (REFUSED, FENCE, ("pending", False, 1)),
        (ACCEPTED, None, ("in_flight", True, 0)),
        (ACCEPTED, LATE, ("delivered", True, 0)),
    ],
    ids=["a fenced failure", "a failure without the fence", "a fenced success", "a success without the look at leases"],
)
def test_the_fence_keeps_a_thawed_worker_from_what_another_one_holds(
    rt, acme, database, *, endpoint_id, result, guard, now
):
    file_ticket(rt, acme.actor)
    relay_outbox(rt)
    (frozen,) = claim(rt)
    database.move_clock(LEASE_OVER)
    reap_leases(rt)
    assert len(claim(rt)) == 1

    with taking_out(guard):
        record(rt, [Finished(job=frozen, result=result)])

    assert database.rows("SELECT state, lease_token IS NOT NULL, failures FROM webhook_deliveries") == [now]


@pytest.mark.parametrize(
    ("harm", "guard", "waiting", "wrong"),
    [
        ("", None, 2, set()),
        ("", LEADER, 2, {NUMBERS}),
        ("DROP INDEX uq_webhook_deliveries_event", LEADER | ONE_DELIVERY, 2, {TOLD_TWICE}),
    ],
    ids=["guarded", "without the leader's lock", "without that and the unique delivery"],
)
def test_two_relays_number_each_delivery_once(rt, acme, database, *, endpoint_id, harm, guard, waiting, wrong):
    for _ in range(3):
        file_ticket(rt, acme.actor)
    database.run(sql.SQL(harm))
    lane = "SELECT FROM webhook_lanes WHERE endpoint_id = %s FOR UPDATE"
    with (
        taking_out(guard),
        ThreadPoolExecutor(2) as pool,
        psycopg.connect(database.superuser_url) as holding,
    ):
        holding.execute(lane.encode(), (endpoint_id,))
        relays = [pool.submit(relay_outbox, rt) for _ in range(2)]
        # Both have come as far as they can: without the leader's lock both have read the outbox.
        until_waiting(database, waiting)
        holding.commit()
        assert sum(relay.result() for relay in relays) >= 3

    assert set(Ledger(database.superuser_url).breaches()) == {NOT_OVER} | wrong


@pytest.mark.parametrize("guard", [None, SKIPPED], ids=["guarded", "without the row locks"])
def test_of_two_claims_at_once_one_gets_each_delivery(rt, acme, database, endpoint_id, guard):
    for _ in range(3):
        file_ticket(rt, acme.actor)
    relay_outbox(rt)
    with taking_out(guard), ThreadPoolExecutor(1) as pool:
        with rt.db.begin_claim() as session:
            now = rt.clock.now(session)
            lease = claims.Lease(token=rt.chance.new_id(now), seconds=2, now=now)
            mine = {row.id for row in claims.claim(session, lease, Room(free=16, new=16, slow=4))}
            other = pool.submit(claim, rt)
            if guard:
                until_waiting(database, 1)
            else:
                assert other.result() == []
        theirs = {job.delivery_id for job in other.result()}

    assert len(mine) == 3
    assert theirs == (mine if guard else set())


@pytest.mark.parametrize(("guard", "claimed"), [(None, [2]), (UNLEASED, [1, 2])], ids=["guarded", "without the state"])
def test_what_is_leased_is_not_claimed_again(rt, acme, endpoint_id, guard, claimed):
    file_ticket(rt, acme.actor)
    relay_outbox(rt)
    assert len(claim(rt)) == 1
    file_ticket(rt, acme.actor)
    relay_outbox(rt)

    with taking_out(guard):
        assert sorted(job.sequence for job in claim(rt)) == claimed


@pytest.mark.parametrize(("guard", "taken"), [(None, 0), (LEASE_END, 1)], ids=["guarded", "without the lease's end"])
def test_a_lease_that_holds_is_not_taken_back(rt, acme, endpoint_id, guard, taken):
    file_ticket(rt, acme.actor)
    relay_outbox(rt)
    assert len(claim(rt)) == 1

    with taking_out(guard):
        assert reap_leases(rt) == taken
    # Whose request still flies: it would be made twice.
    assert len(claim(rt)) == taken


@pytest.mark.parametrize(("guard", "beside"), [(None, [2, 3]), (SUSPECTED, [1, 2, 3])], ids=["guarded", "without"])
def test_a_suspect_takes_nobody_along(rt, acme, database, *, endpoint_id, guard, beside):
    file_ticket(rt, acme.actor)
    relay_outbox(rt)
    lose_leases(rt, database, 2)
    for _ in range(2):
        file_ticket(rt, acme.actor)
    relay_outbox(rt)

    with taking_out(guard):
        assert sorted(job.sequence for job in claim_due(rt, suspects=False, alone=False).jobs) == beside


@pytest.mark.parametrize(
    ("guard", "state"), [(None, ("dead", "leases_lost")), (GIVEN_UP, ("pending", None))], ids=["guarded", "without"]
)
def test_a_poison_row_is_given_up_after_five_lost_leases(rt, acme, database, *, endpoint_id, guard, state):
    file_ticket(rt, acme.actor)
    relay_outbox(rt)

    with taking_out(guard):
        lose_leases(rt, database, 5)

    assert database.rows("SELECT state, dead_reason FROM webhook_deliveries") == [state]


@pytest.mark.parametrize(
    ("table", "wrong"), [("outbox", {UNTOLD}), ("webhook_deliveries", {NUMBERS, UNTOLD})], ids=["no row", "no fan-out"]
)
def test_an_event_without_its_row_in_the_outbox_or_without_its_fan_out_is_missed(
    rt, acme, database, *, endpoint_id, table, wrong
):
    lost = """CREATE FUNCTION lost() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
        CREATE TRIGGER lost BEFORE INSERT ON {} FOR EACH ROW EXECUTE FUNCTION lost()"""
    ledger = Ledger(database.superuser_url)
    file_ticket(rt, acme.actor)
    relay_outbox(rt)
    record(rt, [Finished(job=job, result=ACCEPTED) for job in claim(rt)])
    assert ledger.breaches() == {}

    database.run(sql.SQL(lost.format(table)))
    database.move_clock(timedelta(seconds=2))
    file_ticket(rt, acme.actor)
    relay_outbox(rt)

    assert set(ledger.breaches()) == wrong


def test_a_guard_that_is_not_there_cannot_be_taken_out(rt, acme):
    with pytest.raises(AssertionError, match="no statement had"), without("FOR UPDATE OF nothing"):
        file_ticket(rt, acme.actor)
