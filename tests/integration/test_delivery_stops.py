"""What becomes of requests that are out when their process is told to end. Leases that nobody gives back: elsewhere."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from threading import Event
from typing import TypeVar

import pytest
from psycopg import sql
from typing_extensions import override

from psms.adapters.slots import Slots
from psms.runtime import Runtime
from tests.support.databases import MigratedDatabase
from tests.support.receiver import Answer, Receiver
from tests.support.tenants import Tenant, add_endpoint, file_ticket
from tests.support.waiting import eventually
from workflows.deliveries import deliver_due, reap_leases
from workflows.relay import relay_outbox

T = TypeVar("T")


@pytest.fixture
def partner() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


def a_delivery_of_each(rt: Runtime, acme: Tenant, *urls: str) -> None:
    for url in urls:
        add_endpoint(rt, acme.actor, url)
    file_ticket(rt, acme.actor)
    relay_outbox(rt)


def another(rt: Runtime, name: str) -> Runtime:
    """Return the runtime of another process."""
    return replace(rt, worker=name, slots=Slots(4), stopping=Event())


def told(database: MigratedDatabase) -> list[tuple[object, ...]]:
    """Return how each delivery stands, with what its attempts came to, in the order of the endpoints' URLs."""
    return database.rows(
        """SELECT d.state, d.lease_token, d.leases_lost, d.failures, array_agg(a.outcome ORDER BY a.id)
        FROM webhook_deliveries d JOIN webhook_endpoints p ON p.id = d.endpoint_id
        JOIN webhook_attempts a ON a.delivery_id = d.id GROUP BY d.id, p.url, d.organization_id ORDER BY p.url"""
    )


def test_w30_a_process_that_ends_gives_back_what_would_take_too_long_and_loses_no_lease(
    rt: Runtime, acme: Tenant, partner: Receiver, database: MigratedDatabase
) -> None:
    a_delivery_of_each(rt, acme, partner.url("/hangs"), partner.url("/quick"))
    landing = Event()
    partner.answer("/hangs", Answer(hang=True), Answer())
    partner.answer("/quick", Answer(until=landing))
    ending, next_one = another(rt, "ending"), another(rt, "next")
    with ThreadPoolExecutor(1) as pool:
        drain = pool.submit(partial(deliver_due, ending, stops_within_s=0.5))
        eventually(lambda: len(partner.received) == 2)
        ending.stopping.set()
        landing.set()
        assert drain.result(timeout=10) == 2

    assert told(database) == [("pending", None, 0, 0, ["unknown"]), ("delivered", None, 0, 0, ["success"])]
    assert deliver_due(next_one) == 1
    assert told(database)[0] == ("delivered", None, 0, 0, ["unknown", "success"])
    assert len(partner.received) == 3
    assert len(partner.distinct_ids()) == 1


UNRECORDABLE = """
    CREATE SEQUENCE record_tries;
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    AS $$ BEGIN PERFORM nextval('record_tries'); RAISE EXCEPTION 'no room' USING ERRCODE = '53100'; END $$;
    CREATE TRIGGER refuse BEFORE UPDATE ON webhook_attempts FOR EACH ROW EXECUTE FUNCTION refuse()
"""


def test_a_process_that_ends_asks_a_database_that_can_store_nothing_only_now_and_then(
    rt: Runtime, acme: Tenant, partner: Receiver, database: MigratedDatabase
) -> None:
    a_delivery_of_each(rt, acme, partner.url())
    database.run(sql.SQL(UNRECORDABLE))
    ending = another(rt, "ending")
    with ThreadPoolExecutor(1) as pool:
        drain = pool.submit(partial(deliver_due, ending, stops_within_s=0.7))
        eventually(lambda: partner.received)
        ending.stopping.set()
        assert drain.result(timeout=10) == 1

    assert database.rows("SELECT last_value BETWEEN 2 AND 6 FROM record_tries") == [(True,)]


def test_no_more_is_sent_than_slots_hold_while_results_cannot_be_recorded(
    rt: Runtime, acme: Tenant, partner: Receiver, database: MigratedDatabase
) -> None:
    a_delivery_of_each(rt, acme, *(partner.url(f"/{number}") for number in range(16)))
    database.run(sql.SQL(UNRECORDABLE))
    working = another(rt, "working")
    with ThreadPoolExecutor(1) as pool:
        drain = pool.submit(partial(deliver_due, working, stops_within_s=0.0))
        eventually(lambda: database.rows("SELECT last_value >= 7 FROM record_tries") == [(True,)])
        working.stopping.set()
        drain.result(timeout=10)

    assert len(partner.received) <= 2 * working.slots.size


def test_a_request_is_not_begun_under_a_lease_that_has_ended(
    rt: Runtime, acme: Tenant, partner: Receiver, database: MigratedDatabase
) -> None:
    a_delivery_of_each(rt, acme, partner.url())
    stalled = replace(rt, settings=replace(rt.settings, lease_seconds=0))

    assert (deliver_due(stalled), partner.received) == (1, [])
    assert reap_leases(rt) == 1
    assert deliver_due(rt) == 1
    assert told(database) == [("delivered", None, 0, 0, ["unknown", "success"])]
    assert len(partner.received) == 1


class TooFewThreads(Slots):
    """Slots of a process that may start one thread, as under a limit of its container."""

    @override
    def submit(self, work: Callable[..., T], /, *args: object) -> Future[T]:
        if self.free < self.size:
            raise RuntimeError("can't start new thread")
        return super().submit(work, *args)


def test_what_is_out_is_recorded_although_no_more_can_be_begun(
    rt: Runtime, acme: Tenant, partner: Receiver, database: MigratedDatabase
) -> None:
    a_delivery_of_each(rt, acme, *(partner.url(f"/{name}") for name in "abc"))
    begun = Event()
    for path in ("/a", "/b", "/c"):
        partner.answer(path, Answer(until=begun))
    with ThreadPoolExecutor(1) as pool:
        drain = pool.submit(deliver_due, replace(rt, slots=TooFewThreads(4)))
        eventually(lambda: partner.received)
        begun.set()
        with pytest.raises(RuntimeError, match="can't start new thread"):
            drain.result(timeout=10)

    # Of the third nothing was tried: lanes from which nothing came back yet have half of the slots.
    assert sorted(told(database)) == [
        ("delivered", None, 0, 0, ["success"]),
        ("pending", None, 0, 0, ["unknown"]),
    ]
