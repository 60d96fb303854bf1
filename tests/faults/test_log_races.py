"""Many writers, slow ones and ones that change their mind, and several sealers: what is committed is sealed, once."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from psycopg import sql
from sqlalchemy import text

from psms.runtime import Runtime
from tests.support.databases import MigratedDatabase
from tests.support.log_tools import found, psms, sealed_and_signed
from tests.support.tenants import Tenant, make_tenant
from workflows import trail
from workflows.act import act_of
from workflows.log_seals import seal_logs

WRITERS, SEALERS = 8, 2
# Forty in the long form.
SECONDS = 4.0


@pytest.fixture
def acme(rt: Runtime) -> Tenant:
    """An organization with an admin client."""
    return make_tenant(rt)


@pytest.fixture
def stranger(rt: Runtime) -> Tenant:
    """Another organization with an admin client."""
    return make_tenant(rt, "Stranger")


class ChangedItsMind(Exception):
    """A writer rolls back."""


def write(rt: Runtime, tenant: Tenant, number: int) -> bool:
    """Write an entry; now and then stay a while before the commit, now and then roll back."""
    with suppress(ChangedItsMind), rt.db.begin(tenant.organization_id) as session:
        trail.note(act_of(rt, session, tenant.actor), "race.run", ("race", None))
        if number % 7 == 0:
            session.execute(text("SELECT pg_sleep(0.2)"))
        if number % 10 == 3:
            raise ChangedItsMind
        return True
    return False


@pytest.mark.timeout(300)
def test_a36_whatever_is_committed_is_sealed_once_and_in_an_unbroken_chain(
    rt: Runtime, database: MigratedDatabase, acme: Tenant, stranger: Tenant, rounds: int
) -> None:
    over = threading.Event()

    def writer(place: int) -> int:
        tenant = (acme, stranger)[place % 2]
        count = 0
        for number in range(place, 1_000_000):
            if over.is_set():
                break
            count += write(rt, tenant, number)
        return count

    def sealer() -> int:
        count = 0
        while not over.is_set():
            count += seal_logs(rt)
        return count

    with ThreadPoolExecutor(WRITERS + SEALERS) as pool:
        writers = [pool.submit(writer, place) for place in range(WRITERS)]
        sealers = [pool.submit(sealer) for _ in range(SEALERS)]
        threading.Timer(SECONDS * rounds, over.set).start()
        committed, sealed = sum(one.result() for one in writers), sum(one.result() for one in sealers)
    sealed_and_signed(rt, database)

    assert committed > 0
    assert sealed > 0
    assert database.rows("SELECT count(*) FROM logs WHERE action = 'race.run'") == [(committed,)]
    assert database.count("log_seals") == database.count("logs")
    assert found(rt) == []
    verified = psms(rt, "logs", "verify")
    assert (verified.returncode, verified.stderr) == (0, "")


def test_a36_an_entry_that_is_committed_late_is_sealed_late_and_holds_nobody_up(
    rt: Runtime, database: MigratedDatabase, acme: Tenant
) -> None:
    seal_logs(rt)
    with ThreadPoolExecutor(1) as elsewhere, rt.db.begin(acme.organization_id) as session:
        trail.note(act_of(rt, session, acme.actor), "race.slow", ("race", None))
        assert elsewhere.submit(write, rt, acme, 1).result()
        assert elsewhere.submit(seal_logs, rt).result() == 1
    assert seal_logs(rt) == 1

    order = """SELECT l.action FROM log_seals s JOIN logs l ON l.id = s.log_id
        WHERE l.target_type = 'race' ORDER BY s.seq"""
    assert database.rows(order) == [("race.run",), ("race.slow",)]


def test_an_organization_that_cannot_be_sealed_holds_no_other_up(
    rt: Runtime, database: MigratedDatabase, acme: Tenant, stranger: Tenant
) -> None:
    seal_logs(rt)
    database.run(
        sql.SQL("ALTER TABLE log_seals ADD CONSTRAINT broken CHECK (organization_id <> {}) NOT VALID").format(
            sql.Literal(acme.organization_id)
        )
    )
    write(rt, acme, 1)
    write(rt, stranger, 1)

    assert seal_logs(rt) == 1
    database.run(sql.SQL("ALTER TABLE log_seals DROP CONSTRAINT broken"))
    assert seal_logs(rt) == 1
    assert database.count("log_unsealed") == 0
