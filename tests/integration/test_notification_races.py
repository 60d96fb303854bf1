"""Notifications by mail when workers die, meet and are late: each mail is sent, and by one of them."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier

import pytest
from psycopg import sql

from psms.crash import CrashPoint
from psms.domain.mails import Fate, Mail, MailResult
from psms.guard import TransactionOpenError
from psms.runtime import Runtime
from tests.support.commands import environment_on, run_psms
from tests.support.databases import LEASE_OVER, MigratedDatabase
from tests.support.post_office import PostOffice
from tests.support.tenants import Tenant, file_ticket
from tests.support.told import add_person, mails, notify, with_post
from workflows.mail_claims import claim_due
from workflows.mail_results import SentMail, record
from workflows.notifications import send_notifications

KILLED = -9
OPEN = """SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND state LIKE 'idle in transaction%%'"""
A_MAIL = Mail(
    message_id="1@example.com",
    recipient_name="Ada",
    recipient_address="ada@example.com",
    subject="x",
    body="x",
    written_at=datetime(2026, 1, 1, tzinfo=UTC),
    timeout_s=1,
)
BROKEN = """CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'broken'; END $$;
    CREATE TRIGGER broken BEFORE INSERT ON mails
    FOR EACH ROW WHEN (NEW.organization_id = {}) EXECUTE FUNCTION broken()"""


def some_mail(rt: Runtime, acme: Tenant, database: MigratedDatabase, count: int = 1) -> None:
    """Leave *count* mails to Ada to be sent."""
    ada = add_person(rt, acme.actor, "Ada")
    for number in range(count):
        notify(database, file_ticket(rt, acme.actor, f"Ticket {number}"), user_id=ada)
    send_notifications(rt)


def test_two_drains_at_once_send_each_mail_once(rt: Runtime, acme: Tenant, database: MigratedDatabase) -> None:
    ada = add_person(rt, acme.actor, "Ada")
    for number in range(30):
        notify(database, file_ticket(rt, acme.actor, f"Ticket {number}"), user_id=ada)
    start = Barrier(2)

    with PostOffice() as office, ThreadPoolExecutor(2) as pool:

        def drain() -> int:
            desk = with_post(rt, office)
            start.wait(10)
            return send_notifications(desk)

        done = [one.result() for one in [pool.submit(drain) for _ in range(2)]]

    ids = [taken.message["Message-ID"] for taken in office.taken]
    assert sum(done) == 60
    assert len(ids) == len(set(ids)) == 30
    assert {row[:2] for row in mails(database)} == {("sent", 1)}


def test_a_mail_whose_worker_is_killed_goes_again_under_the_same_message_id(
    rt: Runtime, acme: Tenant, database: MigratedDatabase, tmp_path: Path
) -> None:
    some_mail(rt, acme, database)
    with PostOffice() as office:
        variables = {
            "PSMS_SMTP_URL": office.url(),
            "PSMS_MAIL_FROM": "desk@example.com",
            "PSMS_LEASE_SECONDS": "30",
            # The key under which the address is encrypted.
            "PSMS_HOME": str(rt.settings.home),
        }
        environment = environment_on(database, tmp_path / "other", **variables)
        killed = run_psms(environment | {"PSMS_CRASH_AT": CrashPoint.MAIL_TAKEN}, "drain")
        leased = mails(database)
        early = run_psms(environment, "drain")
        database.move_clock(timedelta(seconds=31))
        again = run_psms(environment, "drain")

    first, second = office.taken
    assert (killed.returncode, leased) == (KILLED, [("in_flight", 1, 0, None, None)])
    assert "notifications.send: 0" in early.stdout
    assert (again.returncode, "notifications.send: 1" in again.stdout) == (0, True)
    assert first.message["Message-ID"] == second.message["Message-ID"]
    assert first.content == second.content
    assert mails(database) == [("sent", 2, 0, None, None)]


def test_a_result_that_comes_after_its_lease_changes_nothing_where_somebody_else_has_the_mail(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    some_mail(rt, acme, database)
    (late,) = claim_due(rt).jobs
    with PostOffice(replies={"RCPT": ["450 later"]}) as office:
        database.move_clock(LEASE_OVER)
        send_notifications(with_post(rt, office))
        database.move_clock(timedelta(seconds=60))
        (other,) = claim_due(rt).jobs
        before = database.rows("SELECT * FROM mails")

        record(rt, [SentMail(job=late, result=MailResult(fate=Fate.REFUSED, error="late"))])
        record(rt, [SentMail(job=late, result=MailResult(fate=Fate.TAKEN))])

    assert late.token != other.token
    assert database.rows("SELECT * FROM mails") == before
    assert database.rows("SELECT count(*) FROM logs WHERE action = 'mail.dead'") == [(0,)]


def test_a_mail_that_was_taken_after_its_lease_is_not_sent_again_where_nobody_has_it(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    some_mail(rt, acme, database)
    (late,) = claim_due(rt).jobs
    with PostOffice(replies={"RCPT": ["450 later"]}) as office:
        database.move_clock(LEASE_OVER)
        send_notifications(with_post(rt, office))

        record(rt, [SentMail(job=late, result=MailResult(fate=Fate.TAKEN))])
        database.move_clock(timedelta(seconds=60))
        assert send_notifications(with_post(rt, office)) == 0

    assert mails(database)[0][0] == "sent"


class Onlooker:
    """A mail server's place, from which the database is looked at while a mail is under way."""

    def __init__(self, database: MigratedDatabase) -> None:
        self._database = database
        self.seen: list[tuple[object, ...]] = []

    def send(self, _: Mail) -> MailResult:
        self.seen += self._database.rows(OPEN)
        return MailResult(fate=Fate.TAKEN)


def test_no_transaction_is_open_while_a_mail_is_under_way(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    some_mail(rt, acme, database)
    onlooker = Onlooker(database)

    send_notifications(replace(rt, mailer=onlooker))

    assert onlooker.seen == [(0,)]
    with PostOffice() as office, rt.db.begin(acme.organization_id):
        mailer = with_post(rt, office).mailer
        assert mailer is not None
        with pytest.raises(TransactionOpenError):
            mailer.send(A_MAIL)
    assert office.connections == 0


def test_an_organization_whose_mails_cannot_be_made_holds_nobody_else_up(
    rt: Runtime, acme: Tenant, stranger: Tenant, database: MigratedDatabase
) -> None:
    for tenant, name in ((stranger, "Eve"), (acme, "Ada")):
        notify(database, file_ticket(rt, tenant.actor), user_id=add_person(rt, tenant.actor, name))
    database.run(sql.SQL(BROKEN).format(sql.Literal(str(stranger.organization_id))))

    with PostOffice() as office:
        send_notifications(with_post(rt, office))
        assert [taken.recipient for taken in office.taken] == ["ada@example.com"]
        database.run(sql.SQL("DROP TRIGGER broken ON mails"))
        send_notifications(with_post(rt, office))
        assert [taken.recipient for taken in office.taken] == ["ada@example.com", "eve@example.com"]


def test_five_leases_lost_in_a_row_make_a_mail_dead(rt: Runtime, acme: Tenant, database: MigratedDatabase) -> None:
    some_mail(rt, acme, database)
    with PostOffice() as office:
        desk = with_post(rt, office)
        for lost in range(1, 6):
            assert claim_due(rt).rows == 1
            database.move_clock(lost * LEASE_OVER)
            before = mails(database)
            _take_back(desk)
            assert before[0][0] == "in_flight"
        assert send_notifications(desk) == 0

    assert (mails(database), office.taken) == ([("dead", 5, 0, "leases_lost", None)], [])
    assert database.rows("SELECT after FROM logs WHERE action = 'mail.dead'") == [({"reason": "leases_lost"},)]


def _take_back(desk: Runtime) -> None:
    # Stopping, so that it takes back and claims nothing.
    desk.stopping.set()
    send_notifications(desk)
    desk.stopping.clear()
