"""What goes wrong for one partner, one row or one organization stops and doubles nobody else's deliveries."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from threading import Event
from uuid import uuid4

import psycopg
from prometheus_client import REGISTRY
from psycopg import sql

from psms.domain.attempts import SendResult, WebhookRequest
from psms.runtime import Runtime
from tests.support.answers import ACCEPTED, HOOK
from tests.support.databases import MigratedDatabase
from tests.support.receiver import Answer, Receiver
from tests.support.tenants import Tenant, add_endpoint, claim, file_ticket
from tests.support.waiting import eventually
from workflows.deliveries import deliver_due
from workflows.delivery_jobs import Finished
from workflows.delivery_results import record
from workflows.relay import relay_outbox


def states(database: MigratedDatabase) -> list[tuple[object, ...]]:
    """Return the state of each delivery and why it is dead, oldest first."""
    return database.rows("SELECT state, dead_reason FROM webhook_deliveries ORDER BY created_at, sequence")


@contextmanager
def locked(database: MigratedDatabase, statement: str, *parameters: object) -> Iterator[None]:
    """Hold the rows that *statement* locks, from a connection of its own."""
    with psycopg.connect(database.superuser_url) as connection:
        connection.execute(statement.encode(), parameters)
        yield


def test_one_organizations_lock_delays_its_own_results_and_loses_nobodys(
    rt: Runtime, acme: Tenant, stranger: Tenant, database: MigratedDatabase
) -> None:
    patient = replace(rt, settings=replace(rt.settings, lease_seconds=20))
    with Receiver() as partner:
        endpoint_id, _ = add_endpoint(rt, acme.actor, partner.url("/a"))
        add_endpoint(rt, stranger.actor, partner.url("/b"))
        partner.answer("/a", Answer(delay_s=1.5))
        for tenant in (acme, stranger):
            file_ticket(rt, tenant.actor)
        relay_outbox(rt)
        with ThreadPoolExecutor(1) as pool:
            delivering = pool.submit(deliver_due, patient)
            eventually(lambda: len(partner.received) == 2, what="both requests")
            lane = "SELECT * FROM webhook_lanes WHERE endpoint_id = %s FOR UPDATE"
            with locked(database, lane, endpoint_id):
                eventually(lambda: ("delivered", None) in states(database), what="the stranger's result")
                assert states(database).count(("in_flight", None)) == 1
            assert delivering.result(timeout=10) == 2

        assert states(database) == [("delivered", None), ("delivered", None)]
        assert len(partner.received) == 2


def test_what_a_partner_accepted_is_not_forgotten_where_it_cannot_be_recorded_before_its_lease_ends(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    hasty = replace(rt, settings=replace(rt.settings, lease_seconds=1))
    with Receiver() as partner, ThreadPoolExecutor(1) as pool:
        endpoint_id, _ = add_endpoint(rt, acme.actor, partner.url("/a"))
        told = Event()
        partner.answer("/a", Answer(until=told))
        file_ticket(rt, acme.actor)
        relay_outbox(rt)
        delivering = pool.submit(deliver_due, hasty)
        eventually(lambda: partner.received, what="the request")
        with locked(database, "SELECT * FROM webhook_lanes WHERE endpoint_id = %s FOR UPDATE", endpoint_id):
            told.set()
            ended = "SELECT FROM webhook_deliveries WHERE lease_expires_at < psms_now() - interval '1.5 seconds'"
            eventually(lambda: database.rows(ended), what="the end of its lease, and another try to record it")
        assert delivering.result(timeout=10) == 1

    assert states(database) == [("delivered", None)]
    assert len(partner.received) == 1


def test_a_result_that_cannot_be_stored_takes_no_other_along(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    add_endpoint(rt, acme.actor, HOOK)
    for _ in range(3):
        file_ticket(rt, acme.actor)
    relay_outbox(rt)
    jobs = claim(rt)
    fine = ACCEPTED
    poison = replace(fine, error="a NUL \x00 is no text")

    again = record(rt, [Finished(job=job, result=poison if job.sequence == 2 else fine) for job in jobs])

    assert again == []
    by_sequence = database.rows("SELECT state FROM webhook_deliveries ORDER BY sequence")
    assert by_sequence == [("delivered",), ("in_flight",), ("delivered",)]


def test_an_organization_whose_events_cannot_be_fanned_out_holds_nobody_up(
    rt: Runtime, acme: Tenant, stranger: Tenant, database: MigratedDatabase
) -> None:
    for tenant in (acme, stranger):
        add_endpoint(rt, tenant.actor, HOOK)
        file_ticket(rt, tenant.actor)
    trip = sql.SQL(
        "CREATE FUNCTION trip() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN IF NEW.organization_id = {} THEN RAISE 'tripped'; END IF; RETURN NEW; END $$;"
        "CREATE TRIGGER trip BEFORE INSERT ON webhook_deliveries FOR EACH ROW EXECUTE FUNCTION trip()"
    )
    database.run(trip.format(sql.Literal(str(acme.organization_id))))

    assert relay_outbox(rt) == 1
    assert database.rows("SELECT organization_id FROM outbox") == [(acme.organization_id,)]
    database.run(sql.SQL("DROP TRIGGER trip ON webhook_deliveries"))
    assert relay_outbox(rt) == 1
    assert database.rows("SELECT sequence FROM webhook_deliveries") == [(1,), (1,)]


def test_lanes_that_somebody_keeps_locked_hold_only_their_own_organization_up(
    rt: Runtime, acme: Tenant, stranger: Tenant, database: MigratedDatabase
) -> None:
    kept, _ = add_endpoint(rt, acme.actor, HOOK)
    add_endpoint(rt, stranger.actor, HOOK)
    for tenant in (acme, stranger):
        file_ticket(rt, tenant.actor)
    lane = "SELECT * FROM webhook_lanes WHERE endpoint_id = %s FOR UPDATE"
    with ThreadPoolExecutor(1) as pool, locked(database, lane, kept):
        relaying = pool.submit(relay_outbox, rt)
        left = "SELECT organization_id FROM outbox"
        # As long as a statement may wait anywhere else is too long: that is 10 s.
        eventually(lambda: database.rows(left) == [(acme.organization_id,)], within=6, what="the stranger's event")
        assert relaying.result(timeout=6) == 1
    assert relay_outbox(rt) == 1
    assert database.rows("SELECT sequence FROM webhook_deliveries") == [(1,), (1,)]


class WatchingSender:
    """Notes which requests were under way together; answers all with 200."""

    def __init__(self, inner: Runtime) -> None:
        self._inner = inner.sender
        self.running: set[str] = set()
        self.together: list[set[str]] = []

    def send(self, request: WebhookRequest, /) -> SendResult:
        """Send it for real, and note its company before and after."""
        sequence = request.headers["webhook-sequence"]
        self.running.add(sequence)
        self.together.append(set(self.running))
        result = self._inner.send(request)
        self.together.append(set(self.running))
        self.running.discard(sequence)
        return result


def test_a_suspect_flies_with_nothing_beside_it_until_it_has_landed(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    watching = WatchingSender(rt)
    with Receiver() as partner:
        partner.answer("/hook", Answer(delay_s=0.3))
        add_endpoint(rt, acme.actor, partner.url("/hook"))
        for _ in range(4):
            file_ticket(rt, acme.actor)
        relay_outbox(rt)
        database.run(sql.SQL("UPDATE webhook_deliveries SET leases_lost = 2 WHERE sequence = 1"))

        assert deliver_due(replace(rt, sender=watching)) == 4

    assert [company for company in watching.together if "1" in company] == [{"1"}, {"1"}]
    assert states(database) == [("delivered", None)] * 4


def test_a_crowd_of_suspects_does_not_stop_everybody_else(
    rt: Runtime, acme: Tenant, stranger: Tenant, database: MigratedDatabase
) -> None:
    with Receiver() as partner:
        partner.answer("/slow", Answer(delay_s=0.6))
        add_endpoint(rt, acme.actor, partner.url("/slow"))
        for _ in range(12):
            file_ticket(rt, acme.actor)
        relay_outbox(rt)
        database.run(sql.SQL("UPDATE webhook_deliveries SET leases_lost = 2"))
        add_endpoint(rt, stranger.actor, partner.url("/quick"))
        file_ticket(rt, stranger.actor)
        relay_outbox(rt)
        with ThreadPoolExecutor(1) as pool:
            delivering = pool.submit(deliver_due, rt)
            eventually(lambda: [r for r in partner.received if r.path == "/quick"], within=4, what="the other")
            assert len([r for r in partner.received if r.path == "/slow"]) < 6
            rt.stopping.set()
            delivering.result(timeout=10)


def test_a_delivery_whose_event_is_gone_is_dead_and_the_others_go_out(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    with Receiver() as partner:
        add_endpoint(rt, acme.actor, partner.url("/hook"))
        for _ in range(2):
            file_ticket(rt, acme.actor)
        relay_outbox(rt)
        gone = sql.SQL("UPDATE webhook_deliveries SET event_id = {} WHERE sequence = 1").format(sql.Literal(uuid4()))
        database.run(gone)

        before = REGISTRY.get_sample_value("psms_webhook_dead_total", {"reason": "event_gone"}) or 0.0
        assert deliver_due(rt) == 1
    assert states(database) == [("dead", "event_gone"), ("delivered", None)]
    assert REGISTRY.get_sample_value("psms_webhook_dead_total", {"reason": "event_gone"}) == before + 1
