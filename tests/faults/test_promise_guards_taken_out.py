"""The guards of what is promised once and on time, taken out: tickets and escalations double, or come late."""

from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg import sql

from psms.adapters.system import DatabaseClock
from psms.domain.answers import OnceKey
from psms.domain.sla_policies import NewSlaPolicy
from psms.domain.tickets import OpenTicket
from psms.errors import RequestInProgress
from tests.support.ledger import Ledger
from tests.support.receiver import Receiver
from tests.support.sabotage import until_waiting, without_all
from tests.support.tenants import add_endpoint, file_ticket, make_tenant
from tests.support.waiting import eventually
from workflows.deliveries import deliver_due
from workflows.relay import relay_outbox
from workflows.sla_policies import add_policy
from workflows.sla_sweep import fire_due_timers
from workflows.tickets import open_ticket

SEQUENCE = "a ticket's sequence is not the number of its events, 1 to the last"
ONCE = OnceKey(key="the-same", fingerprint=b"the-same")
KEY_LOCK = {", pg_try_advisory_xact_lock(": ", true OR pg_try_advisory_xact_lock("}
KEY_LOOK_UP = {"client_id = %(client_id)s AND key = %(key)s AND": "%(client_id)s::text = %(key)s::text AND"}
SWEEP_LOCKS = {"FOR UPDATE SKIP LOCKED": ""}
FIRED_ONCE = {"ON CONFLICT DO NOTHING RETURNING clock_id, level": "RETURNING clock_id, level"}
ESCALATED = "SELECT count(*) FROM events WHERE type = 'sla.escalated'"
OFF = timedelta(hours=1)


class MachineClock:
    """A clock that is what the machine says, wrong as it may be."""

    def __init__(self, off: timedelta) -> None:
        self._off = off

    def now(self, _session: object, /) -> datetime:
        return datetime.now(UTC) + self._off


@pytest.fixture
def acme(rt):
    """An organization that promises a first response within a minute."""
    tenant = make_tenant(rt)
    add_policy(rt, tenant.actor, NewSlaPolicy(name="A minute", first_response_seconds=60), None)
    return tenant


def taking_out(guard: dict[str, str] | None) -> AbstractContextManager[None]:
    return without_all(guard) if guard else nullcontext()


def until_done(futures: list[Future[Any]], count: int) -> None:
    """Return when exactly so many have ended without having to wait."""
    eventually(lambda: sum(future.done() for future in futures) == count, what=f"{count} to be turned away")


@pytest.mark.parametrize(("guard", "filed"), [(None, 1), (KEY_LOCK, 2)], ids=["guarded", "without the key's lock"])
def test_two_requests_at_once_with_one_key_file_one_ticket(rt, acme, database, guard, filed):
    with (
        taking_out(guard),
        ThreadPoolExecutor(2) as pool,
        psycopg.connect(database.superuser_url) as holding,
    ):
        holding.execute(b"SELECT FROM ticket_counters FOR UPDATE")
        requests = [pool.submit(open_ticket, rt, acme.actor, OpenTicket(subject="One"), ONCE) for _ in range(2)]
        until_waiting(database, filed)
        until_done(requests, 2 - filed)
        holding.commit()
        refused = [one for one in requests if isinstance(one.exception(), RequestInProgress)]

    assert len(refused) == 2 - filed
    assert database.count("tickets") == filed


@pytest.mark.parametrize(("guard", "filed"), [(None, 1), (KEY_LOOK_UP, 2)], ids=["guarded", "without the kept answer"])
def test_a_request_made_again_with_its_key_files_no_second_ticket(rt, acme, database, guard, filed):
    with taking_out(guard):
        answers = {open_ticket(rt, acme.actor, OpenTicket(subject="One"), ONCE).body for _ in range(2)}

    assert len(answers) == filed
    assert database.count("tickets") == filed


@pytest.mark.parametrize(
    ("harm", "guard", "sweeping", "escalated", "wrong"),
    [
        ("", None, 1, 1, set()),
        ("", SWEEP_LOCKS, 2, 1, {SEQUENCE}),
        ("ALTER TABLE sla_fires DROP CONSTRAINT sla_fires_pkey", SWEEP_LOCKS | FIRED_ONCE, 2, 2, None),
    ],
    ids=["guarded", "without the row locks", "without them and the key of a level"],
)
def test_two_sweeps_escalate_once(rt, acme, database, *, harm, guard, sweeping, escalated, wrong):
    file_ticket(rt, acme.actor)
    relay_outbox(rt)
    database.move_clock(timedelta(seconds=61))
    database.run(sql.SQL(harm))
    with (
        taking_out(guard),
        ThreadPoolExecutor(2) as pool,
        psycopg.connect(database.superuser_url) as holding,
    ):
        # Whoever has found the ticket due comes as far as the level's row.
        holding.execute(b"LOCK TABLE sla_fires IN SHARE MODE")
        sweeps = [pool.submit(fire_due_timers, rt) for _ in range(2)]
        until_waiting(database, sweeping)
        until_done(sweeps, 2 - sweeping)
        holding.commit()
        assert sum(sweep.result() for sweep in sweeps) == sweeping
    relay_outbox(rt)

    assert database.rows(ESCALATED) == [(escalated,)]
    breaches = set(Ledger(database.superuser_url).breaches())
    assert breaches == wrong if wrong is not None else len(breaches) > 1


@pytest.mark.parametrize(
    ("clock", "ahead_s", "escalated"),
    [
        (DatabaseClock(), 0, 0),
        (DatabaseClock(), 61, 1),
        (MachineClock(OFF), 0, 1),
        (MachineClock(-OFF), 61, 0),
    ],
    ids=["not due", "due", "early by a fast machine's clock", "late by a slow machine's clock"],
)
def test_the_one_clock_is_what_keeps_escalations_on_time(rt, acme, database, *, clock, ahead_s, escalated):
    file_ticket(rt, acme.actor)
    database.move_clock(timedelta(seconds=ahead_s))

    assert fire_due_timers(replace(rt, clock=clock)) == escalated
    assert database.rows(ESCALATED) == [(escalated,)]


@pytest.mark.parametrize("off", [timedelta(0), OFF], ids=["database", "machine"])
def test_the_one_clock_is_what_signs(rt, acme, off):
    machine = {"(SELECT psms_now()) AS now": f"timestamptz '{datetime.now(UTC) + off}' AS now"}
    with Receiver() as partner:
        add_endpoint(rt, acme.actor, partner.url("/hook"))
        file_ticket(rt, acme.actor)
        relay_outbox(rt)
        with taking_out(machine if off else None):
            assert deliver_due(rt) == 1
        signed = datetime.fromtimestamp(int(partner.received[0].headers["webhook-timestamp"]), UTC)

    assert abs(signed - datetime.now(UTC) - off) < timedelta(seconds=30)
